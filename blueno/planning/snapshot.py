"""The user's code as it is when a sweep is submitted: one content-addressed archive, from which workers run."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from ..cache import Cache
from ..canonical import digest, digest_file
from ..errors import BluenoError
from ..spec.modules import Folders, base_folder
from .code import code_digest, used_files

EPOCH = (1980, 1, 1, 0, 0, 0)  # the first time that a zip file can hold: the same content makes the same bytes


class Snapshot(NamedTuple):
    """`key` in the cache ("" without user code), the files, and the spec's folder inside the archive."""

    key: str
    files: tuple[tuple[str, Path, str], ...]  # (path in the archive, path on disk, SHA-256), sorted
    folder: str


def snapshot_of(references: Iterable[str], uses: Sequence[str], folders: Folders) -> Snapshot:
    """The snapshot of all user code that references need, with the files named by `uses`. Nothing is written.

    Raises what `code_digest` raises.
    """
    found = set(used_files(uses, folders))
    for reference in references:
        code = code_digest(reference, folders)
        found.update(code.files if code else ())
    base = base_folder(folders)
    folder = Path(os.path.abspath(folders.spec)).relative_to(base).as_posix()
    files = tuple((file.relative_to(base).as_posix(), file, digest_file(file)) for file in sorted(found))
    key = f"snapshots/{digest([[name, sha] for name, _, sha in files])}.zip" if files else ""
    return Snapshot(key, files, "" if folder == "." else folder)


def write_snapshot(snapshot: Snapshot, cache: Cache) -> None:
    """Puts the archive into the cache, unless it is there. BluenoError when a file has changed since the plan."""
    if not snapshot.key or cache.stat(snapshot.key) is not None:
        return
    cache.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache.scratch) as folder:
        archive = Path(folder) / "snapshot.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for name, path, sha in snapshot.files:
                file.writestr(_entry(name), _unchanged(path, sha))
        cache.put_if_absent(snapshot.key, archive)


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, EPOCH)
    entry.external_attr = 0o644 << 16
    entry.create_system = 3  # Unix, wherever it is written
    return entry


def _unchanged(path: Path, sha: str) -> bytes:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BluenoError(f"{path} was there when the plan was made: {error}", "run the command again") from None
    if sha256(content).hexdigest() != sha:
        raise BluenoError(f"{path} has changed since the plan was made", "run the command again")
    return content
