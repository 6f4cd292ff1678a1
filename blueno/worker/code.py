"""Code snapshots, unpacked once on each machine under `data/work/code`, named by their content."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path, PurePosixPath
from zipfile import ZipFile

from ..cache import Cache
from ..cache.folder import flush
from ..errors import BluenoError
from ..messages import Message
from ..usercode import CodeFolder

UNPACKING = "unpacking-"  # how folders are called that are not whole yet


class SnapshotMissing(BluenoError):
    """The cache has lost the user's code; no trial's fault."""


def unpacked(root: Path, code: Message) -> Path | None:
    """Where the snapshot that a message names lies once it is unpacked; None if there is no user code."""
    key = code["snapshot"]
    return root / "data" / "work" / "code" / PurePosixPath(key).stem if key else None


def code_folder(root: Path, cache: Cache, code: Message) -> CodeFolder | None:
    """The snapshot that a message names, unpacked. SnapshotMissing when the cache has lost it."""
    target = unpacked(root, code)
    if target is None:
        return None
    if not target.is_dir():
        if cache.stat(code["snapshot"]) is None:
            raise SnapshotMissing(
                "the snapshot of its code is gone from the cache", "run the sweep again: it keeps another"
            )
        _unpack(cache.get(code["snapshot"]), target)
    return CodeFolder(target, code["folder"])


def _unpack(archive: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=UNPACKING, dir=target.parent))
    try:
        with ZipFile(archive) as file:
            file.extractall(temporary)
        for path in (*temporary.rglob("*"), temporary):
            flush(path)  # else it may be empty after a power cut, under its final name
        temporary.rename(target)
    except OSError:
        if not target.is_dir():  # else another worker was quicker, with the same content
            raise
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
