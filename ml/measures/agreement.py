"""Metrics of hard labels as a whole: accuracy, agreement beyond chance, counts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ..scored import Scored
from .rates import Counts, confusion, counts_of, rate, specificity
from .record import Undefined


def accuracy(scored: Scored) -> float:
    """The share of right samples; of several labels, of samples whose labels are all right."""
    right = scored.labels == scored.target
    return float(np.mean(right.all(axis=1) if scored.task == "multilabel" else right))  # type: ignore[union-attr]


def zero_one_loss(scored: Scored) -> float:
    """The share of wrong samples: 1 - accuracy."""
    return 1 - accuracy(scored)


def hamming_loss(scored: Scored) -> float:
    """The share of wrong labels: of one label a sample, 1 - accuracy."""
    return float(np.mean(scored.labels != scored.target))


def balanced_accuracy(scored: Scored, adjusted: bool = False) -> float:
    """The mean of recall over the classes that occur; `adjusted` so that chance is 0.

    Source: `sklearn.metrics.balanced_accuracy_score`.
    """
    matrix = confusion(scored)
    true = matrix.sum(axis=1)
    mean = float(np.mean(np.diag(matrix)[true > 0] / true[true > 0]))
    if not adjusted:
        return mean
    chance = 1 / np.count_nonzero(true)
    if chance == 1:
        raise Undefined("all samples are of one class")
    return float((mean - chance) / (1 - chance))


def youden_j(scored: Scored) -> float:
    """Sensitivity + specificity - 1 (Youden, Cancer 3, 1950); above two classes of their means over classes."""
    if scored.task == "binary":
        true = scored.target == 1
        if not true.any():
            raise Undefined("no sample is positive")
        sensitivity = float(np.mean(scored.labels[true] == 1))  # type: ignore[index]
    else:
        sensitivity = balanced_accuracy(scored)
    return sensitivity + rate(specificity, "negatives")(scored) - 1


def cohen_kappa(scored: Scored, weights: str | None = None) -> float:
    """Agreement beyond chance (Cohen, 1960; 1968 with `weights`: "linear" or "quadratic").

    Weights are distances of class codes. Source: `sklearn.metrics.cohen_kappa_score`, told of all classes.
    """
    matrix = _varied(scored)
    expected = np.outer(matrix.sum(axis=1), matrix.sum(axis=0)) / matrix.sum()
    codes = np.arange(scored.classes)
    distance = np.abs(codes[:, np.newaxis] - codes)
    penalty = {None: distance > 0, "linear": distance, "quadratic": distance**2}[weights]
    return float(1 - np.sum(penalty * matrix) / np.sum(penalty * expected))


def matthews_corrcoef(scored: Scored) -> float:
    """The correlation of truth and label (Matthews, 1975; above two classes Gorodkin, 2004); 0 when one is constant.

    Source: `sklearn.metrics.matthews_corrcoef`.
    """
    matrix = _varied(scored)
    true, said, count = matrix.sum(axis=1), matrix.sum(axis=0), matrix.sum()
    spread = np.sqrt(count**2 - said @ said) * np.sqrt(count**2 - true @ true)
    return float((np.trace(matrix) * count - true @ said) / spread) if spread else 0.0


def _varied(scored: Scored) -> np.ndarray:
    """The confusion matrix; Undefined when there is one class only, in truth and in what was said."""
    matrix = confusion(scored)
    if np.count_nonzero(matrix.sum(axis=0) + matrix.sum(axis=1)) < 2:
        raise Undefined("all samples are of one class, and all are predicted so")
    return matrix


def count(which: Callable[[Counts], np.ndarray]) -> Callable[[Scored], float]:
    """How many samples (of several labels: how many labels of all samples) are right or wrong in one way."""

    def compute(scored: Scored) -> float:
        found = which(counts_of(scored))
        return float(found[1] if scored.task == "binary" else found.sum())

    return compute
