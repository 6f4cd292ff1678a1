"""The usual metrics of many models at once, with the very values that they have one by one."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from ..scored import Scored
from .record import Measure


class Together(NamedTuple):
    """What several models said of as many samples; the arrays are those of `Scored`, with an axis of models before."""

    task: str
    classes: int
    target: np.ndarray  # (models, n)
    scores: np.ndarray  # (models, n) or (models, n, classes)
    labels: np.ndarray  # (models, n)


Compute = Callable[[Together], np.ndarray]  # (models,)


def together(wanted: Collection[tuple[Measure, Compute]], scored: Sequence[Scored]) -> list[dict[Measure, float]]:
    """The values of each model, as far as they can be had for all at once."""
    nothing: list[dict[Measure, float]] = [{} for _ in scored]
    if len(scored) < 2 or not wanted or not _alike(scored):
        return nothing
    columns = [np.stack([getattr(each, name) for each in scored]) for name in ("target", "scores", "labels")]
    models = Together(scored[0].task, scored[0].classes, *columns)
    values = {measure: compute(models) for measure, compute in wanted}
    return [{measure: float(each[i]) for measure, each in values.items()} for i in range(len(scored))]


def _alike(scored: Sequence[Scored]) -> bool:
    """Whether all are probabilities of one task, and no class is missing anywhere."""
    first = scored[0]
    if first.task not in ("binary", "multiclass"):
        return False
    if any(each[4:] != first[4:] or each.scores is None or each.scores.shape != first.scores.shape for each in scored):  # type: ignore[union-attr]
        return False
    return first.probabilities and all(
        each.finite and np.bincount(each.target, minlength=each.classes).all() for each in scored
    )


def accuracy(models: Together) -> np.ndarray:
    """As agreement.accuracy."""
    return np.mean(models.labels == models.target, axis=1)


def log_loss(models: Together) -> np.ndarray:
    """As probabilities.log_loss."""
    both = np.stack([1 - models.scores, models.scores], axis=2) if models.task == "binary" else models.scores
    given = both / both.sum(axis=2, keepdims=True)
    said = np.take_along_axis(given, models.target[..., np.newaxis], axis=2)[..., 0]
    tiny = np.finfo(np.float64).eps
    return -np.mean(np.log(np.clip(said, tiny, 1 - tiny)), axis=1)


def roc_auc(models: Together) -> np.ndarray:
    """As ranking.roc_auc: the ranks of all scores by one sort."""
    if models.task == "binary":
        scores, true = models.scores[..., np.newaxis], models.target[..., np.newaxis] == 1
    else:
        scores, true = models.scores, models.target[..., np.newaxis] == np.arange(models.classes)
    positives = true.sum(axis=1)
    above = np.where(true, rankdata(scores, axis=1), 0).sum(axis=1) - positives * (positives + 1) / 2
    return np.ascontiguousarray(above / (positives * (true.shape[1] - positives))).mean(axis=1)
