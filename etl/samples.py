"""Samples on their way through the steps: one row each, never re-ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


class Samples(NamedTuple):
    """n samples with a target each. JSON-able but for the arrays."""

    features: np.ndarray | pd.DataFrame
    target: np.ndarray  # (n,) int64 codes into `classes`, (n, k) int64 0 and 1 of labels, or (n,) or (n, k) float64
    ids: np.ndarray  # (n,), text, all different
    groups: np.ndarray | None  # (n,), int64 codes
    classes: list[Any] | None  # of several labels at once, the names of the labels
    task: str  # "binary", "multiclass", "multilabel" or "regression"
    positive: Any
    dropped: dict[str, int]  # rows left out, by reason
    guessed: list[str]  # what the spec did not say and was chosen, for the summary
    times: np.ndarray | None = None  # (n,), int64, float64 or datetime64[ns]: when each was; never an input
    marks: np.ndarray | None = None  # (n,), text: the part or fold that the data says it is in; never an input
    inputs: dict[str, str] | None = None  # each input column of the source -> its kind; None of an array
    remarks: tuple[str, ...] | list[str] = ()  # what somebody should know of the data before anything trains
