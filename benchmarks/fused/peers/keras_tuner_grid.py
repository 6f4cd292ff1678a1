"""KerasTuner over the list of trials: `python -m benchmarks.fused.peers.keras_tuner_grid FOLDER`.

Its own `run_trial` writes a checkpoint of each trial's best epoch; overriding it is how its guide trains otherwise.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import keras_tuner

from .training import train, trials_in


class Grid(keras_tuner.GridSearch):
    """All trials of the list, without checkpoints."""

    def __init__(self, list_folder: Path, **options: Any) -> None:
        self.list_folder = list_folder
        super().__init__(**options)

    def run_trial(self, trial: Any, *_: Any, **__: Any) -> float:
        """Trains one; its validation accuracy."""
        return train(self.list_folder, trial.hyperparameters.get("trial"))


def main(folder: Path) -> None:
    hyperparameters = keras_tuner.HyperParameters()
    hyperparameters.Choice("trial", list(range(len(trials_in(folder)))))
    with tempfile.TemporaryDirectory() as storage:
        Grid(
            folder, hyperparameters=hyperparameters, objective=keras_tuner.Objective("val_accuracy", "max"),
            directory=storage, project_name="trials", overwrite=True,
        ).search(verbose=0)  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]))
