"""Optuna over the list of trials: `python -m benchmarks.fused.peers.optuna_loop FOLDER JOBS`.

The storage is in memory, the sampler a grid, nothing is logged: Optuna's quickest settings.
"""

from __future__ import annotations

import sys
from pathlib import Path

import optuna

from .training import train, trials_in


def main(folder: Path, jobs: int) -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    numbers = list(range(len(trials_in(folder))))
    study = optuna.create_study(direction="maximize", sampler=optuna.samplers.GridSampler({"trial": numbers}))
    study.optimize(
        lambda trial: train(folder, trial.suggest_categorical("trial", numbers), clear=jobs == 1),
        n_trials=len(numbers), n_jobs=jobs,
    )  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
