"""Smooth curves of a feature as further features."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge
from sklearn.preprocessing import SplineTransformer

VERSION = 1
FITTED = True
COLUMNS = "numeric"


def build(
    knots: Annotated[int, Ge(2)] = 5,
    degree: Annotated[int, Ge(0)] = 3,
    method: Literal["quantile", "uniform"] = "quantile",
) -> Any:
    """Each feature as knots + degree - 2 B-splines, whose knots are spread over the training part; beyond its range
    they are constant. By scikit-learn's SplineTransformer.
    """
    return SplineTransformer(knots, degree=degree, knots=method, include_bias=False)
