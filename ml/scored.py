"""What a model said of the samples of one part, in the one form that all metrics are computed from, and its file."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np

from blueno.errors import ModelError
from blueno.etl.dataset import Dataset


class Scored(NamedTuple):
    """n samples. `scores` is None for a classifier that only names classes."""

    task: str  # "binary", "multiclass", "multilabel" or "regression"
    target: np.ndarray  # (n,) int64 codes; (n, k) int64 of 0 and 1 for k labels; (n,) or (n, k) float64 values
    scores: np.ndarray | None  # (n,) of the positive class, (n, classes), or shaped like the target; float64
    labels: np.ndarray | None  # int64, shaped like the target; None for a regression
    classes: int  # how many; of a multilabel task how many labels; 0 for a regression
    probabilities: bool  # whether scores are probabilities, not merely ordered like them

    @property
    def finite(self) -> bool:
        """Whether every score is a number."""
        return self.scores is None or bool(np.isfinite(self.scores).all())


class Predictions(NamedTuple):
    """A file of predictions: n samples of one part."""

    ids: np.ndarray  # (n,), text
    part: str  # "validation"
    scored: Scored
    classes: list[Any] | None  # what the codes mean; the names of the labels of a multilabel task


def rows(dataset: Dataset, part: str) -> np.ndarray:
    """The row numbers of a part; none where the part does not exist."""
    return dataset.parts.get(part, np.empty(0, dtype=np.int64))


def hard_labels(task: str, scores: np.ndarray, threshold: float = 0.5) -> np.ndarray:
    """Class codes, (n,) int64: the positive class above the threshold, or the class with the highest score.

    Of several labels each that is above the threshold, (n, k) int64 of 0 and 1.
    """
    if task in ("binary", "multilabel"):
        return (scores > threshold).astype(np.int64)
    return scores.argmax(axis=1).astype(np.int64)


def save_predictions(path: Path, scored: Scored, ids: np.ndarray, classes: list | None) -> Path:
    """Writes samples of the validation part as npz: `ids`, `part`, `target`, `scores` (labels as int64 codes where
    there are none), `labels` (empty for a regression), `classes`, `task`, `probabilities`.
    """
    labels = np.empty(0, dtype=np.int64) if scored.labels is None else scored.labels
    np.savez(
        path,
        ids=np.asarray(ids, dtype=np.str_),
        part=np.asarray("validation"),
        target=scored.target,
        scores=labels if scored.scores is None else scored.scores,
        labels=labels,
        classes=np.asarray([] if classes is None else classes),
        task=np.asarray(scored.task),
        probabilities=np.asarray(scored.probabilities),
    )
    return path


def load_predictions(path: Path) -> Predictions:
    """What `save_predictions` wrote; nothing in the file can run code.

    Raises ModelError when it is not such a file, and FileNotFoundError.
    """
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            found = {name: file[name] for name in file.files}
        task, classes = str(found["task"]), found["classes"].tolist()
        scored = _scored(found, task, len(classes))
        return Predictions(found["ids"], str(found["part"]), scored, None if task == "regression" else classes)
    except (EOFError, KeyError, ValueError, BadZipFile) as error:
        message = f"{path} does not hold predictions as this version keeps them: {error}"
        raise ModelError(
            message, "`blueno verify` says whether it is damaged; `blueno retry` trains it again"
        ) from error


def _scored(found: dict[str, np.ndarray], task: str, classes: int) -> Scored:
    scores = None if found["scores"].dtype.kind == "i" else found["scores"]
    labels = None if task == "regression" else found["labels"]
    return Scored(task, found["target"], scores, labels, classes, bool(found["probabilities"]))
