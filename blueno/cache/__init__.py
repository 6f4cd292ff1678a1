"""Where prepared data, snapshots and artefacts are kept: bytes under keys. A key is written once and never changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol


class Entry(NamedTuple):
    """What a listing says of a key."""

    key: str
    bytes: int
    changed_s: float  # seconds since 1970, by the clock of the cache: when it was put; in a folder, or last used
    crc32c: str | None = None  # base64 of the checksum, where the cache knows it without reading the bytes


FETCHED = "fetched-"  # how files in it are called that came from elsewhere; whoever asked for one removes it
SCRATCH = "tmp"  # the folder for files in the making; no key begins with it


class Cache(Protocol):
    """The seam: six operations. Keys look like `parts/ab12....npy`: slashes, no `..`, no leading slash."""

    # A local folder for files in the making. On the file system of a local cache, so that nothing is copied twice.
    scratch: Path

    # Size in bytes, or None when there is no such key.
    def stat(self, key: str) -> int | None: ...

    # Stores the file's bytes under `key`; False when the key was there already (which is success). Never half there.
    def put_if_absent(self, key: str, source: Path) -> bool: ...

    # A local, read-only file with the key's bytes. KeyError when there is none. CacheUnavailable of a remote cache.
    def get(self, key: str) -> Path: ...

    # All keys that begin with `prefix`, sorted.
    def list(self, prefix: str) -> Iterator[str]: ...

    # The same with what is known of each key at no further cost.
    def entries(self, prefix: str) -> Iterator[Entry]: ...

    # Removes a key; nothing happens when there is none.
    def delete(self, key: str) -> None: ...


def names_of(key: str) -> list[str]:
    """The parts of a key between its slashes. ValueError for what is no key."""
    names = key.split("/")
    if names[0] == SCRATCH or any(name in ("", ".", "..") or "\0" in name for name in names):
        raise ValueError(f"not a cache key: {key!r}")
    return names
