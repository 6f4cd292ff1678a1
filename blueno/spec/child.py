"""Signatures that only importing a library can tell: asked in a child process, so that nothing is imported here.

What a child said is remembered by reference and version, since importing Keras takes seconds.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from .. import __version__
from ..canonical import digest
from .modules import UnknownName
from .types import nearest

TIMEOUT_S = 120.0  # a cold import of TensorFlow on a slow disk


def remembered(reference: str, version: str, memory: Path | None) -> list[Any]:
    """The entry of a reference (see `third_party`) in the installed `version`; UnknownName when there is no such thing.

    `memory` is the folder in which answers are kept, None to ask each time.
    """
    if memory is None:
        return _ask_child(reference)
    file = memory / f"{digest([reference, version, sys.version_info[:2], __version__])}.json"
    try:
        return list(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        entry = _ask_child(reference)
        _write(file, json.dumps(entry))
        return entry


def _write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=file.parent, delete=False) as temporary:
        temporary.write(text)
    os.replace(temporary.name, file)


def _ask_child(reference: str) -> list[Any]:
    command = [sys.executable, "-P", "-m", "blueno.spec.third_party", reference]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise UnknownName(f"importing {reference} took more than {TIMEOUT_S:.0f} s") from None
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        said = (done.stderr.strip().splitlines() or [f"the import ended with code {done.returncode}"])[-1]
        raise UnknownName(f"{reference} cannot be imported: {said}")
    answer = json.loads(lines[-1])  # whatever the library printed comes before
    if "entry" not in answer:
        raise _no_name(reference, answer["names"])
    return list(answer["entry"])


def _no_name(reference: str, names: list[str]) -> UnknownName:
    place, _, name = reference.partition(":")
    close = nearest(name, names)
    return UnknownName(f"{place} has no '{name}'", f"write {place}:{close}" if close else "", names)
