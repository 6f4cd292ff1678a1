"""Several files as one: tables with the same columns below each other, arrays with the same shape behind each other.

What does not fit is told by the file's name. One file is left as it is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_datetime64_any_dtype, is_numeric_dtype

from blueno.errors import DataError

SHOWN = 5  # columns in a message
EXACT = 2**53  # integers up to here stay what they are among floats
KINDS = {"b": "true and false", "i": "numbers", "u": "numbers", "f": "numbers", "U": "text", "S": "bytes"}


def one_table(paths: Sequence[str], read: Callable[[str], pd.DataFrame]) -> pd.DataFrame:
    """The rows of all files, in order, with the columns as the first has them.

    DataError when a file has other columns, or a column of another kind: numbers in one file and text in another, or
    integers that would change among the numbers of another.
    """
    tables = [read(path) for path in paths]
    if len(tables) == 1:
        return tables[0]
    names = list(tables[0].columns)
    shown = _shown(paths)
    for path, table in zip(shown[1:], tables[1:], strict=True):
        _check_columns(names, list(table.columns), path, shown[0])
    tables = [table[names] for table in tables]
    kinds = {name: _kind([table[name] for table in tables], shown) for name in names}
    return pd.concat([table.astype(_empty_ones(table, kinds)) for table in tables], ignore_index=True)


def called(paths: Sequence[str]) -> str:
    """How files are called in a message."""
    return paths[0] if len(paths) == 1 else f"{paths[0]} and {len(paths) - 1} more"


def _shown(paths: Sequence[str]) -> list[str]:
    """The names of files from the folder on that all lie in."""
    folder = Path(os.path.commonpath([os.path.dirname(path) for path in paths]))
    return [f"{folder.name}/{Path(path).relative_to(folder).as_posix()}" for path in paths]


def _check_columns(names: list[str], own: list[str], path: str, first: str) -> None:
    if missing := [name for name in names if name not in own]:
        raise DataError(f"{path} has no column {_few(missing)}, which {first} has", _fix(first))
    if more := [name for name in own if name not in names]:
        raise DataError(f"{path} has a column {_few(more)}, which {first} has not", _fix(first))


def _fix(path: str) -> str:
    return f"give all files the same columns, or name those that belong together by a pattern: *{Path(path).suffix}"


def _few(names: list[str]) -> str:
    return ", ".join(map(repr, names[:SHOWN])) + (", ..." if len(names) > SHOWN else "")


def _kind(columns: list[pd.Series], paths: Sequence[str]) -> Any:
    """The type of what there is in a column; None when it is all gaps."""
    there = [(path, column) for path, column in zip(paths, columns, strict=True) if column.notna().any()]
    if not there:
        return None
    first, other = there[0], next((each for each in there if _word(each[1]) != _word(there[0][1])), None)
    if other is not None:
        message = f"{other[0]}: the column {first[1].name!r} is {_word(other[1])}, and {_word(first[1])} in {first[0]}"
        raise DataError(message, "write it alike in all files; words that stand for gaps are named by `missing`")
    if changed := _changed(there):
        path, what, other_path, other_what = changed
        message = f"{path}: the column {first[1].name!r} has {what}, and {other_what} in {other_path}; {CHANGED}"
        raise DataError(message, ALIKE)
    return first[1].dtype


def _word(column: pd.Series) -> str:
    if is_bool_dtype(column.dtype):
        return "true and false"
    if is_numeric_dtype(column.dtype):
        return "numbers"
    return "times" if is_datetime64_any_dtype(column.dtype) else "text"


def _empty_ones(table: pd.DataFrame, kinds: dict[str, Any]) -> dict[str, Any]:
    """For columns that are all gaps here, the type that they have in other files."""
    return {name: kind for name, kind in kinds.items() if kind is not None and not table[name].notna().any()}


# ---- integers

CHANGED = "together they would become floats, and integers beyond 2**53 others"
ALIKE = "save them alike: what names samples as text, numbers as floats"


def _changed(parts: Sequence[tuple[str, Any]]) -> tuple[str, str, str, str] | None:
    """Two of the files with columns or arrays, and what each has, whose integers would not stay the same together."""
    by_kind = {kind: [each for each in parts if each[1].dtype.kind == kind] for kind in "iuf"}
    if by_kind["f"]:
        long = next((path for path, values in by_kind["i"] + by_kind["u"] if _is_long(values)), None)
        return (long, "integers beyond 2**53", by_kind["f"][0][0], "floats") if long else None
    unsigned = next((path for path, values in by_kind["u"] if values.dtype.itemsize == 8), None)
    if unsigned is None or not by_kind["i"]:  # shorter ones have a type of integers together
        return None
    return unsigned, "unsigned integers of 64 bits", by_kind["i"][0][0], "signed ones"


def _is_long(values: Any) -> bool:
    return values.size > 0 and (int(values.max()) > EXACT or int(values.min()) < -EXACT)


# ---- arrays


def one_array(paths: Sequence[str], arrays: Iterable[np.ndarray]) -> np.ndarray:
    """The rows of all arrays, in order; of several files they are in memory afterwards.

    DataError when the rows of one have another shape or kind than those of the first, or integers that would change.
    """
    found = list(arrays)
    if len(found) == 1:
        return found[0]
    for path, array in zip(paths, found, strict=True):
        if with_rows(path, array).shape[1:] != found[0].shape[1:]:
            message = f"{path} has rows of shape {array.shape[1:]}, and {Path(paths[0]).name} of {found[0].shape[1:]}"
            raise DataError(message, "name the files that belong together by a pattern, or give their rows one shape")
        if _kind_of(array) != _kind_of(found[0]):
            message = f"{path} holds {_kind_of(array)}, and {Path(paths[0]).name} {_kind_of(found[0])}"
            raise DataError(message, "save them alike")
    if changed := _changed(list(zip(paths, found, strict=True))):
        path, what, other_path, other_what = changed
        raise DataError(f"{path} holds {what}, and {Path(other_path).name} {other_what}; {CHANGED}", ALIKE)
    return np.concatenate(found)


def with_rows(path: str, array: np.ndarray) -> np.ndarray:
    """The array. DataError when it is a single value."""
    if array.ndim == 0:
        raise DataError(f"{path} holds a single value, and no rows", "save an array with a row for each sample")
    return array


def _kind_of(array: np.ndarray) -> str:
    return KINDS.get(array.dtype.kind, str(array.dtype))


def check_rows(paths: Sequence[str], counts: Sequence[int], others: Sequence[str], other_counts: Sequence[int]) -> None:
    """DataError unless files that go together have as many rows each: else samples would get targets of others."""
    if len(paths) == 1 or len(others) == 1:
        return  # the whole is compared where the data set is made
    if len(paths) != len(others):
        message = f"{called(paths)} are {len(paths)} files, and {called(others)} {len(others)}"
        raise DataError(message, "name as many files of each: they go together in the order of their names")
    for path, count, other, other_count in zip(paths, counts, others, other_counts, strict=True):
        if count != other_count:
            message = f"{path} has {count} rows, and {other}, which goes with it, {other_count}"
            raise DataError(
                message, "files go together in the order of their names: name them alike, and save them anew"
            )
