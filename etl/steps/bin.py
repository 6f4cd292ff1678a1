"""Intervals instead of numbers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge
from sklearn.preprocessing import KBinsDiscretizer

VERSION = 1
FITTED = True
COLUMNS = "numeric"


def build(
    bins: Annotated[int, Ge(2)] = 5,
    method: Literal["quantile", "uniform", "kmeans"] = "quantile",
    encode: Literal["one_hot", "ordinal"] = "one_hot",
) -> Any:
    """Each feature cut into `bins` intervals: of as many training samples each, of equal width, or around k means.

    one_hot: a column of 0 and 1 for each interval; ordinal: its number. By scikit-learn's KBinsDiscretizer.
    """
    encoding = "onehot-dense" if encode == "one_hot" else "ordinal"
    return KBinsDiscretizer(bins, encode=encoding, strategy=method, random_state=0)
