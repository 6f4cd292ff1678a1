"""Ray Tune with ASHA, drawn at random: `python -m benchmarks.search.peers.ray_asha FOLDER CONFIGS SEED SLOTS EPOCHS`.

Actors are reused, one core each; no dashboard, no logs of trials, no checkpoints.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from ...fused.peers.ray_tune import QUIET
from .fitting import REDUCTION, SPACE, fit


def main(folder: Path, configs: int, seed: int, slots: int, epochs: int) -> None:
    os.environ.update(QUIET)
    import ray
    from ray import tune
    from ray.tune.schedulers import ASHAScheduler
    from ray.tune.search.basic_variant import BasicVariantGenerator

    def trainable(config: dict[str, Any]) -> None:
        number = tune.get_context().get_trial_id()
        fit(folder, config, number, lambda epoch, accuracy: tune.report({"accuracy": accuracy}))

    ray.init(num_cpus=slots, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    space = {name: (tune.uniform if name == "dropout" else tune.loguniform)(*ends) for name, ends in SPACE.items()}
    with tempfile.TemporaryDirectory() as storage:
        tune.Tuner(
            tune.with_resources(trainable, {"cpu": 1}),
            param_space=space,
            tune_config=tune.TuneConfig(
                metric="accuracy", mode="max", num_samples=configs, reuse_actors=True,
                search_alg=BasicVariantGenerator(random_state=seed),
                scheduler=ASHAScheduler(max_t=epochs, grace_period=1, reduction_factor=REDUCTION),
            ),
            run_config=tune.RunConfig(verbose=0, storage_path=storage),
        ).fit()  # fmt: skip
    ray.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:6]))
