"""A table in a text file, one sample a line."""

from __future__ import annotations

import pandas as pd

from blueno.errors import DataError

from . import FilePath, Loaded

VERSION = 1


def load(
    path: FilePath,
    separator: str = ",",
    decimal: str = ".",
    encoding: str = "utf-8",
    missing: list[str] | None = None,
) -> Loaded:
    """A CSV file whose first line names the columns; compressed where its name says so (`.gz`, `.zip`, ...).

    Empty fields and pandas's usual words (NA, nan, null, ...) are gaps, and so are the words in `missing`. A column of
    integers with gaps stays one of integers. DataError when the file cannot be read like this.
    """
    try:
        table = pd.read_csv(
            path,
            sep=separator,
            decimal=decimal,
            encoding=encoding,
            na_values=missing,
            dtype_backend="numpy_nullable",  # else integers with gaps would become floats, and labels a regression
            low_memory=False,  # else a column's type could depend on where a chunk ends
        )
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeError, LookupError) as error:
        raise DataError(f"{path} is no table: {error}", "look at separator, decimal and encoding") from error
    if table.empty:
        raise DataError(f"{path} has no rows", "give it at least a line of names and one of values")
    return Loaded(table)


def files(path: FilePath, **_: object) -> list[str]:
    """The files that count by their content."""
    return [path]
