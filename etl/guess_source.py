"""Which source reads a file, and with which parameters, guessed from its name and its content."""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import pandas as pd
from pandas.api.types import is_numeric_dtype

from blueno.errors import DataError

from .copies import exact_copies, remark_on_copies
from .guess import Column, Guess, guess_table
from .guess_pictures import guess_folder, guess_listed
from .guess_sheets import sheet_of
from .sources import load_source

SOURCES = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".txt": "csv", ".data": "csv", ".parquet": "parquet", ".pq": "parquet",
    ".xlsx": "excel", ".xlsm": "excel", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl",
}  # fmt: skip
PACKED = {".gz", ".bz2", ".zip", ".xz"}
SEPARATORS = (",", ";", "\t", "|")
LINES = 50  # that are looked at to find the separator
MOST_GAP_WORDS = 3  # texts in a column of numbers that stand for gaps
NUMBERS = 0.5  # of a column's values, for it to be one of numbers


def guess(path: Path, target: str | None) -> Guess:
    """What a table in a file, or a folder of pictures, is. DataError when it cannot be read or has no such column."""
    return guess_folder(path, target) if path.is_dir() else _guess_file(path, target)


def source_of(path: Path) -> str | None:
    """The source that reads files of such a name."""
    endings = [ending.lower() for ending in path.suffixes if ending.lower() not in PACKED]
    return SOURCES.get(endings[-1]) if endings else None


# ---- tables


def _guess_file(path: Path, target: str | None) -> Guess:
    source = source_of(path)
    if source is None:
        raise DataError(f"{path.name} is of no kind that is known", f"name a file that ends in {', '.join(SOURCES)}")
    sheet, said = sheet_of(path, target) if source == "excel" else (None, "")
    params = _how_to_read(path) if source == "csv" else {"sheet": sheet} if sheet else {}
    table, params = _read(source, path, params)
    if source in ("csv", "excel") and (words := _gap_words(table, target)):
        table, params = _read(source, path, {**params, "missing": words})
    goal, columns = guess_table(table, target)
    pictures = guess_listed(path, table, params, goal, columns)
    if pictures is not None:
        return pictures
    _check_inputs(path, columns)
    return Guess(source, params, len(table), goal, columns, None, [said] * bool(said) + _on_copies(table, columns))


def _check_inputs(path: Path, columns: list[Column]) -> None:
    """DataError when no column is left to predict from."""
    if all(each.role != "input" for each in columns):
        roles = {"drop": "left out"}
        why = "; ".join(f"{each.name} is {roles.get(each.role, each.role)}: {each.reason}" for each in columns)
        message = f"{path.name} has no column to predict from" + (f" ({why})" if why else "")
        raise DataError(message, "add columns of what is known of each row, or choose another --target")


def _on_copies(table: pd.DataFrame, columns: list[Column]) -> list[str]:
    """What becomes of rows that are exact copies of others."""
    count, roles = int(exact_copies(table).sum()), {each.role for each in columns}
    if not count:
        return []
    if roles & {"id", "group"}:
        what = "are left out" if "id" in roles else "stay, each in the part of its group"
        return [f"rows that are exact copies of others: {count}; they {what}"]
    return [remark_on_copies(count, len(table))]


def _read(source: str, path: Path, params: dict[str, Any]) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table; a text that is not UTF-8 is taken for one of Windows."""
    recipe = {"name": source, "params": {"path": str(path), **params}, "fingerprint": None}
    try:
        return load_source(recipe, None).features, params
    except DataError as error:
        if not isinstance(error.__cause__, UnicodeError) or "encoding" in params:
            raise
    return _read(source, path, {**params, "encoding": "cp1252"})


def _how_to_read(path: Path) -> dict[str, Any]:
    """Separator and decimal mark, where they are not the usual ones."""
    lines = _first_lines(path)
    rows = {separator: list(csv.reader(lines, delimiter=separator)) for separator in SEPARATORS}
    separator = max(SEPARATORS, key=lambda each: _columns(rows[each]))
    fields = [field for row in rows[separator][1:] for field in row]
    has_commas = separator != "," and any(re.fullmatch(r"-?\d+,\d+", field) for field in fields)
    has_points = any(re.fullmatch(r"-?\d+\.\d+", field) for field in fields)
    chosen = {} if separator == "," else {"separator": separator}
    return {**chosen, "decimal": ","} if has_commas and not has_points else chosen


def _columns(rows: list[list[str]]) -> int:
    """How many columns there are, if all rows have as many."""
    widths = Counter(len(row) for row in rows if row)
    return next(iter(widths)) if len(widths) == 1 else 0


def _first_lines(path: Path) -> list[str]:
    if path.suffix.lower() in PACKED - {".gz"}:
        return []
    opened = gzip.open if path.suffix.lower() == ".gz" else open
    try:
        with opened(path, "rt", encoding="utf-8-sig", errors="replace", newline="") as file:
            return list(islice(file, LINES))
    except (OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read: {error}") from None


def _gap_words(table: pd.DataFrame, target: str | None) -> list[str]:
    """Texts, such as `?`, that stand in columns of numbers."""
    words: dict[str, None] = {}
    for name in table.columns:
        column = table[name].dropna()
        if name == target or is_numeric_dtype(column) or column.empty:
            continue
        is_text = pd.to_numeric(column, errors="coerce").isna()
        found = column[is_text].map(str).unique().tolist()
        if is_text.mean() < 1 - NUMBERS and len(found) <= MOST_GAP_WORDS:
            words.update(dict.fromkeys(found))
    return list(words)
