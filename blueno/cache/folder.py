"""A cache in a local folder: a key is a path below it. Written beside, flushed, then linked to its final name."""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from . import SCRATCH, Entry, names_of


class FolderCache:
    """Keys as read-only files below `root`. Safe for any number of threads and processes at once.

    `root/tmp` is for files in the making, which are not keys.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)
        self.scratch = self.root / SCRATCH

    def stat(self, key: str) -> int | None:
        """Size in bytes, or None when there is no such key."""
        try:
            return self._path(key).stat().st_size
        except (FileNotFoundError, NotADirectoryError):
            return None

    def put_if_absent(self, key: str, source: Path) -> bool:
        """Stores the file's bytes under `key`; False when the key was there already.

        A file below `scratch` is linked, not copied: its writer must not write to it again.
        """
        final = self._path(key)
        if final.exists():
            mark_used(final)
            return False
        final.parent.mkdir(parents=True, exist_ok=True)
        with self._ours(Path(source)) as ours:
            flush(ours)
            ours.chmod(0o444)
            added = _link(ours, final, self.scratch / ".rename.lock")
        flush(final.parent)
        return added

    def get(self, key: str) -> Path:
        """The file with the key's bytes. KeyError when there is none."""
        path = self._path(key)
        if not path.is_file():
            raise KeyError(key)
        return path

    def list(self, prefix: str) -> Iterator[str]:
        """All keys that begin with `prefix`, sorted."""
        start = self.root / prefix.rpartition("/")[0]
        files = (Path(folder, name) for folder, _, names in os.walk(start) for name in names)
        keys = (path.relative_to(self.root).as_posix() for path in files if self.scratch not in path.parents)
        yield from sorted(key for key in keys if key.startswith(prefix))

    def entries(self, prefix: str) -> Iterator[Entry]:
        """The same with sizes and times. What vanishes meanwhile is not there."""
        for key in self.list(prefix):
            with suppress(FileNotFoundError):
                found = self._path(key).stat()
                yield Entry(key, found.st_size, found.st_mtime)

    def delete(self, key: str) -> None:
        """Removes a key; nothing happens when there is none."""
        self._path(key).unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        return self.root.joinpath(*names_of(key))

    @contextmanager
    def _ours(self, source: Path) -> Iterator[Path]:
        """A file with the bytes of `source` that nobody else writes to, on the file system of the cache."""
        if source.parent == self.scratch or self.scratch.resolve() in source.resolve().parents:
            yield source
            return
        self.scratch.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=self.scratch)
        os.close(descriptor)
        try:
            shutil.copyfile(source, name)
            yield Path(name)
        finally:
            Path(name).unlink(missing_ok=True)


def mark_used(path: Path) -> None:
    """A file's time says when it was last used: access times are not kept everywhere, and checks read everything."""
    with suppress(OSError):  # a disk that nobody can write to, a file of somebody else's
        os.utime(path)


def flush(path: Path) -> None:
    """Makes a file's bytes, or a folder's entries, outlast a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _link(temporary: Path, final: Path, lock: Path) -> bool:
    try:
        os.link(temporary, final)
    except FileExistsError:
        return False
    except OSError:  # a file system without hard links (exFAT, some network mounts)
        return _rename_if_absent(temporary, final, lock)
    return True


def _rename_if_absent(temporary: Path, final: Path, lock: Path) -> bool:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if final.exists():
            return False
        temporary.rename(final)
        return True
