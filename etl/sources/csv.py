"""A table in a text file, one sample a line."""

from __future__ import annotations

import warnings
from lzma import LZMAError
from zipfile import BadZipFile
from zlib import error as ZlibError

import pandas as pd

from blueno.errors import DataError

from . import FilePaths, Loaded, first_line
from .together import called, one_table

VERSION = 2
BROKEN = (ValueError, LookupError, OSError, EOFError, BadZipFile, LZMAError, ZlibError, ImportError)


def load(
    path: FilePaths,
    separator: str = ",",
    decimal: str = ".",
    encoding: str = "utf-8",
    missing: list[str] | None = None,
) -> Loaded:
    """A CSV file whose first line names the columns; compressed where its name says so (`.gz`, `.zip`, ...).

    Empty fields and pandas's usual words (NA, nan, null, ...) are gaps, and so are the words in `missing`. A column of
    integers with gaps stays one of integers. DataError when the file cannot be read like this, or its lines have more
    fields than the first. Of several files the rows are put together; DataError when one has other columns.
    """
    table = one_table(path, lambda file: _table(file, separator, decimal, encoding, missing))
    if table.empty:
        raise DataError(f"{called(path)} has no rows", "give it at least a line of names and one of values")
    return Loaded(table)


def _table(path: str, separator: str, decimal: str, encoding: str, missing: list[str] | None) -> pd.DataFrame:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                path,
                sep=separator,
                decimal=decimal,
                encoding=encoding,
                na_values=missing,
                dtype_backend="numpy_nullable",  # else integers with gaps would become floats, and labels a regression
                low_memory=False,  # else a column's type could depend on where a chunk ends
                index_col=False,  # else the first column would be no column where lines end with a separator
            )
    except pd.errors.ParserWarning:
        raise DataError(f"{path} has lines with more fields than the first names", "name each column") from None
    except BROKEN as error:
        fix = "look at separator, decimal and encoding, and whether the file is whole"
        raise DataError(f"{path} is no table: {first_line(error)}", fix) from error


def files(path: str, **_: object) -> list[str]:
    """The files that count by their content."""
    return [path]
