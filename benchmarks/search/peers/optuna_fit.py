"""Optuna alone, a study in memory: `python -m benchmarks.search.peers.optuna_fit FOLDER CONFIGS SEED PRUNES`.

One config at a time, by `Model.fit` on all cores; PRUNES is `asha` or `never`.
"""

from __future__ import annotations

import sys
from pathlib import Path

import optuna

from .fitting import REDUCTION, SPACE, fit


def main(folder: Path, configs: int, seed: int, prunes: str) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    pruner = (
        optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=REDUCTION)
        if prunes == "asha"
        else optuna.pruners.NopPruner()
    )
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.TPESampler(seed=seed), pruner=pruner)

    def objective(trial: optuna.Trial) -> float:
        config = {name: trial.suggest_float(name, *ends, log=name != "dropout") for name, ends in SPACE.items()}

        def after(epoch: int, accuracy: float) -> None:
            trial.report(accuracy, epoch)
            if trial.should_prune():
                raise optuna.TrialPruned

        return fit(folder, config, str(trial.number), after)

    study.optimize(objective, n_trials=configs)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
