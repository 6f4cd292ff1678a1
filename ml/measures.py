"""What the metrics compute: functions of `Scored` to a number, by the language's names (scikit-learn's).

A metric that is undefined on these samples raises Undefined with the reason; it is never zero by convention.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np
from sklearn import metrics as sk

from .scored import Scored

Needs = Literal["labels", "scores", "probabilities", "values"]


class Undefined(Exception):
    """A metric has no value on these samples; the message says why."""


class Measure(NamedTuple):
    """A metric: how it is computed, what from, and whether more is better."""

    compute: Callable[..., float]  # (scored, **parameters)
    needs: Needs  # "values" is a regression, the others a classification
    maximize: bool


def _accuracy(scored: Scored) -> float:
    right = scored.labels == scored.target
    return float(np.mean(right.all(axis=1) if scored.task == "multilabel" else right))  # type: ignore[union-attr]


def _averaged(function: Callable[..., float]) -> Callable[..., float]:
    """A metric of one class against the rest: of the positive class, or the mean over classes above two."""

    def compute(scored: Scored, **parameters: Any) -> float:
        average = "binary" if scored.task == "binary" else "macro"
        parameters = {"average": average, "zero_division": 0.0} | parameters
        return float(function(scored.target, scored.labels, **parameters))

    return compute


def _of_positives(function: Callable[..., float]) -> Callable[..., float]:
    """As `_averaged`, for a metric that means nothing when no sample is positive."""
    averaged = _averaged(function)

    def compute(scored: Scored, **parameters: Any) -> float:
        if scored.task == "binary":
            _needs_class(scored, 1)
        return averaged(scored, **parameters)

    return compute


def _specificity(scored: Scored) -> float:
    if scored.task == "binary":
        _needs_class(scored, 0)
        return float(np.mean(scored.labels[scored.target == 0] == 0))  # type: ignore[index]
    present = [code for code in range(scored.classes) if (scored.target == code).any()]
    return float(np.mean([_specificity_of(scored, code) for code in present]))


def _specificity_of(scored: Scored, code: int) -> float:
    others = scored.target != code
    if not others.any():
        raise Undefined("all samples are of one class")
    return float(np.mean(scored.labels[others] != code))  # type: ignore[index]


def _balanced_accuracy(scored: Scored) -> float:
    codes = np.unique(scored.target)
    recalls = [np.mean(scored.labels[scored.target == code] == code) for code in codes]  # type: ignore[index]
    return float(np.mean(recalls))


def _youden_j(scored: Scored) -> float:
    """Sensitivity + specificity - 1 (Youden, 1950); above two classes of their means over classes."""
    if scored.task == "binary":
        _needs_class(scored, 1)
        return float(np.mean(scored.labels[scored.target == 1] == 1)) + _specificity(scored) - 1  # type: ignore[index]
    return _balanced_accuracy(scored) + _specificity(scored) - 1


def _of_labels(function: Callable[..., float]) -> Callable[..., float]:
    def compute(scored: Scored, **parameters: Any) -> float:
        if len(np.unique([scored.target, scored.labels])) < 2:
            raise Undefined("all samples are of one class, and all are predicted so")
        return float(function(scored.target, scored.labels, **parameters))

    return compute


def _count(target: int, label: int) -> Callable[[Scored], float]:
    def compute(scored: Scored) -> float:
        if scored.task != "binary":
            raise Undefined("it is defined for two classes")
        return float(np.sum((scored.target == target) & (scored.labels == label)))

    return compute


def _of_scores(function: Callable[..., float]) -> Callable[..., float]:
    """A ranking metric of the positive class; above two classes the mean of each against the rest."""

    def compute(scored: Scored) -> float:
        assert scored.scores is not None, "BUG: a metric of scores was asked of hard labels"
        for code in range(scored.classes):
            _needs_class(scored, code)
        if scored.task == "binary":
            return float(function(scored.target, scored.scores))
        each = [function(scored.target == code, scored.scores[:, code]) for code in range(scored.classes)]
        return float(np.mean(each))

    return compute


def _probabilities(scored: Scored) -> np.ndarray:
    """(n, classes) float64, rows that add up to one in float64 too."""
    assert scored.scores is not None, "BUG: a metric of probabilities was asked of hard labels"
    both = np.stack([1 - scored.scores, scored.scores], axis=1) if scored.task == "binary" else scored.scores
    return both / both.sum(axis=1, keepdims=True)


def _log_loss(scored: Scored) -> float:
    return float(sk.log_loss(scored.target, _probabilities(scored), labels=np.arange(scored.classes)))


def _brier_score(scored: Scored) -> float:
    """Mean squared error of the probabilities (Brier, 1950): of the positive class, or summed over classes."""
    if scored.task == "binary":
        return float(np.mean((scored.scores - scored.target) ** 2))
    hits = np.eye(scored.classes)[scored.target]
    return float(np.mean(np.sum((_probabilities(scored) - hits) ** 2, axis=1)))


def _top_k_accuracy(scored: Scored, k: int = 2) -> float:
    return float(sk.top_k_accuracy_score(scored.target, scored.scores, k=k, labels=np.arange(scored.classes)))


def _values(function: Callable[..., float], at_least: int = 1) -> Callable[..., float]:
    """A metric of a regression, which may be undefined below `at_least` samples or for such values."""

    def compute(scored: Scored, **parameters: Any) -> float:
        if len(scored.target) < at_least:
            raise Undefined(f"it needs {at_least} samples, and there are {len(scored.target)}")
        try:
            return float(function(scored.target, scored.scores, **parameters))
        except ValueError as error:  # such as the logarithm of negative values, which scikit-learn refuses
            raise Undefined(str(error)) from error

    return compute


def _max_error(target: np.ndarray, values: np.ndarray) -> float:
    return float(np.max(np.abs(target - values)))


def _needs_class(scored: Scored, code: int) -> None:
    if not (scored.target == code).any():
        which = ("negative", "positive")[code] if scored.task == "binary" else f"class {code}"
        raise Undefined(f"no sample is {which}" if scored.task == "binary" else f"no sample is of {which}")


MEASURES: dict[str, Measure] = {
    "accuracy": Measure(_accuracy, "labels", True),
    "balanced_accuracy": Measure(_balanced_accuracy, "labels", True),
    "precision": Measure(_averaged(sk.precision_score), "labels", True),
    "recall": Measure(_of_positives(sk.recall_score), "labels", True),
    "specificity": Measure(_specificity, "labels", True),
    "f1": Measure(_of_positives(sk.f1_score), "labels", True),
    "jaccard": Measure(_of_positives(sk.jaccard_score), "labels", True),
    "youden_j": Measure(_youden_j, "labels", True),
    "cohen_kappa": Measure(_of_labels(sk.cohen_kappa_score), "labels", True),
    "matthews_corrcoef": Measure(_of_labels(sk.matthews_corrcoef), "labels", True),
    "true_positives": Measure(_count(1, 1), "labels", True),
    "true_negatives": Measure(_count(0, 0), "labels", True),
    "false_positives": Measure(_count(0, 1), "labels", False),
    "false_negatives": Measure(_count(1, 0), "labels", False),
    "roc_auc": Measure(_of_scores(sk.roc_auc_score), "scores", True),
    "average_precision": Measure(_of_scores(sk.average_precision_score), "scores", True),
    "top_k_accuracy": Measure(_top_k_accuracy, "scores", True),
    "log_loss": Measure(_log_loss, "probabilities", False),
    "brier_score": Measure(_brier_score, "probabilities", False),
    "mean_absolute_error": Measure(_values(sk.mean_absolute_error), "values", False),
    "mean_squared_error": Measure(_values(sk.mean_squared_error), "values", False),
    "root_mean_squared_error": Measure(_values(sk.root_mean_squared_error), "values", False),
    "mean_squared_log_error": Measure(_values(sk.mean_squared_log_error), "values", False),
    "root_mean_squared_log_error": Measure(_values(sk.root_mean_squared_log_error), "values", False),
    "mean_absolute_percentage_error": Measure(_values(sk.mean_absolute_percentage_error), "values", False),
    "median_absolute_error": Measure(_values(sk.median_absolute_error), "values", False),
    "max_error": Measure(_values(_max_error), "values", False),
    "r2": Measure(_values(sk.r2_score, at_least=2), "values", True),
    "explained_variance": Measure(_values(sk.explained_variance_score, at_least=2), "values", True),
    "mean_poisson_deviance": Measure(_values(sk.mean_poisson_deviance), "values", False),
    "mean_gamma_deviance": Measure(_values(sk.mean_gamma_deviance), "values", False),
}
