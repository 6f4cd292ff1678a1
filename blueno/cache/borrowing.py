"""A key's bytes for a moment. A bucket gives a copy of its own to everybody who asks; a folder gives what it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import FETCHED, Cache


@contextmanager
def borrowed(key: str, cache: Cache) -> Iterator[Path]:
    """A file with the key's bytes, which is gone afterwards if it was made for this. Raises what `get` raises."""
    path = cache.get(key)
    try:
        yield path
    finally:
        if path.parent == cache.scratch and path.name.startswith(FETCHED):
            path.unlink(missing_ok=True)
