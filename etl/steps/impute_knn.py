"""Fills gaps from the nearest samples."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge
from sklearn.impute import KNNImputer

VERSION = 1
FITTED = True
COLUMNS = "numeric"


def build(
    neighbors: Annotated[int, Ge(1)] = 5,
    weights: Literal["uniform", "distance"] = "uniform",
    indicator: bool = False,
) -> Any:
    """The mean of the `neighbors` training samples that are nearest in the features both have (put `scale` before it).

    `indicator` adds a column of 0 and 1 for each column with gaps. By scikit-learn's KNNImputer.
    """
    return KNNImputer(n_neighbors=neighbors, weights=weights, add_indicator=indicator, keep_empty_features=True)
