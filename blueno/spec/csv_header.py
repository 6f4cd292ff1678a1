"""Columns that `data` and steps name are looked for in the first line of a CSV file: a misspelt one is told at once."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import DataError
from ..files import files_at
from ..raw import in_bucket
from .node import File, Node
from .problems import nearest
from .values import Context, is_template

LISTS = ("target", "features", "drop")  # keys of `data` that take one name or several, and those that take one
NAMES = ("id", "group", "time")
OF_SPLIT = ("group", "time", "column")
COMPRESSED = {".gz", ".bz2", ".zip", ".xz", ".zst", ".tar", ".tgz"}  # by their name, as pandas tells them

KINDS = ("numeric", "categorical", "text", "date")  # of columns, which a step may name instead
KEEP_NAMES = {  # steps after which columns are called as before, or are gone
    "clip", "impute", "impute_knn", "log", "ordinal", "power", "quantile", "rescale", "scale", "variance_threshold",
}  # fmt: skip


class Header(NamedTuple):
    """The columns of one CSV file, or all that any of several have."""

    file: str
    names: frozenset[str]


def header_of(sources: Iterable[dict[str, Any] | None]) -> Header | None:
    """What the sources of a spec have between them; None unless each is a CSV file whose first line can be read."""
    files: dict[str, None] = {}
    names: set[str] = set()
    for source in sources:
        found = _header(source["params"]) if source is not None and source["name"] == "csv" else []
        if source is None or not found:
            return None
        files[source["params"]["path"].written] = None
        names.update(found)
    return Header(" or ".join(files), frozenset(names)) if files else None


def check_step(path: str, columns: Node | None, header: Header, context: Context) -> None:
    """Adds a problem for each column that a step names, and that is none where all have still their first names."""
    words = [] if columns is None else columns.value if isinstance(columns.value, list) else [columns]
    for word in words:
        name = word.value
        if not isinstance(name, str) or name in KINDS or _is_in(name, header.names):
            continue
        message = f"there is no column {name!r} in {header.file}"
        context.problems.add(word.mark, f"{path}.columns", message, nearest(name, header.names))


def _is_in(word: str, names: Iterable[str]) -> bool:
    return any(word == name or fnmatchcase(name, word) for name in names)


def check_columns(node: Node, source: dict[str, Any] | None, context: Context) -> None:
    """Adds a problem for each name or glob under `data` that is no column of the CSV file that the source reads.

    A file that cannot be read like this is left to the source, which says what is wrong with it.
    """
    names = _header(source["params"]) if source is not None and source["name"] == "csv" else []
    if not names:
        return
    for path, child in _named(node):
        if not _is_in(child.value, names):
            file = source["params"]["path"].written if source else ""
            context.problems.add(child.mark, path, f"{file} has no column {child.value!r}", nearest(child.value, names))


def _named(node: Node) -> Iterator[tuple[str, Node]]:
    """Every name of a column in a `data`, with its path."""
    split = node.value.get("split")
    places = [(f"data.{key}", node.value[key]) for key in (*LISTS, *NAMES) if key in node.value]
    for key in LISTS:
        items = node.value[key].value if key in node.value else None
        places += [(f"data.{key}[{i}]", each) for i, each in enumerate(items)] if isinstance(items, list) else []
    if split is not None and isinstance(split.value, dict):
        places += [(f"data.split.{key}", split.value[key]) for key in OF_SPLIT if key in split.value]
    return ((path, child) for path, child in places if isinstance(child.value, str))


def _header(params: dict[str, Any]) -> list[str]:
    """The names of the columns as pandas calls them; empty when they cannot be told."""
    file, separator = params.get("path"), params.get("separator") or ","
    if not isinstance(file, File) or not file.path or in_bucket(file.path) or is_template(file.path):
        return []
    if Path(file.path).suffix.lower() in COMPRESSED:
        return []
    try:
        start, inner = files_at(file.path)  # of several all have the columns of the first
        with open(start / inner[0] if inner else start, encoding=params["encoding"], newline="") as text:
            first = next((row for row in csv.reader(text, delimiter=separator) if row), [])
    except (DataError, OSError, UnicodeError, LookupError, TypeError, ValueError, csv.Error):
        return []
    return _as_pandas(first)


def _as_pandas(names: list[str]) -> list[str]:
    """Without a byte order mark; a column without a name and the second of a name are called as pandas does."""
    made: list[str] = []
    for number, name in enumerate(names):
        name = (name.removeprefix("\ufeff") if number == 0 else name) or f"Unnamed: {number}"
        made.append(f"{name}.{names[:number].count(name)}" if name in made else name)
    return made
