"""Data files in recipes: named by content there, so that an id does not depend on where a file lies; read by path."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any


def located(value: Any, files: Mapping[str, str]) -> Any:
    """A recipe, or a part of one, with the path in place of each `{"file": SHA-256}` that `files` knows.

    >>> located({"path": {"file": "ab12"}, "n": [1]}, {"ab12": "/data/heart.csv"})
    {'path': '/data/heart.csv', 'n': [1]}
    """
    if isinstance(value, dict):
        if len(value) == 1 and value.get("file") in files:
            return files[value["file"]]
        return {key: located(inner, files) for key, inner in value.items()}
    return [located(inner, files) for inner in value] if isinstance(value, list) else value


def files_below(folder: Path | str) -> list[str]:
    """The names of all files below a folder, relative to it, sorted: what counts as its content. Hidden ones do not."""
    return sorted(_names_below(folder, ""))


def _names_below(folder: Path | str, before: str) -> Iterator[str]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _names_below(entry.path, f"{before}{entry.name}/")
            elif entry.is_file():
                yield before + entry.name
