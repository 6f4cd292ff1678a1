"""Results that Blueno did not train: read from files (or an Optuna storage) of other tools, kept as history.

A reader yields Results, and is chosen by what it is given; a new tool is a module and a line in READERS.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import BluenoError
from . import documents, optuna, wandb
from .result import Result

Knows = Callable[[frozenset[str]], bool]  # whether rows with these columns are of this form
Reads = Callable[[Iterator[dict[str, Any]], str], Iterator[Result]]  # rows, and the file's name without its ending

READERS: dict[str, tuple[Knows, Reads]] = {
    "optuna": (optuna.knows, optuna.read_rows),
    "blueno": (documents.knows_ours, documents.read_ours),
    "training_jobs": (documents.knows_jobs, documents.read_jobs),
    "wandb": (wandb.knows, wandb.read_rows),
}


def read(source: str) -> Iterator[Result]:
    """The results in a file (CSV or JSON lines), or in an Optuna storage (`sqlite:///study.db`).

    Raises BluenoError for what cannot be read, with the line, MissingLibrary.
    """
    if "://" in source:
        yield from optuna.read_storage(source)
        return
    path = Path(source)
    rows = _rows(path)
    first = next(rows, None)
    if first is None:
        raise BluenoError(f"{path}: there is nothing in it", "export it again")
    columns = frozenset(first)
    for knows, reader in READERS.values():
        if knows(columns):
            yield from _told(reader, _with(first, rows), path)
            return
    known = "Optuna's trials_dataframe() as CSV, runs of W&B as CSV or JSON lines, training_jobs, Blueno's documents"
    raise BluenoError(f"{path}: nothing is known of rows with {', '.join(sorted(columns)[:8])}", f"there are: {known}")


def _told(reader: Reads, rows: Iterator[dict[str, Any]], path: Path) -> Iterator[Result]:
    """What a reader makes of rows; one that is not of its form is named."""
    count = 0

    def counted() -> Iterator[dict[str, Any]]:
        nonlocal count
        for row in rows:
            count += 1
            yield row

    try:
        yield from reader(counted(), path.stem)
    except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
        why = f"{type(error).__name__}: {error}"
        raise BluenoError(f"{path}: row {count} is not like the others ({why})", "export it again") from None


def _with(first: dict[str, Any], rows: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield first
    yield from rows


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    """Rows of a CSV file, or lines of JSON; of a hit of Elasticsearch its `_source`."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            if path.suffix.lower() == ".csv":
                yield from ({k: v for k, v in row.items() if k} for row in csv.DictReader(file))
                return
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _object(path, number, line)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BluenoError(
            f"{path} cannot be read: {error}", "name a CSV file, or one with a JSON object a line"
        ) from None


def _object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise BluenoError(f"{path}:{number}: no JSON: {error}", "write one JSON object a line") from None
    if not isinstance(found, dict):
        raise BluenoError(f"{path}:{number}: expected an object", "write one JSON object a line")
    source = found.get("_source")
    return source if isinstance(source, dict) else found
