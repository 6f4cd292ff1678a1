"""Architectures, each built once on the shape of its data before the first trial: what cannot work is found at 18:05,
not when its turn comes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..files import located
from ..usercode import CodeFolder

if TYPE_CHECKING:
    from ..etl.dataset import Dataset

# How to train is not what is checked here, so the plainest way stands for all.
TRAIN: dict[str, Any] = {
    "optimizer": {"adam": {}}, "learning_rate": 0.001, "loss": None, "batch_size": 32, "epochs": 1,
    "early_stopping": None, "reduce_on_plateau": None, "class_weight": None, "mixed_precision": False, "select": None,
    "stages": None,
}  # fmt: skip


def cannot_be_built(
    models: list[str],
    dataset: Dataset | None,
    code: CodeFolder | None,
    threads: int,
    folder: Path,
    files: Mapping[str, str],
    fatal: tuple[type[BaseException], ...],
) -> Iterator[tuple[str, BaseException]]:
    """Of `models` (JSON of [code, model], from recipes), those that cannot be built on the dataset's shape, and why."""
    from ..ml.job import Job
    from ..ml.train import check

    for model in models:
        recipe = {"model": located(json.loads(model)[1], files), "train": TRAIN, "augment": [], "seed": 0}
        objective = {"metric": "val_loss", "direction": "minimize"}
        try:
            check(Job(recipe, dataset, objective, [], {}, folder, code, threads))
        except fatal:
            raise
        except BaseException as error:
            yield model, error
