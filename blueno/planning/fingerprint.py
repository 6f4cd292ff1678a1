"""The content of data files, hashed once and remembered for as long as path, size, time of change and inode stay.

The memory is a file of JSON lines that processes only append to, whole lines in one write: nothing is locked or lost,
and a line that is damaged is as good as absent.
"""

from __future__ import annotations

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
from ..files import files_at

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
    is read. `progress` is told after each chunk; of a folder, of all its files together.
    """
    start, names = files_at(path)
    hashing = _Hashing(start, recall(memory), memory, progress, clock)
    if not names:
        return hashing.shas([str(start)])[0]
    shas = hashing.shas([os.path.join(start, name) for name in names])
    return digest([list(each) for each in zip(names, shas, strict=True)])


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


class _Hashing:
    """The files of one path on their way; `known` is what is remembered of any."""

    def __init__(
        self, told: Path, known: dict[State, str], memory: Path, progress: Progress, clock: Callable[[], float]
    ) -> None:
        self._told, self._known, self._memory, self._progress, self._clock = told, known, memory, progress, clock
        self._done = self._whole = 0  # bytes, of what is not known
        self._fresh: list[tuple[State, str]] = []  # to be remembered

    def shas(self, files: list[str]) -> list[str]:
        """The SHA-256 of each. Those hashed now are remembered, also when an error or an interrupt ends it."""
        states = [_state(file) for file in files]
        self._whole = sum(state.size for state in states if state not in self._known)
        try:
            return [self._known.get(state) or self._sha(state) for state in states]
        finally:
            self._remember()

    def _sha(self, before: State) -> str:
        try:
            sha = self._hash(before.path)
        except OSError as error:
            raise _unreadable(before.path, error) from None
        if _state(before.path) != before:
            message = f"{before.path} changed while it was read"
            raise DataError(message, "wait until it is complete, then run the command again")
        if self._clock() - before.modified_ns / 1e9 > SETTLED_S:
            self._fresh.append((before, sha))
        if before.size > CHUNK_BYTES:
            self._remember()  # at once, since whoever is killed would have to read it again
        return sha

    def _hash(self, file: str) -> str:
        state = sha256()
        with open(file, "rb") as opened:
            while chunk := opened.read(CHUNK_BYTES):
                state.update(chunk)
                self._done += len(chunk)
                self._progress(self._told, self._done, self._whole)
        return state.hexdigest()

    def _remember(self) -> None:
        # It begins with a line's end too, so that what a killed process left half-written spoils no other line.
        lines = "".join(f"\n{json.dumps([*state, sha])}\n" for state, sha in self._fresh).encode()
        if not self._fresh:
            return
        self._fresh.clear()
        with suppress(OSError):  # a full disk or one that is read only costs time later, not the plan
            self._memory.parent.mkdir(exist_ok=True)  # without its parents: a missing root is not made by looking
            with self._memory.open("ab", buffering=0) as file:
                file.write(lines)


def _state(file: str) -> State:
    try:
        status = os.stat(file)
    except OSError as error:
        raise _unreadable(file, error) from None
    return State(file, status.st_size, status.st_mtime_ns, status.st_ino)


def _unreadable(file: str, error: OSError) -> DataError:
    return DataError(f"{file} cannot be read: {error.strerror}")
