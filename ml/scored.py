"""What a model said of the samples of one part, in the one form that all metrics are computed from."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from blueno.etl.dataset import Dataset


class Scored(NamedTuple):
    """n samples. `scores` is None for a classifier that only names classes."""

    task: str  # "binary", "multiclass" or "regression"
    target: np.ndarray  # (n,) int64 codes, or (n,) or (n, k) float64 values
    scores: np.ndarray | None  # (n,) of the positive class, (n, classes), or values shaped like the target; float64
    labels: np.ndarray | None  # (n,) int64 codes; None for a regression
    classes: int  # how many; 0 for a regression
    probabilities: bool  # whether scores are probabilities, not merely ordered like them

    @property
    def finite(self) -> bool:
        """Whether every score is a number."""
        return self.scores is None or bool(np.isfinite(self.scores).all())


def rows(dataset: Dataset, part: str) -> np.ndarray:
    """The row numbers of a part; none where the part does not exist."""
    return dataset.parts.get(part, np.empty(0, dtype=np.int64))


def hard_labels(task: str, scores: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Class codes, (n,) int64: the positive class above the threshold, or the class with the highest score."""
    if task == "binary":
        return (scores > threshold).astype(np.int64)
    return scores.argmax(axis=1).astype(np.int64)


def save_predictions(path: Path, scored: Scored, ids: np.ndarray, classes: list | None) -> Path:
    """Writes `ids`, `part`, `target` and `scores` (labels as codes where there are none), and `classes`, as npz."""
    scores = scored.labels if scored.scores is None else scored.scores
    names = [] if classes is None else classes
    part = np.asarray("validation")
    np.savez(path, ids=ids, part=part, target=scored.target, scores=np.asarray(scores), classes=np.asarray(names))
    return path
