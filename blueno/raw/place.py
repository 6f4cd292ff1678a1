"""Where pinned sets lie on this machine: files under their own names, and a record that says all of them are there."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import NamedTuple

from ..cache.folder import FolderCache
from ..canonical import digest, digest_text
from .address import Address
from .bucket import Object

RAW = Path("data") / "raw"


class File(NamedTuple):
    """A file of a set: its name in the set's folder, its SHA-256 and its size when it was fetched."""

    name: str
    sha256: str
    bytes: int


class Record(NamedTuple):
    """What is here of a set: `path` (in its folder) is what a source reads, `content` the SHA-256 of that, as of a
    local file or folder.
    """

    path: str
    content: str
    files: list[File]


class Place:
    """Where one set lies. The record is written last."""

    def __init__(self, root: Path, id: str) -> None:
        self.store = FolderCache(root / RAW)
        self.folder = self.store.root / "sets" / id
        self.file = self.folder.with_suffix(".json")

    def record(self) -> Record | None:
        """What was fetched; None if nothing was, or not all of it."""
        try:
            found = json.loads(self.file.read_text(encoding="utf-8"))
            return Record(found["path"], found["content"], [File(*each) for each in found["files"]])
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def whole(self) -> Record | None:
        """The record, if all files are there and of their sizes."""
        record = self.record()
        there = record is not None and all(size_of(self.folder / each.name) == each.bytes for each in record.files)
        return record if there else None

    def note(self, address: Address, shas: dict[str, str]) -> Record:
        """Writes down that all files are there: the SHA-256 of each by its name in the bucket, in order."""
        base = base_of(address)
        files = [File(f"{base}{name}", sha, size_of(self.folder / base / name) or 0) for name, sha in shas.items()]
        if address.kind == "object":
            record = Record(files[0].name, files[0].sha256, files)
        else:
            record = Record(base.rstrip("/"), digest([list(each) for each in shas.items()]), files)
        beside = self.file.with_suffix(f".{os.getpid()}.tmp")
        beside.write_text(json.dumps(record._asdict()) + "\n", encoding="utf-8")
        beside.replace(self.file)
        return record

    def file_of(self, address: Address, one: Object) -> Path:
        """Where a source reads an object."""
        return self.folder / base_of(address) / one.name


def base_of(address: Address) -> str:
    """What stands before the names in a set's folder: the last part of the prefix, which tables of files may say."""
    if address.kind == "object":
        return ""
    return f"{address.folder.rstrip('/').rpartition('/')[2] or address.bucket}/"


def key_of(one: Object) -> str:
    """The key of an object's bytes in data/raw; equal objects have one."""
    name = digest_text(one.content)
    return f"objects/{name[:2]}/{name}"


def size_of(file: Path) -> int | None:
    """In bytes; None if there is no such file."""
    try:
        return file.stat().st_size
    except OSError:
        return None
