"""Tables: columns of numbers (int64, float64) or text (object; missing is NaN), and how a spec names columns."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase

import numpy as np
import pandas as pd
from pandas.api.types import is_complex_dtype, is_float_dtype, is_numeric_dtype, is_timedelta64_dtype

from blueno.errors import DataError

KINDS = ("numeric", "categorical", "text", "date")
DATE = re.compile(r"(\d{4}-\d\d?-\d\d?|\d\d?[./-]\d\d?[./-]\d{4})([T ].*)?")  # 2020-03-31, 31.3.2020, 3/31/2020
TEXT_WORDS = 3  # text that is longer than this many words on average is prose, shorter is a category


def normalised(table: pd.DataFrame) -> pd.DataFrame:
    """The table with names as text and every column as int64, float64 or text. Truth values become 0 and 1, durations
    seconds, integers beyond 64 bits float64, and a column of nothing but gaps is one of numbers.

    DataError when columns are of one name, or hold lists, mappings or complex numbers.
    """
    table = with_names(table)
    columns = {name: _normalised_column(table[name]) for name in table.columns}
    return pd.DataFrame(columns, index=pd.RangeIndex(len(table)))


def with_names(table: pd.DataFrame) -> pd.DataFrame:
    """The table with names as text. DataError when two columns are of one name."""
    names = [str(name) for name in table.columns]
    twice = sorted(name for name, count in Counter(names).items() if count > 1)
    if twice:
        raise DataError(f"several columns are named {twice[0]!r}", "rename all but one")
    return table.set_axis(names, axis=1)


def text_column(values: Iterable[str | None]) -> pd.Series:
    """Text with NaN for None, of the same type under every pandas (since 3.0 it would choose another by itself)."""
    return pd.Series([np.nan if value is None else value for value in values], dtype=object)


def _normalised_column(column: pd.Series) -> np.ndarray | pd.Series:
    if is_timedelta64_dtype(column):
        return column.dt.total_seconds().to_numpy(dtype="float64")
    if is_complex_dtype(column):
        raise DataError(f"the column {column.name} holds complex numbers", "make two columns of it")
    if is_numeric_dtype(column):
        whole = not is_float_dtype(column) and not column.isna().any() and _fits(column)
        return column.to_numpy(dtype="int64") if whole else column.to_numpy(dtype="float64", na_value=np.nan)
    if column.isna().all():
        return np.full(len(column), np.nan)
    if {dict, list, np.ndarray} & set(column.map(type)):
        raise DataError(f"the column {column.name} holds lists or mappings", "flatten it into columns, or drop it")
    return text_column(None if gap else str(value) for value, gap in zip(column, column.isna(), strict=True))


def _fits(column: pd.Series) -> bool:
    """Whether integers are not too large for int64, to which NumPy would wrap them."""
    return bool(len(column) == 0 or column.max() <= np.iinfo("int64").max)


def kind(column: pd.Series) -> str:
    """One of KINDS. Text is a `date` where all of it is, `text` where it is on average longer than three words, and
    else `categorical`.
    """
    if is_numeric_dtype(column):
        return "numeric"
    if _are_dates(column):
        return "date"
    words = column.dropna().map(lambda value: len(str(value).split())).mean()
    return "text" if words > TEXT_WORDS else "categorical"


def _are_dates(column: pd.Series) -> bool:
    values = column.dropna()
    is_date = len(values) > 0 and DATE.fullmatch(str(values.iloc[0]))  # most columns are known by their first value
    return bool(is_date) and all(DATE.fullmatch(str(value)) for value in values)


def kinds_of(table: pd.DataFrame) -> dict[str, str]:
    """The kind of each column."""
    return {str(name): kind(table[name]) for name in table.columns}


def chosen(table: pd.DataFrame, wanted: str | Sequence[str], kinds: Sequence[str] = KINDS) -> list[str]:
    """The columns that names, globs and `kinds` stand for, in the table's order. DataError when one stands for none."""
    wanted = [wanted] if isinstance(wanted, str) else list(wanted)
    found: set[str] = set()
    for word in wanted:
        matched = _matched(table, word, kinds)
        if not matched and word not in kinds:
            raise DataError(f"no column is named {word!r}", _nearest(word, list(table.columns)))
        found.update(matched)
    return [name for name in table.columns if name in found]


def _matched(table: pd.DataFrame, word: str, kinds: Sequence[str]) -> list[str]:
    if word in table.columns:
        return [word]
    if word in kinds:
        return [name for name in table.columns if kind(table[name]) == word]
    return [name for name in table.columns if fnmatchcase(name, word)]


def _nearest(word: str, names: list[str]) -> str:
    near = get_close_matches(word, names, n=1)
    shown = ", ".join(names[:20]) + (", ..." if len(names) > 20 else "")
    return f"write {near[0]}" if near else f"choose among {shown}"
