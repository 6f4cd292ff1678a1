"""Canonical JSON and the hashes made of it. Identity rests on this file: a change here changes every id."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

SHORT = 16  # digits of an id that are shown
ENCODER = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def canonical(value: Any) -> str:
    """`value` as JSON with sorted keys, no spaces and shortest round-trip floats. NaN and infinities raise ValueError.

    >>> canonical({"b": 1.0, "a": [1, True, None]})
    '{"a":[1,true,null],"b":1.0}'
    """
    return ENCODER.encode(value)


def digest(value: Any) -> str:
    """Full SHA-256, in hexadecimal, of the canonical JSON of `value`."""
    return digest_text(canonical(value))


def digest_text(text: str) -> str:
    """Full SHA-256, in hexadecimal, of a text in UTF-8."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def digest_file(path: Path) -> str:
    """Full SHA-256, in hexadecimal, of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def short(id: str) -> str:
    """The digits of an id that are shown."""
    return id[:SHORT]


def matching(prefix: str, ids: Iterable[str]) -> list[str]:
    """The ids that begin with `prefix`."""
    return [id for id in ids if id.startswith(prefix)]
