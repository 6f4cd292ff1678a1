"""A table in a JSON file: a list of records, or a mapping of columns."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any
from zlib import error as ZlibError

import pandas as pd

from blueno.errors import DataError

from . import FilePaths, Loaded, as_table, nearest
from .together import called, one_table

VERSION = 2


def load(path: FilePaths, at: str | None = None) -> Loaded:
    """`[{"age": 34, "ward": "north"}, ...]`, or `{"age": [34, ...], "ward": [...]}`; `.gz` is unpacked.

    `at` names the key that holds the table where it is not the whole document (`data.rows` is two keys deep). Null and
    what a record has not are gaps. Types are those of JSON: a number in quotes stays text.
    Of several files the rows are put together. DataError when a file is no JSON, no table, or has other columns.
    """
    return as_table(one_table(path, lambda file: _table(file, at)), called(path))


def _table(path: str, at: str | None) -> pd.DataFrame:
    try:
        document = json.loads(text_of(path))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path} is no JSON: {error}", "a file of one record a line is `jsonl`") from None
    return table_of(_inside(document, at, path), path)


def text_of(path: str) -> str:
    """The text of a file, unpacked where its name ends in `.gz`. ValueError when it is not UTF-8."""
    data = Path(path).read_bytes()
    try:
        return (gzip.decompress(data) if path.endswith(".gz") else data).decode("utf-8-sig")
    except (OSError, EOFError, ZlibError) as error:
        raise ValueError(str(error)) from None


def _inside(document: Any, at: str | None, path: str) -> Any:
    for key in at.split(".") if at else ():
        if not isinstance(document, dict) or key not in document:
            choices = list(document) if isinstance(document, dict) else []
            raise DataError(f"{path} has no key {key!r} (at: {at})", nearest(key, choices) or "leave out at")
        document = document[key]
    return document


def table_of(rows: Any, path: str) -> pd.DataFrame:
    """Records, or columns, as a table of pandas's nullable types. DataError when they are something else."""
    if isinstance(rows, list) and all(isinstance(row, dict) for row in rows):
        names = dict.fromkeys(name for row in rows for name in row)
        columns = {name: [row.get(name) for row in rows] for name in names}
    elif isinstance(rows, dict) and rows and all(isinstance(values, dict) for values in rows.values()):
        keys = dict.fromkeys(key for values in rows.values() for key in values)  # as pandas writes: rows by their index
        columns = {name: [values.get(key) for key in keys] for name, values in rows.items()}
    elif isinstance(rows, dict) and rows and all(isinstance(values, list) for values in rows.values()):
        columns = rows
    else:
        raise DataError(f"{path} is no list of records and no mapping of columns", "say under which key it is, with at")
    _check(columns, path)
    return pd.DataFrame({name: pd.array(values) for name, values in columns.items()})


def _check(columns: dict[str, list[Any]], path: str) -> None:
    lengths = {name: len(values) for name, values in columns.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name}: {length}" for name, length in list(lengths.items())[:5])
        raise DataError(f"the columns of {path} have different lengths ({shown})", "give each row all columns")
    nested = [name for name, values in columns.items() if any(isinstance(value, list | dict) for value in values)]
    if nested:
        shown = ", ".join(nested[:5])
        raise DataError(f"{path}: {shown} holds lists or mappings", "flatten them into columns, or read it by `python`")


def files(path: str, **_: object) -> list[str]:
    """The files that count by their content."""
    return [path]
