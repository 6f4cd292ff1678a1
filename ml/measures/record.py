"""What a metric is to whoever computes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import numpy as np

from ..scored import Scored

Needs = Literal["labels", "scores", "probabilities", "values"]
CLASSES = ("binary", "multiclass")
ANY_CLASSES = (*CLASSES, "multilabel")


class Undefined(Exception):
    """A metric has no value on these samples; the message says why."""


class Measure(NamedTuple):
    """A metric: how it is computed, what from, whether more is better, and for which tasks it exists."""

    compute: Callable[..., float]  # (scored, **parameters); raises Undefined
    needs: Needs  # "values" is a regression, the others a classification
    maximize: bool
    tasks: tuple[str, ...] = ANY_CLASSES


def for_each_label(compute: Callable[..., float]) -> Callable[..., float]:
    """A metric of one target that, of several labels, is the mean of what it is for each; undefined if one of them is.

    That is scikit-learn's `average="macro"` of a multilabel task.
    """

    def over_labels(scored: Scored, **parameters: Any) -> float:
        if scored.task != "multilabel":
            return compute(scored, **parameters)
        return float(np.mean([_of_label(compute, scored, label, parameters) for label in range(scored.classes)]))

    return over_labels


def _of_label(compute: Callable[..., float], scored: Scored, label: int, parameters: dict[str, Any]) -> float:
    scores = None if scored.scores is None else scored.scores[:, label]
    labels = None if scored.labels is None else scored.labels[:, label]
    one = Scored("binary", scored.target[:, label], scores, labels, 2, scored.probabilities)
    try:
        return compute(one, **parameters)
    except Undefined as reason:
        raise Undefined(f"of label {label}, {reason}") from None


def need_class(scored: Scored, code: int) -> None:
    """Undefined when no sample is of this class."""
    if not (scored.target == code).any():
        which = ("negative", "positive")[code] if scored.task == "binary" else f"of class {code}"
        raise Undefined(f"no sample is {which}")
