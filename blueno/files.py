"""Data files in recipes: named by content there, so that an id does not depend on where a file lies; read by path."""

from __future__ import annotations

import glob
import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .errors import DataError


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


class DataFiles(Mapping[str, str]):
    """Where the files are that a recipe names: those in a bucket are fetched when they are first asked for.

    `fetch` takes a path in a bucket and the id that a recipe names it by; it returns the path here, and the SHA-256 of
    what lies there.
    """

    def __init__(self, paths: Mapping[str, str], fetch: Callable[[str, str], tuple[str, str]]) -> None:
        self._paths, self._fetch = paths, fetch
        self.contents = {path: sha for sha, path in paths.items() if not path.startswith("gs://")}  # by path here
        self.fetched: dict[str, str] = {}  # path here -> path in the bucket

    def __getitem__(self, sha: str) -> str:
        path = self._paths[sha]
        if not path.startswith("gs://"):
            return path
        here, content = self._fetch(path, sha)
        self.contents[here], self.fetched[here] = content, path
        return here

    def __contains__(self, sha: object) -> bool:
        return sha in self._paths

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)


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


def files_at(path: Path | str) -> tuple[Path, list[str]]:
    """What a path stands for: a folder and the names of the files below it, sorted, for a folder or a pattern
    (`scans/*.npy`); for a single file, itself and no names. DataError when there is none.
    """
    whole = Path(os.path.abspath(path))
    if whole.is_file():
        return whole, []
    start, names = (whole, files_below(whole)) if whole.is_dir() else _matching(whole)
    if not names:
        raise DataError(f"there is no file at {path}", "paths are relative to the spec: correct it, or create the file")
    return start, names


def _matching(path: Path) -> tuple[Path, list[str]]:
    start, pattern = split_pattern(path)
    names = glob.glob(pattern, root_dir=start, recursive=True)
    return start, sorted(Path(name).as_posix() for name in names if os.path.isfile(start / name))


def split_pattern(path: Path) -> tuple[Path, str]:
    """The folder that a path begins with, as far as there is one, and the rest: only that is a pattern, since a folder
    may have brackets in its own name.
    """
    start = next(each for each in path.parents if os.path.isdir(each))
    return start, path.relative_to(start).as_posix()
