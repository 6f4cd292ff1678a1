"""What nobody needs any more: parts without a manifest, files in scratch of builds, downloads and uploads that were
ended, code of sweeps that were removed.

What is under way now holds the lock of its workplace, and is left alone with everything that is newer than it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from ..cache import Cache, Entry
from ..cache.locks import free, locked
from .held import Held, orphans

STALE_S = 3600.0  # a part that nothing names is left for so long: somebody may be about to name it
STALE_SCRATCH_S = 86_400.0  # of files whose owner holds no lock
HELD_BY_NOBODY = {".rename.lock"}


class Leftovers(NamedTuple):
    """`entries` are keys of the cache, `paths` files and folders in its scratch."""

    entries: list[Entry]
    paths: list[Path]
    bytes: int


def under_way(scratch: Path) -> dict[str, float]:
    """The ids that are being built or fetched now, in whatever process -> when that began, or earlier."""
    found = {}
    for lock in scratch.glob("*.lock"):
        with suppress(FileNotFoundError):
            began_s = lock.stat().st_mtime
            if lock.name not in HELD_BY_NOBODY and not free(lock):
                found[lock.name.partition(".")[0]] = began_s
    return found


def leftovers(cache: Cache, held: Held, others: Collection[str], now: float) -> Leftovers:
    """What may be deleted since nobody needs it, nor is about to. `others` are keys of code and announcements that are
    still used.
    """
    building = under_way(cache.scratch)
    oldest_s = min([now - STALE_S, *building.values()])
    entries = [entry for entry in orphans(held) if entry.changed_s < oldest_s]
    old = [entry for entry in held.others if entry.key not in others and now - entry.changed_s > STALE_SCRATCH_S]
    paths = list(_stale(cache.scratch, building, now))
    keys = [*entries, *held.unreadable, *old]
    return Leftovers(keys, paths, sum(entry.bytes for entry in keys) + sum(map(_bytes, paths)))


def left_in_both(shown: Leftovers, now: Leftovers) -> Leftovers:
    """Of what was shown, what nobody needs now, too."""
    keys, paths = {entry.key for entry in shown.entries}, [path for path in now.paths if path in set(shown.paths)]
    entries = [entry for entry in now.entries if entry.key in keys]
    return Leftovers(entries, paths, sum(entry.bytes for entry in entries) + sum(map(_bytes, paths)))


def _stale(scratch: Path, building: dict[str, float], now: float) -> Iterator[Path]:
    for path in sorted(scratch.iterdir()) if scratch.is_dir() else ():
        if path.name.partition(".")[0] in building or path.name in HELD_BY_NOBODY:
            continue
        if _is_workplace(path) or now - _newest_s(path) > STALE_SCRATCH_S:
            yield path


def _is_workplace(folder: Path) -> bool:
    """Whether it is a place to build in, which is named by the id and locked while somebody is in it."""
    return folder.is_dir() and len(folder.name) == 64 and not set(folder.name) - set("0123456789abcdef")


def remove_leftovers(found: Leftovers, cache: Cache) -> None:
    """Deletes what `leftovers` found. A workplace that somebody has entered since then is left to them."""
    for entry in found.entries:
        cache.delete(entry.key)
    for path in found.paths:
        if path.suffix == ".lock" or _is_workplace(path):
            lock = path.with_suffix(".lock")
            if free(lock):
                with locked(lock):  # who wants to enter in this very moment waits for us, and begins anew
                    shutil.rmtree(path, ignore_errors=True)
        elif path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _files(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from (Path(folder, name) for folder, _, names in os.walk(path) for name in names)
    yield path


def _newest_s(path: Path) -> float:
    return max(map(_changed_s, _files(path)))


def _changed_s(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0


def _bytes(path: Path) -> int:
    size = 0
    for file in _files(path):
        with suppress(FileNotFoundError):
            size += 0 if file.is_dir() else file.lstat().st_size
    return size
