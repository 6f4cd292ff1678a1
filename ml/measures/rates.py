"""Metrics that are a share of one class against the rest: precision, recall, F, Jaccard, Dice and their like.

All are fractions of four counts for each class. `average` and `zero_division` mean what they mean to scikit-learn's
`precision_recall_fscore_support`, which tests hold them to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from blueno.errors import ModelError

from ..scored import Scored
from .record import Undefined

AVERAGES = {  # of each task, its default first
    "binary": ("binary", "macro", "micro", "weighted"),
    "multiclass": ("macro", "micro", "weighted"),
    "multilabel": ("macro", "micro", "weighted", "samples"),
}


class Counts(NamedTuple):
    """Each class, label or sample against the rest, (k,) float64: right and wrong, said to be it or not."""

    true_positives: np.ndarray
    false_positives: np.ndarray
    false_negatives: np.ndarray
    true_negatives: np.ndarray

    @property
    def positives(self) -> np.ndarray:
        """How many there are in truth."""
        return self.true_positives + self.false_negatives


Fraction = Callable[..., tuple[np.ndarray, np.ndarray]]  # (counts, **parameters) -> numerator and denominator


def confusion(scored: Scored) -> np.ndarray:
    """(classes, classes) float64: how often the class of the row was taken for that of the column."""
    cells = scored.target * scored.classes + scored.labels
    shape = (scored.classes, scored.classes)
    return np.bincount(cells, minlength=scored.classes**2).reshape(shape).astype(np.float64)


def counts_of(scored: Scored, by_sample: bool = False) -> Counts:
    """The counts of each class (of each label or, if asked, of each sample of a multilabel task)."""
    if scored.task != "multilabel":
        matrix = confusion(scored)
        right, said, true = np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1)
        return Counts(right, said - right, true - right, matrix.sum() - said - true + right)
    axis = 1 if by_sample else 0
    assert scored.labels is not None, "BUG: a classification without labels"
    true, said = scored.target == 1, scored.labels == 1
    pairs = (true & said, ~true & said, true & ~said, ~true & ~said)
    return Counts(*(pair.sum(axis=axis, dtype=np.float64) for pair in pairs))


def rate(
    fraction: Fraction, needs: str = "", of_labels: str = "macro", nothing: float = 0.0
) -> Callable[..., float]:  # fmt: skip
    """The metric that is this fraction: of the positive class of two, averaged over classes above two and over labels.

    `needs` is "positives" or "negatives" where it means nothing without any. `of_labels` is the `average` of several
    labels, and `nothing` the `zero_division`, if the spec does not say another.
    """

    def compute(
        scored: Scored, average: str | None = None, zero_division: float | None = None, **parameters: float
    ) -> float:
        average = _average_of(scored, average, of_labels)
        counts = _chosen(scored, average)
        if zero_division is None:
            _check_defined(scored, counts, needs, average)
        top, bottom = fraction(counts, **parameters)
        zero = np.full(len(top), nothing if zero_division is None else zero_division)
        values = np.divide(top, bottom, out=zero, where=bottom != 0)
        return float(np.average(values, weights=_weights(counts) if average == "weighted" else None))

    return compute


def _average_of(scored: Scored, wanted: str | None, of_labels: str) -> str:
    known = AVERAGES[scored.task]
    if wanted is None:
        return of_labels if scored.task == "multilabel" else known[0]
    if wanted not in known:
        raise ModelError(f"average: {wanted} is not for a {scored.task} task", f"use one of {', '.join(known)}")
    return wanted


def _chosen(scored: Scored, average: str) -> Counts:
    """The counts that are averaged: of the positive class, of all together, or of each class that occurs at all."""
    counts = counts_of(scored, by_sample=average == "samples")
    if average == "binary":
        return Counts(*(each[1:] for each in counts))
    if average == "micro":
        return Counts(*(each.sum(keepdims=True) for each in counts))
    if scored.task == "multilabel":
        return counts
    occurs = counts.positives + counts.false_positives > 0
    return Counts(*(each[occurs] for each in counts))


def _check_defined(scored: Scored, counts: Counts, needs: str, average: str) -> None:
    """Undefined where something is shared out that does not exist. A class that is only ever said counts as 0."""
    if not needs or average == "samples" or (needs == "positives" and average == "weighted"):
        return
    there = counts.positives if needs == "positives" else counts.false_positives + counts.true_negatives
    if there.all():
        return
    if scored.task == "multilabel" and average != "micro":
        raise Undefined(f"of label {int(np.argmin(there))}, no sample is {needs.removesuffix('s')}")
    if scored.task == "multilabel" or average == "binary":
        raise Undefined(f"no sample is {needs.removesuffix('s')}")
    if needs == "negatives":
        raise Undefined("all samples are of one class")


def _weights(counts: Counts) -> np.ndarray:
    if not counts.positives.any():
        raise Undefined("no sample is positive")
    return counts.positives


def precision(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Of those said to be it, the share that is."""
    return counts.true_positives, counts.true_positives + counts.false_positives


def recall(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Of those that are it, the share that was found."""
    return counts.true_positives, counts.positives


def specificity(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Of those that are not it, the share that was not said to be."""
    return counts.true_negatives, counts.true_negatives + counts.false_positives


def negative_predictive_value(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Of those said not to be it, the share that is not."""
    return counts.true_negatives, counts.true_negatives + counts.false_negatives


def false_positive_rate(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Of those that are not it, the share that was said to be: 1 - specificity."""
    return counts.false_positives, counts.true_negatives + counts.false_positives


def false_negative_rate(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Of those that are it, the share that was missed: 1 - recall."""
    return counts.false_negatives, counts.positives


def fbeta(counts: Counts, beta: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """F with recall `beta` times as important as precision (van Rijsbergen, Information Retrieval, 1979, chapter 7).

    With beta 1 it is the coefficient of Dice (1945), 2|A and B| / (|A| + |B|).
    """
    top = (1 + beta**2) * counts.true_positives
    return top, top + beta**2 * counts.false_negatives + counts.false_positives


def jaccard(counts: Counts) -> tuple[np.ndarray, np.ndarray]:
    """Intersection over union (Jaccard, 1901): |A and B| / |A or B|."""
    return counts.true_positives, counts.positives + counts.false_positives
