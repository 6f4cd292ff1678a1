"""The content of data files, hashed once and remembered for as long as path, size, time of change and inode stay.

The memory is a file of JSON lines that processes only append to, each line in one write: nothing is locked or lost, and
a line that is damaged is as good as absent.
"""

from __future__ import annotations

import glob
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from ..canonical import digest
from ..errors import DataError

CHUNK_BYTES = 8 * 2**20
# A file changed so shortly ago may change again within the same tick of its clock, and would then look unchanged.
SETTLED_S = 2.0

Progress = Callable[[Path, int, int], None]  # the file, bytes hashed of it so far, its size


class State(NamedTuple):
    """What a file's content is remembered by."""

    path: str
    size: int
    modified_ns: int
    inode: int


def no_progress(file: Path, done: int, size: int) -> None:
    """Tells nobody."""


def fingerprint(
    path: Path | str, memory: Path, progress: Progress = no_progress, clock: Callable[[], float] = time.time
) -> str:
    """Full SHA-256 of a file's content; for a folder or a pattern (`scans/*.npy`), of its files' names and contents.

    Hidden files are no data. DataError when there is nothing at `path`, when a file cannot be read, or changes while it
    is read. `progress` is told after each chunk.
    """
    start, names = _files_at(str(path))
    known = recall(memory)
    if not names:
        return _one(start, known, memory, progress, clock)
    return digest([[name, _one(start / name, known, memory, progress, clock)] for name in names])


def _files_at(path: str) -> tuple[Path, list[str]]:
    """A folder and the names of files below it, sorted; for a single file, itself and no names."""
    whole = Path(os.path.abspath(path))
    if whole.is_file():
        return whole, []
    start, pattern = (
        (whole, f"{glob.escape(str(whole))}/**") if whole.is_dir() else (_before_wildcards(whole), str(whole))
    )
    files = [Path(each) for each in glob.glob(pattern, recursive=True) if os.path.isfile(each)]
    if not files:
        raise DataError(f"there is no file at {path}", "paths are relative to the spec: correct it, or create the file")
    return start, sorted(file.relative_to(start).as_posix() for file in files)


def _before_wildcards(path: Path) -> Path:
    """The part of a pattern that names one folder; its own folder when there are none."""
    return next(each for each in path.parents if not glob.has_magic(str(each)))


def recall(memory: Path) -> dict[State, str]:
    """What is remembered; the last word on a file counts."""
    return dict(_lines(memory))


def _lines(memory: Path) -> Iterator[tuple[State, str]]:
    try:
        lines = memory.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        try:
            *state, sha = json.loads(line)
            yield State(*state), str(sha)
        except (ValueError, TypeError):
            continue


def _one(file: Path, known: dict[State, str], memory: Path, progress: Progress, clock: Callable[[], float]) -> str:
    try:
        before = _state(file)
        if before in known:
            return known[before]
        sha, after = _hash(file, before.size, progress), _state(file)
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from None
    if after != before:
        raise DataError(f"{file} changed while it was read", "wait until it is complete, then run the command again")
    if clock() - before.modified_ns / 1e9 > SETTLED_S:
        _remember(memory, before, sha)
    return sha


def _state(file: Path) -> State:
    status = file.stat()
    return State(str(file), status.st_size, status.st_mtime_ns, status.st_ino)


def _hash(file: Path, size: int, progress: Progress) -> str:
    state, done = sha256(), 0
    with file.open("rb") as opened:
        while chunk := opened.read(CHUNK_BYTES):
            state.update(chunk)
            done += len(chunk)
            progress(file, done, size)
    return state.hexdigest()


def _remember(memory: Path, state: State, sha: str) -> None:
    # It begins with a line's end too, so that what a killed process left half-written spoils no other line.
    line = f"\n{json.dumps([*state, sha])}\n".encode()
    with suppress(OSError):  # a full disk or one that is read only costs time later, not the plan
        memory.parent.mkdir(exist_ok=True)  # without its parents: a root that is not there is not made by looking
        with memory.open("ab", buffering=0) as file:
            file.write(line)
