"""Columns that know the target nearly by themselves: often they were written down after it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

SUSPICIOUS = 0.97  # area under the ROC curve of one column alone
FEWEST = 10  # samples of a class; with fewer, chance separates
ROWS_OF_A_VALUE = 10  # on average, for a category's share of positives to say something


def area_alone(column: pd.Series, is_positive: np.ndarray) -> float | None:
    """The area under the ROC curve, 0.5 to 1, of one column (of numbers by their order, of text by the share of
    positives of each value, a gap being a value) on the rows it is told by. None where it would say nothing.
    """
    from sklearn.metrics import roc_auc_score

    if min(is_positive.sum(), (~is_positive).sum()) < FEWEST:
        return None
    if is_numeric_dtype(column):
        known = column.to_numpy(dtype="float64")
        gaps = np.isnan(known)
        scores = [np.where(gaps, place, known) for place in (np.nanmin(known) - 1, np.nanmax(known) + 1)]
    elif column.nunique(dropna=False) * ROWS_OF_A_VALUE <= len(column):
        filled = column.astype(object).where(column.notna(), "")
        scores = [pd.Series(is_positive, index=column.index).groupby(filled).transform("mean").to_numpy()]
    else:
        return None
    areas = [float(roc_auc_score(is_positive, each)) for each in scores]
    return max(max(area, 1 - area) for area in areas)


def suspicion(column: pd.Series, is_positive: np.ndarray) -> str:
    """What to say of a column that separates two classes alone; "" of any other."""
    area = area_alone(column, is_positive)
    if area is None or area <= SUSPICIOUS:
        return ""
    return f"suspicious: knows the target nearly by itself (AUC {area:.2f}); is it known beforehand?"
