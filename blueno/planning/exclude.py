"""Which configs `exclude` drops, by one bit a pattern.

A piece of a config (a factor's outcome) has a mask: bit i is set unless a condition of pattern i fails on it. Patterns
whose bit is set in all pieces match the config. Conditions that compare paths of different pieces are looked at last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from ..spec.conditions import Condition, Pattern, holds
from ..spec.paths import owner


class Masks(NamedTuple):
    """The conditions of all patterns as one frame sees them."""

    frame: int  # the mask of what all configs of the frame have in common
    by_factor: dict[str, list[tuple[int, Condition]]]  # factor's path -> (bit, condition)
    across: list[tuple[int, Condition]]  # that compare two factors
    names: Mapping[str, Any]  # values that all configs of the frame share
    watched: frozenset[str]  # the paths that those look at


def masks_of(patterns: Sequence[Pattern], factors: Iterable[str], names: Mapping[str, Any]) -> Masks:
    """The masks of a frame whose factors have these paths, and whose own names have these values."""
    prefixes = list(factors)
    frame = (1 << len(patterns)) - 1
    by_factor: dict[str, list[tuple[int, Condition]]] = {}
    across: list[tuple[int, Condition]] = []
    watched: set[str] = set()
    for number, pattern in enumerate(patterns):
        bit = 1 << number
        for condition in pattern.conditions:
            owners = (owner(path, prefixes) for path in _paths(condition) if path not in names)
            places = {place for place in owners if place is not None}
            if not places:
                frame &= -1 if holds(condition, names) else ~bit
            elif len(places) == 1:
                by_factor.setdefault(places.pop(), []).append((bit, condition))
            else:
                across.append((bit, condition))
                watched.update(_paths(condition))
    return Masks(frame, by_factor, across, names, frozenset(watched))


def _paths(condition: Condition) -> list[str]:
    return [condition.path, *condition.refers_to]


def mask_of_factor(masks: Masks, path: str, values: Mapping[str, Any]) -> int:
    """The mask of an outcome of the factor at `path`, whose paths have these values."""
    conditions = masks.by_factor.get(path)
    return mask_of(conditions, {**masks.names, **values}) if conditions else -1


def mask_of(conditions: Iterable[tuple[int, Condition]], values: Mapping[str, Any]) -> int:
    """All bits but those of the conditions that fail on these values."""
    mask = -1
    for bit, condition in conditions:
        if mask & bit and not holds(condition, values):
            mask &= ~bit
    return mask
