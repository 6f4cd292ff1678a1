"""A table on a sheet of an Excel workbook."""

from __future__ import annotations

from typing import Annotated
from xml.etree.ElementTree import ParseError
from zipfile import BadZipFile

import pandas as pd
from annotated_types import Ge

from blueno.errors import DataError

from . import FilePaths, Loaded, as_table, first_line, nearest, need
from .together import called, one_table

VERSION = 2


def load(
    path: FilePaths,
    sheet: str | None = None,
    skip: Annotated[int, Ge(0)] = 0,
    missing: list[str] | None = None,
) -> Loaded:
    """A sheet (the first, if not said) of an `.xlsx` file. `skip` lines stand above the one that names the columns.

    Empty cells and pandas's usual words are gaps, and so are the words in `missing`. Excel does not tell 1.0 from 1: a
    column of whole numbers is one of integers. Of several files the rows are put together. MissingLibrary without
    openpyxl; DataError when there is no such table, or a file has other columns.
    """
    need("openpyxl", "excel")
    table = one_table(path, lambda file: _table(file, sheet, skip, missing))
    return as_table(table, called(path) if sheet is None else f"the sheet {sheet!r} of {called(path)}")


def _table(path: str, sheet: str | None, skip: int, missing: list[str] | None) -> pd.DataFrame:
    try:
        with pd.ExcelFile(path, engine="openpyxl") as book:
            name = _sheet(book, sheet)
            return pd.read_excel(
                book, sheet_name=name, skiprows=skip, na_values=missing, dtype_backend="numpy_nullable"
            )
    except (BadZipFile, ParseError, KeyError, ValueError, OSError) as error:
        fix = "save it as .xlsx, or as .csv for the source csv"
        raise DataError(f"{path} is no workbook: {first_line(error)}", fix) from None


def _sheet(book: pd.ExcelFile, wanted: str | None) -> str:
    names = [str(name) for name in book.sheet_names]
    if wanted is not None and wanted not in names:
        raise DataError(f"there is no sheet {wanted!r}; there are: {', '.join(names)}", nearest(wanted, names))
    return names[0] if wanted is None else wanted


def files(path: str, **_: object) -> list[str]:
    """The files that count by their content."""
    return [path]
