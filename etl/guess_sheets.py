"""Which sheet of a workbook is the table, guessed from where the target is."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import pandas as pd

from blueno.errors import DataError

from .sources import nearest, need

SHOWN = 12  # columns of a sheet in a message


def sheet_of(path: Path, target: str | None) -> tuple[str | None, str]:
    """The first sheet that has the target, and what to say of it; None and "" of a workbook with a single sheet.

    DataError, with the columns of each sheet, when none has it; MissingLibrary without openpyxl.
    """
    sheets = _columns_of(path)
    if len(sheets) < 2:
        return None, ""
    having = [name for name, columns in sheets.items() if target in columns]
    if not having:
        shown = "; ".join(f"{name}: {_shown(columns)}" for name, columns in sheets.items())
        said = "it is not said which column is to be predicted" if target is None else f"no sheet has {target!r}"
        names = [column for columns in sheets.values() for column in columns]
        raise DataError(f"{said}; the sheets are {shown}", nearest(target, names) if target else "add --target COLUMN")
    others = ", ".join(name for name in sheets if name != having[0])
    return having[0], f"the sheet {having[0]!r} is read, the first with the target (there are also: {others})"


def _columns_of(path: Path) -> dict[str, list[str]]:
    need("openpyxl", "excel")
    try:
        sheets = pd.read_excel(path, sheet_name=None, nrows=0, engine="openpyxl")
    except (BadZipFile, KeyError, ValueError, OSError) as error:
        raise DataError(f"{path} is no workbook: {error}", "save it as .xlsx, or as .csv") from None
    return {str(name): [str(column) for column in table.columns] for name, table in sheets.items()}


def _shown(columns: list[str]) -> str:
    return (", ".join(columns[:SHOWN]) + (", ..." if len(columns) > SHOWN else "")) or "(empty)"
