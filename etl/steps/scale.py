"""Brings every feature to a common scale."""

from __future__ import annotations

from typing import Any, Literal

from sklearn import preprocessing

VERSION = 1
FITTED = True
COLUMNS = "numeric"


def build(method: Literal["standard", "minmax", "robust", "maxabs"] = "standard") -> Any:
    """scikit-learn's scalers, each feature (of an image: each pixel) by itself; gaps stay gaps.

    standard: mean 0 and standard deviation 1 (ddof 0). minmax: 0 to 1. robust: median 0 and interquartile range 1.
    maxabs: the largest absolute value is 1, and 0 stays 0. Values outside the training part's range go beyond.
    """
    scalers = {
        "standard": preprocessing.StandardScaler,
        "minmax": preprocessing.MinMaxScaler,
        "robust": preprocessing.RobustScaler,
        "maxabs": preprocessing.MaxAbsScaler,
    }
    return scalers[method]()
