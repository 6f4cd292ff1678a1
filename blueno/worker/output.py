"""Where a worker's output goes: file descriptors 1 and 2 point at the log of the running trial, so that prints of
Python, of C libraries and of child processes, and the traceback of a segmentation fault, all end there.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LIBC = ctypes.CDLL(None)
HALF_BYTES = 512 * 1024  # of a log, this much of its beginning and of its end is kept


def trial_log(root: Path, trial: str) -> Path:
    """The log of a running trial; all its attempts append to it."""
    return root / "logs" / "trials" / f"{trial}.log"


def pack_log(root: Path, worker: str) -> Path:
    """What a worker writes while a pack is on."""
    return root / "logs" / "workers" / f"{worker}.pack.log"


def worker_log(root: Path, worker: str) -> Path:
    """What a worker writes while no trial runs."""
    return root / "logs" / "workers" / f"{worker}.log"


def open_log(path: Path) -> int:
    """A file descriptor that appends to the log."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
    try:
        return os.open(path, flags, 0o644)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o644)


@contextmanager
def redirected(path: Path, header: str) -> Iterator[None]:
    """Points file descriptors 1 and 2 at the end of a log, after a line that says whose output follows."""
    log = open_log(path)
    os.write(log, header.encode())
    flush()
    before = os.dup(1), os.dup(2)
    _point(log, log)
    os.close(log)
    try:
        yield
    finally:
        flush()
        _point(*before)
        for fd in before:
            os.close(fd)


@contextmanager
def output_spared() -> Iterator[None]:
    """Points standard output at standard error: what trials in this process print is no part of a JSON document."""
    flush()
    before = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        flush()
        os.dup2(before, 1)
        os.close(before)


def _point(output: int, errors: int) -> None:
    os.dup2(output, 1)
    os.dup2(errors, 2)


def flush() -> None:
    """Writes out what Python and C hold back, so that it goes to the log it was meant for."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # user code may have closed or replaced it; a full disk is told elsewhere
            stream.flush()
    LIBC.fflush(None)


def append(path: Path, text: str) -> None:
    """Adds to a log, as far as the disk allows."""
    with suppress(OSError):
        log = open_log(path)
        os.write(log, text.encode(errors="backslashreplace"))
        os.close(log)


def bounded(path: Path, half_bytes: int = HALF_BYTES) -> str:
    """The text of a log, without the middle of a long one; empty if there is none."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= 2 * half_bytes:
                return _text(file.read())
            head = file.read(half_bytes)
            file.seek(size - half_bytes)
            return f"{_text(head)}\n[... {size - 2 * half_bytes} bytes left out ...]\n{_text(file.read(half_bytes))}"
    except OSError:
        return ""


def tail(path: Path, size_bytes: int = 8192) -> str:
    """The end of a log's text; empty if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - size_bytes))
            return _text(file.read(size_bytes))
    except OSError:
        return ""


def _text(raw: bytes) -> str:
    return raw.decode(errors="replace")
