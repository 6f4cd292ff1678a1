"""Leaves out features that hardly vary."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge
from sklearn.feature_selection import VarianceThreshold

VERSION = 1
FITTED = True
COLUMNS = "numeric"


def build(threshold: Annotated[float, Ge(0)] = 0.0) -> Any:
    """The features whose variance over the training part (ddof 0) is above `threshold`; by scikit-learn's
    VarianceThreshold.
    """
    return VarianceThreshold(threshold)
