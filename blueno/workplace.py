"""A root of its own for what shall leave nothing behind: a folder below the project's data, removed at the end.

It is not in the system's folder for temporary files, since prepared datasets can be larger than what fits there.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from .cache import Cache
from .cache.folder import FolderCache
from .cache.manifests import read_json
from .cache.parts import parts_in


@contextmanager
def workplace(root: Path, purpose: str) -> Iterator[Path]:
    """An empty folder that is gone afterwards. Those of the same purpose that a killed process left are removed."""
    parent = root / "data" / "work"
    missing = [folder for folder in (parent, parent.parent, root) if not folder.exists()]
    parent.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(parent, purpose)
    folder = parent / f"{purpose}-{os.getpid()}"
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for each in missing:
            with suppress(OSError):  # something else is in it by now
                each.rmdir()


def _remove_leftovers(parent: Path, purpose: str) -> None:
    for folder in parent.glob(f"{purpose}-*"):
        number = int(folder.name.rpartition("-")[2])
        if number == os.getpid() or not psutil.pid_exists(number):
            shutil.rmtree(folder, ignore_errors=True)


def lend(manifest: str, cache: Cache, other: FolderCache) -> bool:
    """Makes a dataset or node of a cache readable in another one, by links: nothing is copied. False when it is not
    there; where a shared cache lies behind, it is fetched, and stays in the one that is asked.
    """
    found = read_json(manifest, cache)
    if found is None:
        return False
    for key in [*(part["key"] for part in parts_in(found)), manifest]:
        if cache.stat(key) is not None and other.stat(key) is None:
            link = other.root / key
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(cache.get(key).resolve())
    return True
