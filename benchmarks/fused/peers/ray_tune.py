"""Ray Tune over the list of trials: `python -m benchmarks.fused.peers.ray_tune FOLDER SLOTS`.

Actors are reused, one core each; no dashboard, no logs of trials, no checkpoints, one report a trial.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

QUIET = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}


def main(folder: Path, slots: int) -> None:
    os.environ.update(QUIET)
    import ray
    from ray import tune

    from . import training

    def trainable(config: dict[str, Any]) -> None:
        training.one_thread()
        tune.report({"accuracy": training.train(folder, config["trial"])})

    ray.init(num_cpus=slots, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    with tempfile.TemporaryDirectory() as storage:
        tune.Tuner(
            tune.with_resources(trainable, {"cpu": 1}),
            param_space={"trial": tune.grid_search(list(range(len(training.trials_in(folder)))))},
            tune_config=tune.TuneConfig(metric="accuracy", mode="max", reuse_actors=True),
            run_config=tune.RunConfig(verbose=0, storage_path=storage),
        ).fit()
    ray.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
