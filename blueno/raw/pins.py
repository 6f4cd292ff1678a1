"""What a `gs://` path stands for: listed when a spec is planned with, written down, and hashed by content."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..canonical import digest, digest_text, short
from ..errors import DataError, Unreachable
from .address import Address, address_of
from .bucket import Object, client_of, listed
from .place import RAW


class Pin(NamedTuple):
    """The objects that a path stood for. `id` is what counts of them in a recipe."""

    id: str
    path: str
    objects: list[Object]

    @property
    def size(self) -> int:
        """Bytes, as they are stored."""
        return sum(each.size for each in self.objects)


class Pinned(NamedTuple):
    """A pin, and how old it is where the bucket could not be asked (None: it was)."""

    pin: Pin
    age_s: float | None = None
    why: str = ""


def pin(path: str, root: Path) -> Pinned:
    """What lies at a `gs://` path now; what was listed there last where nobody answers.

    DataError when there is nothing, or it may not be read; Unreachable when nobody answers and nothing is remembered.
    """
    address = address_of(path)
    try:
        found = ask(address, root)
    except Unreachable as error:
        made = remembered(address, root)
        if made is None:
            raise
        return Pinned(made, time.time() - _file(address, made.id, root).stat().st_mtime, error.message)
    with suppress(OSError):  # a disk that is full or read only costs a question when the dataset is built
        _write(found, address, root)
    return Pinned(found)


def ask(address: Address, root: Path) -> Pin:
    """What lies at an address now."""
    with client_of(root) as client:
        objects = listed(client, address)
    return Pin(id_of(address, objects), address.text, objects)


def id_of(address: Address, objects: list[Object]) -> str:
    """What counts of objects: names relative to the path, and contents. Of a single one, as of a file, no name."""
    if address.kind == "object":
        return digest({"gs": objects[0].content})
    return digest({"gs": [[each.name, each.content] for each in objects]})


def recall(path: str, id: str, root: Path) -> Pin:
    """What a path stood for when it was planned with, by the id of that. DataError when it is known no more: neither
    written down, nor as it was in the bucket.
    """
    address = address_of(path)
    with suppress(OSError, ValueError, TypeError):
        return _read(_file(address, id, root))
    found = ask(address, root)
    if found.id != id:
        raise DataError(f"{path} has changed since it was planned with", "submit the spec again")
    with suppress(OSError):
        _write(found, address, root)
    return found


def every(root: Path) -> Iterator[Pin]:
    """Everything that any path was found to stand for; a damaged file is as good as absent."""
    for file in sorted((root / RAW / "pins").glob("*/*.json")):
        with suppress(OSError, ValueError, TypeError):
            yield _read(file)


def _file(address: Address, id: str, root: Path) -> Path:
    return _folder(address, root) / f"{id}.json"


def _folder(address: Address, root: Path) -> Path:
    return root / RAW / "pins" / short(digest_text(address.text))


def remembered(address: Address, root: Path) -> Pin | None:
    """What was listed at an address last; None if nothing ever was."""
    for file in sorted(_folder(address, root).glob("*.json"), key=os.path.getmtime, reverse=True):
        with suppress(OSError, ValueError, TypeError):
            return _read(file)
    return None


def _read(file: Path) -> Pin:
    found = json.loads(file.read_text(encoding="utf-8"))
    if found["id"] != file.stem:
        raise ValueError("a file of another id")
    return Pin(found["id"], found["path"], [Object(*each) for each in found["objects"]])


def _write(made: Pin, address: Address, root: Path) -> None:
    """Also when it is there: the same content may have another generation by now, and the file's time says when."""
    file = _file(address, made.id, root)
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_suffix(f".{os.getpid()}.tmp")
    beside.write_text(json.dumps(made._asdict()) + "\n", encoding="utf-8")
    beside.replace(file)
