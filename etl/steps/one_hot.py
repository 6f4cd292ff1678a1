"""One column of 0 and 1 for each category."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge
from sklearn.preprocessing import OneHotEncoder

VERSION = 1
FITTED = True
COLUMNS = "categorical"


def build(max_categories: Annotated[int, Ge(2)] | None = None, min_samples: Annotated[int, Ge(1)] = 1) -> Any:
    """A column for each value of the training part; a gap is a value of its own, an unknown value is all zeros.

    Values with fewer than `min_samples` samples, and all beyond the `max_categories` most frequent, share one column.
    """
    return OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        max_categories=max_categories,
        min_frequency=min_samples,
        sparse_output=False,
    )
