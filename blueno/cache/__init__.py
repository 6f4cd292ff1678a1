"""Where prepared data, snapshots and artefacts are kept: bytes under keys. A key is written once and never changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol


class Cache(Protocol):
    """The seam: five operations. Keys look like `parts/ab12....npy`: slashes, no `..`, no leading slash."""

    # A local folder for files in the making. On the file system of a local cache, so that nothing is copied twice.
    scratch: Path

    # Size in bytes, or None when there is no such key.
    def stat(self, key: str) -> int | None: ...

    # Stores the file's bytes under `key`; False when the key was there already (which is success). Never half there.
    def put_if_absent(self, key: str, source: Path) -> bool: ...

    # A local, read-only file with the key's bytes. KeyError when there is none.
    def get(self, key: str) -> Path: ...

    # All keys that begin with `prefix`, sorted.
    def list(self, prefix: str) -> Iterator[str]: ...

    # Removes a key; nothing happens when there is none.
    def delete(self, key: str) -> None: ...
