"""Several objectives and limits: which configs keep to `where`, and which of these nothing beats in every objective."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .canonical import short
from .tables import ConfigRow

COMPARED = {
    "le": lambda value, limit: value <= limit,
    "lt": lambda value, limit: value < limit,
    "ge": lambda value, limit: value >= limit,
    "gt": lambda value, limit: value > limit,
}
MOST_NAMED = 12  # configs of the front, below a table that may show fewer
Objective = tuple[str, str]  # metric and direction


def names_of(plan: dict[str, Any]) -> list[str]:
    """The metrics that a plan decides by beside its objective."""
    objectives = [each["metric"] for each in plan.get("objectives", [])[1:]]
    limited = [name for name, _, _ in plan.get("where", []) if name != plan["objective"]["metric"]]
    return list(dict.fromkeys([*objectives, *limited]))


def judged(rows: Sequence[ConfigRow], plan: dict[str, Any], metric: str) -> list[ConfigRow]:
    """Configs, best first, with those of the front before others, and those beyond `where` last."""
    objectives = [(each["metric"], each["direction"]) for each in plan.get("objectives", [])]
    where = plan.get("where", [])
    found = [row._replace(allowed=_is_allowed(row, where, metric) if where else None) for row in rows]
    if objectives:
        points = [None if row.allowed is False else _point(row, objectives, metric) for row in found]
        front = is_front(points)
        found = [row._replace(front=each) for row, each in zip(found, front, strict=True)]
    return sorted(found, key=lambda row: (row.allowed is False, row.front is False))


def _value(row: ConfigRow, name: str, metric: str) -> float | None:
    return row.mean if name == metric else row.metrics.get(name, {}).get("mean")


def _is_allowed(row: ConfigRow, where: list[list[Any]], metric: str) -> bool:
    """Whether a config keeps to every limit; one that has no value does not."""
    values = [(_value(row, name, metric), operator, limit) for name, operator, limit in where]
    return all(value is not None and COMPARED[operator](value, limit) for value, operator, limit in values)


def _point(row: ConfigRow, objectives: Sequence[Objective], metric: str) -> list[float] | None:
    """The objectives of a complete config, smaller is better."""
    values = [(_value(row, name, metric), direction) for name, direction in objectives]
    if row.replicates < row.planned or any(value is None for value, _ in values):
        return None
    return [-value if direction == "maximize" else value for value, direction in values if value is not None]


def is_front(points: Sequence[list[float] | None]) -> list[bool]:
    """Which points no other is at least as good as everywhere, and better somewhere.

    >>> is_front([[1, 3], [2, 2], [3, 3], None])
    [True, True, False, False]
    """
    there = [point for point in points if point is not None]
    return [point is not None and not any(_beats(other, point) for other in there) for point in points]


def _beats(one: list[float], other: list[float]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def front_of(rows: Sequence[dict[str, Any]]) -> list[str]:
    """The configs of the front, of rows as `results --json` has them."""
    return [row["config_id"] for row in rows if row.get("front") is True]


def front_text(document: dict[str, Any]) -> str:
    """What stands under a table of several objectives, or with limits."""
    rows, lines = document["rows"], []
    front = front_of(rows)
    if front:
        names = " and ".join(f"{each['direction']} {each['metric']}" for each in document["objectives"])
        lines.append(f"*: the front, {len(front)} of {len(rows)}, of which none is beaten in all of: {names}")
        more = f" and {len(front) - MOST_NAMED} more" if len(front) > MOST_NAMED else ""
        lines.append(f"the front: {', '.join(map(short, front[:MOST_NAMED]))}{more}")
    last = [row for row in rows if row.get("allowed") is False]
    if last:
        limits = ", ".join(f"{name} {operator} {limit:g}" for name, operator, limit in document["where"])
        beyond = sum(row["replicates"] > 0 for row in last)
        if beyond:
            lines.append(f"{beyond} of {len(rows)} do not keep to where ({limits}), and stand last")
        if beyond < len(last):
            lines.append(f"{len(last) - beyond} of {len(rows)} have no result to hold against where ({limits})")
    return "".join(f"\n{line}" for line in lines)
