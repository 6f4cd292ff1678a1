"""The objective over the axes of a sweep: over one as points, over two as a heatmap."""

from __future__ import annotations

import math
from typing import Any

from .axes import FEW, Axis, Facts
from .vega import BEST, BLUE, RED, VEGA_LITE, Spec, by, calculated, good, hits, value

OBJECTIVE = "objective.mean"
BINS_A_DECADE = 3
BINS = 10


def against(index: str, facts: Facts, axis: Axis) -> Spec:
    """A point for each config, and, where an axis has few values, the mean of each."""
    x = _x(axis, "x")
    y = {"field": "y", "type": "quantitative", "title": facts.metric, "scale": {"zero": False}}
    points: dict[str, Any] = {
        "mark": {"type": "point", "filled": True, "opacity": 0.5, "size": 36, "color": BLUE},
        "encoding": {"x": x, "y": y, "tooltip": _tips(facts, {"x": axis.label, "config": "config"})},
    }
    dot = {"color": RED, "filled": True}
    means: dict[str, Any] = {
        "mark": {"type": "line", "color": RED, "point": dot} if axis.numeric else {"type": "point", **dot},
        "encoding": {"x": x, "y": {**y, "aggregate": "mean"}},
    }
    return {
        "$schema": VEGA_LITE,
        "data": _configs(index, facts, [axis]),
        "transform": [
            *calculated({"x": value(axis.field), "y": value(OBJECTIVE), "config": _short()}),
            {"filter": f"isValid(datum.x) && isValid(datum.y){' && datum.x > 0' if axis.log else ''}"},
        ],
        "layer": [points, means] if is_discrete(axis) else [points],
    }


def heatmap(index: str, facts: Facts, across: Axis, up: Axis) -> Spec:
    """The mean of the objective in each cell of two axes; axes of many numbers are cut into bins."""
    named = {"x": across, "y": up}
    valid = " && ".join(
        f"isValid(datum.{name}){f' && datum.{name} > 0' if axis.log else ''}" for name, axis in named.items()
    )
    columns = {"x": value(across.field), "y": value(up.field), "objective": value(OBJECTIVE)}
    cells = [_cell(name, axis) for name, axis in named.items()]
    best = "max" if facts.direction == "maximize" else "min"
    colour = {
        "field": "mean",
        "type": "quantitative",
        "title": [facts.metric, good(facts.direction)],
        "scale": {"scheme": BEST, "reverse": facts.direction == "minimize", "zero": False},
    }
    encoding: dict[str, Any] = {
        "color": colour,
        "tooltip": _tips(facts, {"mean": "mean", "best": "best", "n": "configs"}),
    }
    for name, axis in named.items():
        encoding |= _sides(name, axis)
    groups = [key for name, axis in named.items() for key in _keys(name, axis)]
    return {
        "$schema": VEGA_LITE,
        "data": _configs(index, facts, [across, up]),
        "transform": [
            *calculated(columns),
            {"filter": f"isValid(datum.objective) && {valid}"},
            *(each for cell in cells for each in cell),
            {
                "aggregate": [
                    {"op": "mean", "field": "objective", "as": "mean"},
                    {"op": best, "field": "objective", "as": "best"},
                    {"op": "count", "as": "n"},
                ],
                "groupby": groups,
            },
        ],
        "mark": {"type": "rect", "stroke": "white", "strokeWidth": 1},
        "encoding": encoding,
    }


def is_discrete(axis: Axis) -> bool:
    """Whether its values stand beside each other, each by itself."""
    return not axis.numeric or len(axis.values) <= FEW


def _configs(index: str, facts: Facts, axes: list[Axis]) -> dict[str, Any]:
    order = "desc" if facts.direction == "maximize" else "asc"
    return hits(index, ["config_id", OBJECTIVE, *(axis.field for axis in axes)], by(OBJECTIVE, order))


def _short() -> str:
    return f"slice({value('config_id')} || '', 0, 16)"


def _x(axis: Axis, field: str) -> dict[str, Any]:
    if not axis.numeric:
        return {"field": field, "type": "nominal", "title": axis.label, "axis": {"labelAngle": 0, "labelLimit": 90}}
    scale = {"type": "log"} if axis.log else {"zero": False}
    return {"field": field, "type": "quantitative", "title": axis.label, "scale": scale, "axis": {"format": "~g"}}


def _cell(name: str, axis: Axis) -> list[dict[str, str]]:
    """Transforms that cut an axis of many numbers into bins, `from` and `to`."""
    if is_discrete(axis):
        return []
    if axis.log:
        low = f"floor(log(datum.{name}) / LN10 * {BINS_A_DECADE}) / {BINS_A_DECADE}"
        return calculated({f"{name}_from": f"pow(10, {low})", f"{name}_to": f"pow(10, {low} + {1 / BINS_A_DECADE!r})"})
    width = nice((axis.values[-1] - axis.values[0]) / BINS)
    low = f"floor(datum.{name} / {width!r}) * {width!r}"
    return calculated({f"{name}_from": low, f"{name}_to": f"{low} + {width!r}"})


def nice(width: float) -> float:
    """The round number next above.

    >>> nice(0.037), nice(3.0)
    (0.05, 5.0)
    """
    power = 10.0 ** math.floor(math.log10(width))
    return next(round(step * power, 12) for step in (1, 2, 5, 10) if step * power >= width * (1 - 1e-9))


def _keys(name: str, axis: Axis) -> list[str]:
    return [name] if is_discrete(axis) else [f"{name}_from", f"{name}_to"]


def _sides(name: str, axis: Axis) -> dict[str, Any]:
    if is_discrete(axis):
        sort = "ascending" if name == "x" else "descending"
        shown = {"labelLimit": 120} | ({"labelAngle": 0} if name == "x" else {})
        return {name: {"field": name, "type": "ordinal", "title": axis.label, "sort": sort, "axis": shown}}
    scale = {"type": "log", "nice": False} if axis.log else {"zero": False, "nice": False}
    low = {
        "field": f"{name}_from", "type": "quantitative", "title": axis.label, "scale": scale, "axis": {"format": "~g"},
    }  # fmt: skip
    return {name: low, f"{name}2": {"field": f"{name}_to"}}


def _tips(facts: Facts, more: dict[str, str]) -> list[dict[str, str]]:
    own = [] if "mean" in more else [{"field": "y", "title": facts.metric}]
    return [*own, *({"field": field, "title": title} for field, title in more.items())]
