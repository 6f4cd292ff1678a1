"""What a dataset's summary says, for people: a word for each line, and the line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

PARTS = ("train", "stop", "validation", "test")
SHOWN = 12  # names and classes in a line


def described(summary: dict[str, Any] | None) -> dict[str, str]:
    """Samples by part, classes with their counts, columns by kind, what was left out, noticed and chosen.

    What a summary does not say is not there. Empty for a dataset that was not built.

    >>> described({"parts": {"train": 3, "validation": 1}, "task": "regression", "shape": [8, 8], "dtype": "float32"})
    {'samples': 'train 3, validation 1', 'task': 'regression', 'features': '8 x 8 (float32)'}
    """
    found = summary or {}
    lines = {
        "samples": _samples(found),
        "task": _task(found),
        "classes": _classes(found),
        "groups": str(found.get("groups") or ""),
        "columns": _columns(found.get("inputs") or {}),
        "features": _features(found),
        "left out": "; ".join(f"{count}: {why}" for why, count in (found.get("dropped") or {}).items()),
        "noticed": "; ".join(found.get("remarks") or []),
        "chosen": "; ".join(found.get("guessed") or []),
    }
    return {name: line for name, line in lines.items() if line}


def _samples(found: dict[str, Any]) -> str:
    sizes = found.get("parts") or {}
    parts = [f"{name} {sizes[name]}" for name in PARTS if name in sizes]
    outside = found.get("in_no_part")
    return ", ".join(parts) + (f" ({outside} in no part)" if outside else "")


def _task(found: dict[str, Any]) -> str:
    positive = found.get("positive")
    return (found.get("task") or "") + ("" if positive is None else f", positive is {positive}")


def _classes(found: dict[str, Any]) -> str:
    """Each class with how many samples of all parts have it."""
    counts: dict[str, int] = {}
    for of_part in (found.get("counts") or {}).values():
        for label, count in of_part.items():
            counts[label] = counts.get(label, 0) + count
    return _some(f"{label} {count}" for label, count in counts.items())


def _columns(inputs: dict[str, str]) -> str:
    """The columns of the source that are inputs, by kind."""
    by_kind: dict[str, list[str]] = {}
    for name, kind in inputs.items():
        by_kind.setdefault(kind, []).append(name)
    return "; ".join(f"{len(names)} {kind}: {_some(names)}" for kind, names in by_kind.items())


def _features(found: dict[str, Any]) -> str:
    """The shape of a sample as the model gets it, and how many values are missing."""
    if not found.get("shape"):
        return ""
    missing = sum((found.get("missing") or {}).values())
    shape = " x ".join(map(str, found["shape"]))
    numbers = f"{shape} ({found['dtype']})" if len(found["shape"]) > 1 else f"{shape} numbers ({found['dtype']})"
    return numbers + (f", {missing} values missing" if missing else "")


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:SHOWN]) + (f" and {len(listed) - SHOWN} more" if len(listed) > SHOWN else "")
