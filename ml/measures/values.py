"""Metrics of a regression: scikit-learn's, and correlations. Of several outputs they are means over outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy import stats

from blueno.errors import ModelError

from ..scored import Scored
from .record import Undefined

Function = Callable[..., float]  # (target, values, **parameters)


def of_values(function: Function, at_least: int = 1) -> Callable[..., float]:
    """A metric which may be undefined below `at_least` samples or for such values."""

    def compute(scored: Scored, **parameters: Any) -> float:
        _check_weights(scored, parameters.get("multioutput"))
        if len(scored.target) < at_least:
            raise Undefined(f"it needs {at_least} samples, and there are {len(scored.target)}")
        try:
            return float(function(scored.target, scored.scores, **parameters))
        except ValueError as error:  # such as the logarithm of negative values, which scikit-learn refuses
            raise Undefined(str(error)) from error

    return compute


def _check_weights(scored: Scored, weights: Any) -> None:
    outputs = 1 if scored.target.ndim == 1 else scored.target.shape[1]
    if isinstance(weights, list) and len(weights) != outputs:
        message = f"multioutput has {len(weights)} weights, and the target {outputs} outputs"
        raise ModelError(message, "give one weight for each output")


def for_each_output(function: Function) -> Function:
    """A metric of one output as one of several: their mean, weighted by `multioutput` where that is a list."""

    def compute(target: np.ndarray, values: np.ndarray, multioutput: Any = None, **parameters: Any) -> float:
        if target.ndim == 1:
            return function(target, values, **parameters)
        each = [function(target[:, column], values[:, column], **parameters) for column in range(target.shape[1])]
        return float(np.average(each, weights=multioutput if isinstance(multioutput, list) else None))

    return compute


def max_error(target: np.ndarray, values: np.ndarray) -> float:
    """The largest error of any sample and output."""
    return float(np.max(np.abs(target - values)))


def pearson(target: np.ndarray, values: np.ndarray) -> float:
    """The linear correlation. Source: `scipy.stats.pearsonr`."""
    _check_varied(target, values)
    return float(stats.pearsonr(target, values).statistic)


def spearman(target: np.ndarray, values: np.ndarray) -> float:
    """The correlation of ranks. Source: `scipy.stats.spearmanr`."""
    _check_varied(target, values)
    return float(stats.spearmanr(target, values).statistic)


def _check_varied(target: np.ndarray, values: np.ndarray) -> None:
    for name, each in (("target", target), ("predicted value", values)):
        if np.ptp(each) == 0:
            raise Undefined(f"every {name} is the same")
