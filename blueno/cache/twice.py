"""What came damaged is fetched again before anybody believes it: one bad read must not cost all machines an object.

What is damaged twice is removed, so that a sound one can take its place; only the very object that was read, where the
cache can tell objects of one key apart.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol, runtime_checkable

from ..errors import CacheDamaged, CacheUnavailable
from . import Cache


@runtime_checkable
class Versioned(Protocol):
    """A cache that tells objects which had the same key one after the other apart."""

    # What is under a key now, by a number; None when there is nothing.
    def version(self, key: str) -> int | None: ...

    # Removes a key if that is still what is under it.
    def delete_version(self, key: str, version: int) -> None: ...


class Removed(CacheDamaged):
    """What was under `key` was damaged, and is removed."""

    def __init__(self, message: str, key: str) -> None:
        super().__init__(message)
        self.key = key


def fetched(key: str, cache: Cache, damage: Callable[[Path], str]) -> Path:
    """The file of a key in which `damage` finds nothing ("").

    KeyError when there is none, Removed when it was damaged twice, CacheDamaged when it cannot be removed either.
    """
    try:
        return _sound(key, cache, damage)
    except CacheDamaged:
        seen = version_of(key, cache)  # asked before the bytes, so that what is newer stays
    try:
        return _sound(key, cache, damage)
    except CacheDamaged as error:
        message = error.message
    try:
        delete(key, cache, seen)
    except CacheUnavailable as error:
        raise CacheDamaged(f"{message}, and cannot be removed ({error.message})") from None
    raise Removed(message, key)


def version_of(key: str, cache: Cache) -> int | None:
    """What is under a key now, where the cache can tell."""
    return cache.version(key) if isinstance(cache, Versioned) else None


def delete(key: str, cache: Cache, version: int | None) -> None:
    """Removes what `version_of` told of, and nothing newer; without a version whatever there is."""
    if isinstance(cache, Versioned):
        if version is not None:
            cache.delete_version(key, version)
    else:
        cache.delete(key)


def _sound(key: str, cache: Cache, damage: Callable[[Path], str]) -> Path:
    file = cache.get(key)
    if message := damage(file):
        file.unlink(missing_ok=True)
        raise CacheDamaged(message)
    return file
