"""What a field is compared with: words as numbers, texts, times and durations."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from ..tables import cell
from .tree import Operand, QueryError, Span
from .words import Word

UNITS = {"ms": 0.001, "s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}
DURATION = re.compile(r"(?:(\d+(?:\.\d*)?|\.\d+)(ms|sec|s|min|m|h|d|w))")
DAY = re.compile(r"\d{4}-\d\d-\d\d$")
MILLISECOND = 0.001  # times are kept to this

Value = float | str  # of a field


def number_of(text: str) -> float | None:
    """A finite number, as Python and YAML write one; None for anything else."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and "_" not in text else None


def duration_of(text: str) -> float | None:
    """Seconds: `90`, `90s`, `1h30min`.

    >>> duration_of("1h30min"), duration_of("250ms"), duration_of("soon")
    (5400.0, 0.25, None)
    """
    found = DURATION.findall(text)
    if found and "".join(amount + unit for amount, unit in found) == text:
        return sum(float(amount) * UNITS[unit] for amount, unit in found)
    return number_of(text)


def time_of(text: str, now: float) -> Span | None:
    """A day or an instant, UTC where it names no zone: `2026-11-28`, `2026-11-28T18:00`, `today`, `yesterday`, and
    `-12h`, so long before `now`.
    """
    if text.startswith("-") and (ago := duration_of(text[1:])) is not None:
        return Span(now - ago, now - ago + MILLISECOND)
    today = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    days = {"today": today, "yesterday": today - timedelta(days=1)}
    try:
        moment = days.get(text) or datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    start = moment.timestamp()
    return Span(start, start + (86400.0 if text in days or DAY.match(text) else MILLISECOND))


def of_params(params: Mapping[str, Any]) -> dict[str, Value]:
    """Parameters by path as values of queries: what is no number, as tables show it.

    >>> of_params({"model": "mlp", "model.hidden": [64, 32], "depth": None, "train.epochs": 8, "norm": True})
    {'model': 'mlp', 'model.hidden': '64-32', 'depth': 'none', 'train.epochs': 8.0, 'norm': 'true'}
    """
    return {path: _value(value) for path, value in params.items()}


def _value(value: Any) -> Value:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number else cell(value)


def operand(query: str, word: Word, kind: str, relation: str, now: float) -> Operand:
    """A word as what a field of that kind is compared with. Raises QueryError when it is nothing of the kind."""
    if relation == "~":
        return word.text
    found = READERS[kind](word, now)
    if found is None:
        raise QueryError(query, word.column, f"expected {EXPECTED[kind]}, found {word.text!r}", FIXES[kind])
    if isinstance(found, str) and relation in ("<", "<=", ">", ">="):
        message = f"expected {EXPECTED['number']} after {relation}, found {word.text!r}"
        raise QueryError(query, word.column, message, "texts have no order; use = or ~")
    return found


def _text(word: Word, now: float) -> Operand | None:
    if word.kind == "list":
        try:
            return cell(json.loads(word.text))
        except ValueError:
            return None
    return word.text


def _any(word: Word, now: float) -> Operand | None:
    number = number_of(word.text) if word.kind == "plain" else None
    if word.kind == "plain" and word.text == "null":
        return cell(None)
    return _text(word, now) if number is None else number


def _lower(word: Word, now: float) -> Operand | None:
    return word.text.lower()


READERS: dict[str, Callable[[Word, float], Operand | None]] = {
    "text": _text,
    "words": _text,
    "id": _lower,
    "any": _any,
    "number": lambda word, now: number_of(word.text),
    "duration": lambda word, now: duration_of(word.text),
    "time": lambda word, now: time_of(word.text, now),
}
EXPECTED = {
    "text": "a text", "words": "a text", "id": "the beginning of an id", "any": "a number, a text or a list as in JSON",
    "number": "a number", "duration": "a duration", "time": "a day or a time",
}  # fmt: skip
FIXES = {
    "text": "put it in quotes", "words": "put it in quotes", "id": "", "any": "write a list as [128, 64]",
    "number": "write it like 0.9 or 1e-4", "duration": "write it like 90s, 5min or 1h30min",
    "time": "write it like 2026-11-28, 2026-11-28T18:00, today or -12h (so long ago); UTC, if no zone is said",
}  # fmt: skip
