"""When samples were: a column of numbers, dates or timestamps as an array that can be sorted, and gaps between them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_float_dtype, is_integer_dtype

from blueno.errors import DataError

WANTED = "write times as numbers or as ISO dates such as 2020-03-31 or 2020-03-31T14:05"


def read_times(column: pd.Series) -> np.ndarray:
    """Times (n,) as int64, float64 or datetime64[ns] (UTC where a zone is said). A gap is NaN or NaT.

    Text is read as ISO 8601. DataError names the first value that is no time.
    """
    column = column.infer_objects()
    if is_datetime64_any_dtype(column):
        return _utc(pd.to_datetime(column, utc=True))
    if is_bool_dtype(column):
        raise DataError(f"the column {column.name} holds true and false, not times", WANTED)
    if is_integer_dtype(column) and not column.isna().any():
        return column.to_numpy(dtype="int64")
    if is_integer_dtype(column) or is_float_dtype(column):
        return _finite(column.to_numpy(dtype="float64", na_value=np.nan), str(column.name))
    return _dates(column)


def _finite(values: np.ndarray, name: str) -> np.ndarray:
    if np.isinf(values).any():
        raise DataError(f"the column {name} holds an infinite time", WANTED)
    return values


def _dates(column: pd.Series) -> np.ndarray:
    text = column.map(str, na_action="ignore")
    times = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
    wrong = text[times.isna() & text.notna()]
    if len(wrong):
        raise DataError(f"the column {column.name} holds {wrong.iloc[0]!r}, which is no time", WANTED)
    return _utc(times)


def _utc(times: pd.Series) -> np.ndarray:
    try:
        return times.dt.tz_localize(None).dt.as_unit("ns").to_numpy()
    except pd.errors.OutOfBoundsDatetime:  # NumPy would wrap them, to times in between
        raise DataError(f"the column {times.name} holds times before 1678 or after 2262", WANTED) from None


def before(rows: np.ndarray, first: Any, times: np.ndarray, gap: int | dict[str, float]) -> np.ndarray:
    """Those of `rows` whose time is before `first`, with a gap between.

    A number of a gap counts points in time (samples, where each has a time of its own); {"seconds": s} is a duration,
    whose last moment is `first` itself: of daily samples a gap of 7 and one of 7 days are the same seven.
    """
    earlier = rows[times[rows] < first]
    if isinstance(gap, dict):
        return earlier[times[earlier] < first - np.timedelta64(round(gap["seconds"] * 1e9), "ns")]
    points = np.unique(times[earlier])
    return earlier[times[earlier] < points[-gap]] if 0 < gap <= len(points) else earlier[: 0 if gap else None]
