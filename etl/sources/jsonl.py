"""A table of JSON records, one a line."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from blueno.errors import DataError

from . import FilePaths, Loaded, as_table
from .json import table_of, text_of
from .together import called, one_table

VERSION = 2


def load(path: FilePaths) -> Loaded:
    """`{"age": 34, "ward": "north"}` on each line; `.gz` is unpacked.

    Null and what a record has not are gaps. Types are those of JSON. DataError, with the line, when one is no record.
    Of several files the rows are put together; DataError when the records of one have other columns.
    """
    return as_table(one_table(path, _table), called(path))


def _table(path: str) -> pd.DataFrame:
    try:
        lines = text_of(path).split("\n")  # splitlines would break lines at U+2028 and the like, inside of texts
    except ValueError as error:
        raise DataError(f"{path} is no text: {error}", "it must be UTF-8, or gzip if its name ends in .gz") from None
    rows = [_record(line, number, path) for number, line in enumerate(lines, 1) if line.strip()]
    return table_of(rows, path)


def _record(line: str, number: int, path: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}, line {number}, is no JSON: {error}", "a file of one document is `json`") from None
    if not isinstance(found, dict):
        raise DataError(f"{path}, line {number}, is no record", 'write {"column": value, ...} on each line')
    return found


def files(path: str, **_: object) -> list[str]:
    """The files that count by their content."""
    return [path]
