"""What this machine made and the shared cache may not have yet: a file for each manifest, in `data/work/outbox`.

Whoever stores a manifest notes it here first; the publisher removes the note when the bucket has it. So nothing is
forgotten by a crash, and a run catches up with what an earlier one could not send.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

from ..canonical import digest_text
from .folder import flush
from .parts import MANIFESTS

MADE = (*MANIFESTS, "trials/")
STALE_S = 86_400.0  # a note without a manifest is of a writer that died, not of one that writes just now


def outbox_of(root: Path) -> Path:
    """The folder of a project's notes."""
    return root / "data" / "work" / "outbox"


def note(outbox: Path, key: str, text: str = "") -> None:
    """Notes a manifest to be sent; with a `text`, the note is the manifest itself."""
    outbox.mkdir(parents=True, exist_ok=True)
    if not text:
        _file(outbox, key).touch()
        return
    beside = outbox / f".{digest_text(key)}"
    beside.write_text(text, encoding="utf-8")
    flush(beside)  # a power cut leaves no empty note
    beside.replace(_file(outbox, key))
    flush(outbox)


def text_of(outbox: Path, key: str) -> str:
    """What a note holds; "" if it is gone."""
    try:
        return _file(outbox, key).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def noted(outbox: Path) -> list[str]:
    """The keys of manifests that wait, oldest first."""
    files = []
    with suppress(FileNotFoundError):  # no folder
        for path in outbox.iterdir():
            with suppress(FileNotFoundError):  # sent in this very moment
                if "~" in path.name:
                    files.append((path.stat().st_mtime, path.name))
    return [name.replace("~", "/") for _, name in sorted(files)]


def made(outbox: Path) -> list[str]:
    """Of these, what was made here: datasets, nodes and trials. Announcements of what a store wants are not."""
    return [key for key in noted(outbox) if key.startswith(MADE)]


def sent(outbox: Path, key: str) -> None:
    """Removes a note."""
    _file(outbox, key).unlink(missing_ok=True)


def later(outbox: Path, key: str) -> None:
    """Puts a note behind all others."""
    with suppress(FileNotFoundError):
        os.utime(_file(outbox, key))


def is_stale(outbox: Path, key: str) -> bool:
    """Whether a note is so old that its writer cannot be about to store the manifest."""
    try:
        return time.time() - _file(outbox, key).stat().st_mtime > STALE_S
    except FileNotFoundError:
        return False


def _file(outbox: Path, key: str) -> Path:
    return outbox / key.replace("/", "~")
