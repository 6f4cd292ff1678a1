"""Plain scalars as YAML 1.2's core schema reads them: `no` and `on` are strings, `1e-4` and `0o17` are numbers."""

from __future__ import annotations

import math
import re

_WORDS = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_DECIMAL = re.compile(r"[-+]?[0-9]+\Z")
_OTHER_BASE = re.compile(r"0o[0-7]+\Z|0x[0-9a-fA-F]+\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")
_MAX_DIGITS = 4000  # below where Python refuses to read an integer


def read_scalar(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar. Raises ValueError (with a message) for NaN, infinities and endless integers."""
    if text in _WORDS:
        return _WORDS[text]
    if _NOT_FINITE.match(text):
        raise ValueError("NaN and infinities are not values")
    if len(text) > _MAX_DIGITS and _DECIMAL.match(text):
        raise ValueError("the number is too long")
    if _DECIMAL.match(text):
        return int(text)
    if _OTHER_BASE.match(text):
        return int(text[2:], 8 if text[1] == "o" else 16)
    return _read_float(text) if _FLOAT.match(text) else text


def _read_float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("the number is too large")
    return value
