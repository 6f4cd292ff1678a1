"""Exceptions turned into records: which class of failure it is, a traceback without our own frames, and a group
that is equal for failures that are alike, whatever numbers their messages carry.
"""

from __future__ import annotations

import errno
import re
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from traceback import FrameSummary, TracebackException
from typing import Any

from ..canonical import digest
from ..errors import BluenoError, DataError, MissingLibrary, ModelError, NotFound, TrialFailed, Unreachable
from .code import SnapshotMissing

OURS = tuple(path for name in ("blueno", "blueno.etl", "blueno.ml") for path in import_module(name).__path__)
MEMORY_TYPES = {"ResourceExhaustedError", "OutOfMemoryError"}  # TensorFlow's and PyTorch's, told without importing them
MEMORY_WORDS = ("RESOURCE_EXHAUSTED", "out of memory", "OOM when allocating")
RAISED = {
    TrialFailed: "user_code", DataError: "data", ModelError: "model", NotFound: "dataset_missing",
    SnapshotMissing: "snapshot_missing", Unreachable: "unreachable",
}  # fmt: skip
DISK_ERRORS = {errno.ENOSPC, errno.EDQUOT}
MAX_MESSAGE = 10_000  # characters; a message may hold a whole array
MAX_TRACEBACK = 100_000


def describe(error: BaseException, folder: Path | None, otherwise: str) -> dict[str, Any]:
    """The `messages.Error` of an exception. `folder` holds the user's code, and paths are shown relative to it;
    `otherwise` is the class of what a third party raised (`model` while training, `data` while building).
    """
    trace = TracebackException.from_exception(error, compact=True)
    inside = f"{folder}/" if folder else None
    frames = _user_frames(trace, inside) or [frame for frame in trace.stack if not _is_ours(frame)]
    kind = _class(error, trace, inside, otherwise)
    message = _shown(_message(error), inside)
    return {
        "class": kind,
        "type": type(error).__qualname__,
        "message": message[:MAX_MESSAGE],
        "fix": error.fix if isinstance(error, BluenoError) else "",
        "traceback": _shown(_traceback(trace, inside, isinstance(error, BluenoError)), inside),
        "group": digest([kind, type(error).__qualname__, [_place(f, inside) for f in frames], normalised(message)]),
    }


def normalised(message: str) -> str:
    """A message without what differs between failures that are alike: quoted text, numbers, addresses.

    >>> normalised("expected 'a', found 0x7f3a at 12.5")
    'expected *, found # at #'
    """
    quoted = re.sub(r"'[^'\n]*'|\"[^\"\n]*\"|`[^`\n]*`", "*", message[:MAX_MESSAGE])
    return re.sub(r"0x[0-9a-fA-F]+|\d+(\.\d+)?([eE][-+]?\d+)?", "#", quoted)


def _class(error: BaseException, trace: TracebackException, inside: str | None, otherwise: str) -> str:
    machine = next(filter(None, map(_machine_class, _chain(error))), None)
    if machine:
        return machine
    for kind, name in RAISED.items():
        if isinstance(error, kind):
            return name
    if isinstance(error, ModuleNotFoundError | MissingLibrary):
        return "bug" if (getattr(error, "name", None) or "").startswith("blueno") else "missing_library"
    if isinstance(error, BluenoError) or _user_frames(trace, inside):
        return "user_code"
    if isinstance(error, AssertionError) and str(error).startswith("BUG:"):
        return "bug"
    return "bug" if not trace.stack or _is_ours(trace.stack[-1]) else otherwise


def _machine_class(error: BaseException) -> str | None:
    """`out_of_memory` or `disk_full` if the machine is what failed; h5py and others only say so in their text."""
    text = _message(error)
    names = {kind.__name__ for kind in type(error).__mro__}
    if isinstance(error, MemoryError) or names & MEMORY_TYPES:
        return "out_of_memory"
    if isinstance(error, RuntimeError) and any(words in text for words in MEMORY_WORDS):
        return "out_of_memory"
    if isinstance(error, OSError) and (error.errno in DISK_ERRORS or "No space left on device" in text):
        return "disk_full"
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and those that it was raised from or while handling, newest first."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        yield current
        seen.add(id(current))
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _message(error: BaseException) -> str:
    try:
        return error.message if isinstance(error, BluenoError) else str(error)
    except Exception:  # user code may well write a __str__ that raises
        return "<its message could not be made>"


def _user_frames(trace: TracebackException, inside: str | None) -> list[FrameSummary]:
    return [frame for frame in trace.stack if inside and frame.filename.startswith(inside)]


def _is_ours(frame: FrameSummary) -> bool:
    return frame.filename.startswith(tuple(f"{folder}/" for folder in OURS))


def _place(frame: FrameSummary, inside: str | None) -> list[str]:
    """What identifies a frame: file, function and the line's text, but no line number, which edits elsewhere move."""
    return [_shown(frame.filename, inside), frame.name, frame.line or ""]


def _traceback(trace: TracebackException, inside: str | None, on_purpose: bool) -> str:
    """The traceback as Python prints it, without our frames, in each exception of the chain. Where all frames are ours
    they stay (a bug). Of what we raised `on_purpose` without the user's code having a part in it, the message says all.
    """
    chain = list(_parts(trace))
    if on_purpose and not any(_user_frames(part, inside) for part in chain):
        return "".join(trace.format_exception_only())
    for part in chain:
        foreign = [frame for frame in part.stack if not _is_ours(frame)]
        if foreign or on_purpose:
            part.stack[:] = foreign
    text = "".join(trace.format())
    if len(text) <= MAX_TRACEBACK:
        return text
    return text[: MAX_TRACEBACK // 2] + "\n[...]\n" + text[-MAX_TRACEBACK // 2 :]


def _parts(trace: TracebackException) -> Iterator[TracebackException]:
    """The exception and those it came from, newest first."""
    part: TracebackException | None = trace
    while part is not None:
        yield part
        part = part.__cause__ or part.__context__


def _shown(text: str, inside: str | None) -> str:
    """Paths without the folders that only this machine has."""
    text = text.replace(inside, "") if inside else text
    return re.sub(r"(?<=[\"'])\S*/(site-packages|dist-packages)/", "", text).replace(f"{sys.base_prefix}/", "")
