"""Fills gaps with a value from the training part."""

from __future__ import annotations

from typing import Any, Literal

from sklearn.impute import SimpleImputer

VERSION = 1
FITTED = True
COLUMNS = "numeric"


def build(
    method: Literal["mean", "median", "most_frequent", "constant"] = "mean",
    value: float | str | None = None,
    indicator: bool = False,
) -> Any:
    """A column's mean, median or most frequent value over the training part, or the constant `value` (0 if not said).

    For text say `columns: categorical` with `most_frequent` or `constant`. A column that is empty in the training
    part becomes 0. `indicator` adds a column of 0 and 1 for each column with gaps there.
    """
    return SimpleImputer(strategy=method, fill_value=value, add_indicator=indicator, keep_empty_features=True)
