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
from blueno.files import files_below

from .guess import Goal, Guess, guess_positive, guess_table
from .sources import load_source, need

SOURCES = {
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".txt": "csv", ".data": "csv", ".parquet": "parquet", ".pq": "parquet",
    ".xlsx": "excel", ".xlsm": "excel", ".json": "json", ".jsonl": "jsonl", ".ndjson": "jsonl",
}  # fmt: skip
PACKED = {".gz", ".bz2", ".zip", ".xz"}
SEPARATORS = (",", ";", "\t", "|")
LINES = 50  # that are looked at to find the separator
MOST_GAP_WORDS = 3  # texts in a column of numbers that stand for gaps
NUMBERS = 0.5  # of a column's values, for it to be one of numbers
PARTS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev"}
SAMPLE = 500  # pictures whose head is looked at
LARGEST_SIDE = 128  # larger pictures are made smaller, to begin with
SIDES = (128, 96, 64, 32)


def guess(path: Path, target: str | None) -> Guess:
    """What a table in a file, or a folder of pictures, is. DataError when it cannot be read or has no such column."""
    return _guess_pictures(path, target) if path.is_dir() else _guess_file(path, target)


def source_of(path: Path) -> str | None:
    """The source that reads files of such a name."""
    endings = [ending.lower() for ending in path.suffixes if ending.lower() not in PACKED]
    return SOURCES.get(endings[-1]) if endings else None


def are_pictures(folder: Path) -> bool:
    """Whether there is a folder with pictures in it for each of several classes."""
    from .sources.images import ENDINGS

    inside = (each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    having = (any(file.suffix.lower() in ENDINGS for file in islice(each.iterdir(), SAMPLE)) for each in inside)
    return len(list(islice(filter(None, having), 2))) == 2


# ---- tables


def _guess_file(path: Path, target: str | None) -> Guess:
    source = source_of(path)
    if source is None:
        raise DataError(f"{path.name} is of no kind that is known", f"name a file that ends in {', '.join(SOURCES)}")
    params = _how_to_read(path) if source == "csv" else {}
    table, params = _read(source, path, params)
    if source in ("csv", "excel") and (words := _gap_words(table, target)):
        table, params = _read(source, path, {**params, "missing": words})
    goal, columns = guess_table(table, target)
    return Guess(source, params, len(table), goal, columns, None)


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


# ---- pictures


def _guess_pictures(folder: Path, target: str | None) -> Guess:
    if target is not None:
        raise DataError("pictures have no columns: the folder that one is in is its class", "leave out --target")
    need("PIL", "images", "images")
    names = [name for name in files_below(folder) if "/" in name]
    counts = Counter(name.partition("/")[0] for name in names)
    if {name.lower() for name in counts} <= PARTS:
        first = sorted(counts)[0]
        fix = f"name one of them, {folder / first}, or write a table of files, labels and parts for the source images"
        raise DataError(f"the folders of {folder} are parts ({', '.join(sorted(counts))}), not classes", fix)
    classes = sorted(counts.items())
    if len(classes) < 2:
        raise DataError(f"{folder} has pictures of {len(classes)} class", "give each class a folder of its own")
    positive, reason = guess_positive(classes) if len(classes) == 2 else (None, "")
    task = "binary" if len(classes) == 2 else "multiclass"
    params, shape = _how_to_decode([folder / name for name in names[:: max(1, len(names) // SAMPLE)]])
    return Guess("images", params, len(names), Goal(None, task, None, classes, positive, reason, 0), [], shape)


def _how_to_decode(files: list[Path]) -> tuple[dict[str, Any], list[int]]:
    """Mode and size, where they are not the usual ones, and the shape of a picture then."""
    from PIL import Image, UnidentifiedImageError

    sizes, modes = set(), set()
    for file in files:
        try:
            with Image.open(file) as image:
                sizes.add((image.height, image.width))
                modes.add(image.mode)
        except (UnidentifiedImageError, OSError) as error:
            raise DataError(
                f"{file} is no picture: {error}", "remove it, or hide it by a dot before its name"
            ) from None
    mode = "gray16" if modes <= {"I", "I;16", "I;16B"} else "gray" if modes <= {"L", "1"} else "rgb"
    sides = [side for size in sizes for side in size]
    height, width = next(iter(sizes))
    params: dict[str, Any] = {} if mode == "rgb" else {"mode": mode}
    if len(sizes) > 1 or max(sides) > LARGEST_SIDE:
        height = width = next((side for side in SIDES if side <= min(sides)), SIDES[-1])
        params["size"] = [height, width]
    return params, [height, width, 3 if mode == "rgb" else 1]
