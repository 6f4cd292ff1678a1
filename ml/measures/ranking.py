"""Metrics of scores, as far as they order samples, classes or labels."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
from scipy.stats import rankdata
from sklearn import metrics as sk

from blueno.errors import ModelError

from ..scored import Scored
from .record import Undefined, need_class

Curve = Callable[[np.ndarray, np.ndarray], float]  # (n,) bool and (n,) scores -> area


def roc_auc(
    scored: Scored, average: str = "macro", multi_class: str = "ovr", max_fpr: float | None = None
) -> float:  # fmt: skip
    """The area under the ROC curve: of the positive class, or averaged over each class (label) against the rest.

    It is the share of pairs that are ordered rightly, ties half (Hanley and McNeil, Radiology 143, 1982). `multi_class:
    ovo` averages over pairs of classes (Hand and Till, Machine Learning 45, 2001); `max_fpr` is the standardised area
    up to that false positive rate, of two classes. Source: `sklearn.metrics.roc_auc_score`.
    """
    if max_fpr is not None:
        if scored.task != "binary":
            raise ModelError("max_fpr is for two classes", "leave it out")
        _need_classes(scored)
        return float(sk.roc_auc_score(scored.target, scored.scores, max_fpr=max_fpr))
    if multi_class == "ovo" and scored.task == "multiclass":
        return _one_against_one(scored, average)
    return _averaged(_area_under_roc, scored, average)


def average_precision(scored: Scored, average: str = "macro") -> float:
    """The sum over thresholds of precision times what recall gains there, averaged as `roc_auc`.

    Source: `sklearn.metrics.average_precision_score`.
    """
    return _averaged(_average_precision, scored, average)


def _averaged(curve: Curve, scored: Scored, average: str) -> float:
    true, scores = one_against_rest(scored)
    if average == "micro" and scored.task != "binary":
        return curve(true.ravel(), scores.ravel())
    values = [curve(true[:, column], scores[:, column]) for column in range(true.shape[1])]
    return float(np.average(values, weights=true.sum(axis=0) if average == "weighted" else None))


def one_against_rest(scored: Scored) -> tuple[np.ndarray, np.ndarray]:
    """Truth, bool, and scores, float64, (n, k): a column a class or label, of two classes that of the positive one.

    Raises Undefined when a class has no sample, or a label not both.
    """
    assert scored.scores is not None, "BUG: a metric of scores was asked of hard labels"
    if scored.task == "multilabel":
        _need_both(scored.target)
        return scored.target == 1, scored.scores
    _need_classes(scored)
    if scored.task == "binary":
        return scored.target[:, np.newaxis] == 1, scored.scores[:, np.newaxis]
    return scored.target[:, np.newaxis] == np.arange(scored.classes), scored.scores


def _need_classes(scored: Scored) -> None:
    for code in range(scored.classes):
        need_class(scored, code)


def _need_both(target: np.ndarray) -> None:
    positives = target.sum(axis=0)
    for label, found in enumerate(positives):
        if found in (0, len(target)):
            raise Undefined(f"of label {label}, no sample is {'negative' if found else 'positive'}")


def _area_under_roc(true: np.ndarray, scores: np.ndarray) -> float:
    positives = int(true.sum())
    above = rankdata(scores)[true].sum() - positives * (positives + 1) / 2
    return float(above / (positives * (len(true) - positives)))


def _average_precision(true: np.ndarray, scores: np.ndarray) -> float:
    order = np.argsort(-scores, kind="stable")
    last_of_ties = np.append(np.diff(scores[order]) != 0, True)
    found = np.cumsum(true[order])[last_of_ties]
    said = np.flatnonzero(last_of_ties) + 1
    return float(np.sum(np.diff(found, prepend=0) * found / said) / found[-1])


def _one_against_one(scored: Scored, average: str) -> float:
    true, scores = one_against_rest(scored)
    values, weights = [], []
    for one, other in combinations(range(scored.classes), 2):
        both = true[:, one] | true[:, other]
        areas = [_area_under_roc(true[both, code], scores[both, code]) for code in (one, other)]
        values.append(np.mean(areas))
        weights.append(np.mean(both))
    return float(np.average(values, weights=weights if average == "weighted" else None))


def top_k_accuracy(scored: Scored, k: int = 2) -> float:
    """The share of samples whose class is among the k with the highest scores."""
    return float(sk.top_k_accuracy_score(scored.target, scored.scores, k=k, labels=np.arange(scored.classes)))


def of_labels(function: Callable[..., float]) -> Callable[..., float]:
    """A metric of scikit-learn's of how the labels of a sample are ordered."""

    def compute(scored: Scored, **parameters: int) -> float:
        if scored.classes < 2:
            raise Undefined("there is only one label to order")
        return float(function(scored.target, scored.scores, **parameters))

    return compute
