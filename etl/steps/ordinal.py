"""Whole numbers for categories."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge
from sklearn.preprocessing import OrdinalEncoder

VERSION = 1
FITTED = True
COLUMNS = "categorical"


def build(
    order: list[str] | None = None,
    max_categories: Annotated[int, Ge(2)] | None = None,
    min_samples: Annotated[int, Ge(1)] = 1,
) -> Any:
    """0, 1, ... for the sorted values of the training part, or for those of `order` (of one column); by scikit-learn's
    OrdinalEncoder. A gap and an unknown value are -1.

    Values with fewer than `min_samples` samples, and all beyond the `max_categories` most frequent, share one number.
    """
    return OrdinalEncoder(
        categories="auto" if order is None else [order],
        handle_unknown="use_encoded_value",
        unknown_value=-1,
        encoded_missing_value=-1,
        max_categories=max_categories,
        min_frequency=min_samples,
    )
