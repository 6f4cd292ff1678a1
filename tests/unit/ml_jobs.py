"""Jobs for the tests of training: small data sets, and recipes with every default filled in."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from blueno.etl.dataset import Dataset
from blueno.ml.job import Job
from blueno.usercode import CodeFolder

TRAIN: dict[str, Any] = {
    "optimizer": {"adam": {}},
    "learning_rate": 0.001,
    "loss": None,
    "batch_size": 32,
    "epochs": 2,
    "early_stopping": None,
    "reduce_on_plateau": None,
    "class_weight": None,
    "mixed_precision": False,
    "select": None,
    "stages": None,
}
MLP = {"architecture": "mlp", "hidden": [16]}


def dataset(features: np.ndarray, target: np.ndarray, task: str, **parts: np.ndarray) -> Dataset:
    """A data set; without `parts` every third sample is validation."""
    rows = np.arange(len(features))
    parts = parts or {"train": rows[rows % 3 > 0], "validation": rows[rows % 3 == 0]}
    classes = None if task == "regression" else [int(code) for code in np.unique(target)]
    ids = np.array([f"s{row}" for row in rows])
    positive = 1 if task == "binary" else None
    return Dataset("d" * 64, features, target, ids, parts, classes, task, positive, {}, {})


@cache
def digits() -> Dataset:
    """240 images of 8x8x1, ten classes."""
    from sklearn.datasets import load_digits

    images, target = load_digits(return_X_y=True)
    return dataset(
        (images[:240] / 16).astype(np.float32).reshape(-1, 8, 8, 1), target[:240].astype(np.int64), "multiclass"
    )


def blobs(samples: int = 120, classes: int = 2) -> Dataset:
    """Points around centres on a circle, two features; classes take turns."""
    target = np.arange(samples) % classes
    angle = 2 * np.pi * target / classes
    noise = np.random.default_rng(0).normal(size=(samples, 2)) * 0.5
    features = (np.stack([np.cos(angle), np.sin(angle)], axis=1) + noise).astype(np.float32)
    return dataset(features, target.astype(np.int64), "binary" if classes == 2 else "multiclass")


def line(samples: int = 90) -> Dataset:
    """A regression: y = 3x + 1 with noise."""
    random = np.random.default_rng(1)
    x = random.normal(size=(samples, 1))
    return dataset(x.astype(np.float32), (3 * x + 1 + 0.1 * random.normal(size=x.shape))[:, 0], "regression")


def job(folder: Path, data: Dataset | None, model: dict[str, Any] = MLP, seed: int | None = 0, **changes: Any) -> Job:
    """A job; changes of `train` by their keys, of the job's other fields by theirs."""
    own = {key: changes.pop(key) for key in list(changes) if key in Job._fields}
    augment = changes.pop("augment", [])
    train = TRAIN | changes if "architecture" in model else None
    dataset_id = data.id if data else None
    recipe = {
        "augment": augment, "code": {}, "dataset": dataset_id, "model": model,
        "recipe": 1, "seed": seed, "train": train,
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    objective = {"metric": "val_accuracy", "direction": "maximize"}
    return Job(recipe, data, objective, [], {"weights": "all", "predictions": "all"}, folder, None, 1)._replace(**own)


def code(folder: Path, **files: str) -> CodeFolder:
    """A snapshot with these files: `code(folder, nets="def build...")` writes nets.py."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    return CodeFolder(folder, "")


def quiet(epoch: int, epochs: int, metrics: dict[str, float]) -> bool:
    """A report that nobody reads and that never asks to stop."""
    return False
