"""Samples on their way through the steps: one row each, never re-ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


class Samples(NamedTuple):
    """n samples with a target each. JSON-able but for the arrays."""

    features: np.ndarray | pd.DataFrame
    target: np.ndarray  # (n,) or (n, k): int64 codes into `classes`, or float64
    ids: np.ndarray  # (n,), text, all different
    groups: np.ndarray | None  # (n,), int64 codes
    classes: list[Any] | None
    task: str
    positive: Any
    dropped: dict[str, int]  # rows left out, by reason
    guessed: list[str]  # what the spec did not say and was chosen, for the summary
