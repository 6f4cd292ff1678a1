"""What a sweep varies, and what its dashboard makes of it: the order of its axes, and the scale of each.

Which axes matter is told by the results that are there; without any, those with the most values come first.
"""

from __future__ import annotations

import math
import sqlite3
from statistics import median_low
from typing import Any, NamedTuple

from ...store.read import Sweep, configs_of, rows_of
from ...tables import differing, labels, spread
from ..documents import hyperparameters, key, split_of

MOST_AXES = 8  # in parallel coordinates and the table
FEW = 12  # distinct numbers that are shown one by one
LEAST_RATIO, LOW = 8.0, 0.25  # of the largest to the smallest value, and where the middle one is, for a log scale
GROUPS = 5  # of many values, for the weight


class Axis(NamedTuple):
    """A path that differs between configs. `field` is the index's name for it."""

    field: str
    label: str
    numeric: bool
    log: bool
    values: list[Any]  # distinct, sorted


class Facts(NamedTuple):
    """What the dashboards of a sweep are made for."""

    name: str
    metric: str  # the objective, as the index names it
    direction: str
    axes: list[Axis]  # the most important first
    varied: int  # how many axes there are, shown or not

    @property
    def curve(self) -> tuple[str, str]:
        """The split and the metric of epochs that the objective is."""
        return split_of(self.metric)


def facts_of(db: sqlite3.Connection, sweep: Sweep) -> Facts:
    """A sweep's facts, with what is known of its results so far."""
    params = configs_of(db, sweep.number)
    groups: dict[str, list[Any]] = {config: [] for config in params}
    for row in rows_of(db, sweep.number):
        groups[row.config].append(row)
    reached = {config: spread(rows, sweep.metric).mean for config, rows in groups.items()}
    axes = axes_of(list(params.values()), [reached[config] for config in params])
    return Facts(sweep.name, key(sweep.metric), sweep.direction, axes[:MOST_AXES], len(axes))


def axes_of(params: list[dict[str, Any]], reached: list[float | None]) -> list[Axis]:
    """The axes of some configs, the most important first; `reached` is each one's objective."""
    rows = [_fields(each) for each in params]
    paths = differing(rows)
    names = labels([path.partition(".")[2].partition(".")[2] for path in paths])
    found = []
    for path, label in zip(paths, names, strict=True):
        column = [row.get(path) for row in rows]
        values = sorted({each for each in column if each is not None})
        numeric = path.startswith("hp.num.")
        axis = Axis(path, label, numeric, numeric and is_log(values), values)
        found.append((weight(column, reached), len(values), axis))
    return [axis for _, _, axis in sorted(found, key=lambda each: each[:2], reverse=True)]


def _fields(params: dict[str, Any]) -> dict[str, Any]:
    """Hyperparameters under the index's names."""
    hp = hyperparameters({}, params)["hp"]
    return {f"hp.{type}.{path}": value for type in ("num", "cat") for path, value in hp[type].items()}


def is_log(values: list[float]) -> bool:
    """Whether numbers are spread by factors rather than by steps.

    >>> is_log([0.0001, 0.001, 0.01]), is_log([16, 32, 64, 128]), is_log([0.0, 0.2, 0.4]), is_log([1, 5, 6, 9, 10])
    (True, True, False, False)
    """
    if len(values) < 2 or values[0] <= 0 or values[-1] / values[0] < LEAST_RATIO:
        return False
    return (median_low(values) - values[0]) / (values[-1] - values[0]) < LOW


def weight(column: list[Any], reached: list[float | None]) -> float:
    """The share of the objective's variance that an axis explains, less what as many groups explain by chance; 0 when
    there are too few results.

    >>> round(weight(["a", "a", "b", "b"], [0.1, 0.2, 0.8, 0.9]), 2), weight(["a", "b"], [0.1, None])
    (0.97, 0.0)
    """
    known = [(value, y) for value, y in zip(column, reached, strict=True) if y is not None and math.isfinite(y)]
    groups: dict[Any, list[float]] = {}
    for value, y in _grouped(known):
        groups.setdefault(value, []).append(y)
    free = len(known) - len(groups)
    if len(groups) < 2 or free < 1:
        return 0.0
    mean = math.fsum(y for _, y in known) / len(known)
    total = math.fsum((y - mean) ** 2 for _, y in known)
    within = math.fsum((y - math.fsum(ys) / len(ys)) ** 2 for ys in groups.values() for y in ys)
    return max(0.0, 1.0 - within / total * (len(known) - 1) / free) if total > 0 else 0.0


def _grouped(known: list[tuple[Any, float]]) -> list[tuple[Any, float]]:
    """Many different values as a few groups of about the same size."""
    values = sorted({value for value, _ in known if value is not None})
    if len(values) <= FEW:
        return known
    rank = {value: index * GROUPS // len(values) for index, value in enumerate(values)}
    return [(rank.get(value), y) for value, y in known]
