"""Parallel coordinates: a line for each config through its value on every axis, coloured by the objective."""

from __future__ import annotations

from typing import Any

from .axes import Axis, Facts
from .vega import BEST, VEGA, Spec, by, formulas, good, hits, value

MOST_LINES = 2000
BELOW = 16  # pixels under the axes, where the lines of configs go that have no value on an axis
OBJECTIVE = "objective.mean"


def parallel(index: str, facts: Facts) -> Spec:
    """The best configs of a sweep; the last axis is the objective."""
    last = Axis(OBJECTIVE, facts.metric, True, False, [])
    axes = {f"a{number}": axis for number, axis in enumerate([*facts.axes, last])}
    order = "desc" if facts.direction == "maximize" else "asc"
    lacks = " || ".join(f"!isValid(datum.{key})" for key in axes)
    rows = {
        "name": "rows",
        **hits(index, ["config_id", *(axis.field for axis in axes.values())], by(OBJECTIVE, order), most=MOST_LINES),
        "transform": [
            *formulas({"config": value("config_id"), **{key: _read(axis) for key, axis in axes.items()}}),
            {"type": "formula", "as": "objective", "expr": value(OBJECTIVE)},
            {"type": "filter", "expr": "isValid(datum.objective)"},
            {"type": "formula", "as": "gap", "expr": f"({lacks}) ? 1 : 0"},
            {"type": "extent", "field": "gap", "signal": "gaps"},
            *(
                {"type": "extent", "field": key, "signal": f"{key}_extent"}
                for key, axis in axes.items()
                if axis.numeric
            ),
            {"type": "collect", "sort": {"field": "objective", "order": _order(facts)}},
        ],
    }
    places = {"name": "axes", "values": [{"key": key, "label": axis.label} for key, axis in axes.items()]}
    return {
        "$schema": VEGA,
        "padding": 5,
        "autosize": {"type": "fit", "contains": "padding"},
        "data": [rows, places],
        "scales": [_places(), *(_scale(key, axis) for key, axis in axes.items()), _colour(facts)],
        "axes": [_axis(key, axis) for key, axis in axes.items()],
        "legends": [{"fill": "colour", "title": [facts.metric, good(facts.direction)], "orient": "right"}],
        "marks": [_lines(), _none(), _empty()],
    }


def _order(facts: Facts) -> str:
    """The best one is drawn last, over all others."""
    return "ascending" if facts.direction == "maximize" else "descending"


def _read(axis: Axis) -> str:
    read = value(axis.field)
    return f"({read} > 0 ? {read} : null)" if axis.log else read


def _places() -> dict[str, Any]:
    domain = {"data": "axes", "field": "key"}
    return {"name": "x", "type": "point", "range": "width", "round": True, "padding": 0.3, "domain": domain}


def _scale(key: str, axis: Axis) -> dict[str, Any]:
    bottom = {"signal": f"[height - {BELOW}, 18]"}
    if not axis.numeric:
        domain = {"data": "rows", "field": key, "sort": True}
        return {"name": key, "type": "point", "range": bottom, "padding": 0.2, "domain": domain}
    least, most = f"{key}_extent[0]", f"{key}_extent[1]"
    wider = f"[{least} / 2, {most} * 2]" if axis.log else f"[{least} - 0.5, {most} + 0.5]"
    domain = {"signal": f"isValid({least}) ? ({least} == {most} ? {wider} : [{least}, {most}]) : [1, 2]"}
    type = "log" if axis.log else "linear"
    return {"name": key, "type": type, "range": bottom, "zero": False, "nice": False, "domain": domain} | (
        {"base": 10} if axis.log else {}
    )


def _colour(facts: Facts) -> dict[str, Any]:
    return {
        "name": "colour",
        "type": "linear",
        "range": {"scheme": BEST, "extent": [0.2, 1]},
        "reverse": facts.direction == "minimize",
        "zero": False,
        "domain": {"data": "rows", "field": "objective"},
    }


def _axis(key: str, axis: Axis) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "orient": "left", "scale": key, "zindex": 1, "offset": {"scale": "x", "value": key, "mult": -1},
        "title": axis.label, "titleAngle": 0, "titleAlign": "center", "titleAnchor": "end", "titleX": 0, "titleY": 4,
        "titleBaseline": "bottom", "labelLimit": 90,
    }  # fmt: skip
    if axis.numeric:
        shown |= {"tickCount": 5, "format": "~g"}
    return shown


def _lines() -> dict[str, Any]:
    """A group for each config, in which a line goes through the axes."""
    none = {"test": "!isValid(parent[datum.key])", "signal": "height"}
    y = [none, {"scale": {"datum": "key"}, "field": {"parent": {"datum": "key"}}}]
    stroke = {"scale": "colour", "field": {"parent": "objective"}}
    line = {
        "type": "line",
        "name": "line",
        "from": {"data": "axes"},
        "encode": {
            "enter": {"x": {"scale": "x", "field": "key"}, "strokeWidth": {"value": 1.5}, "stroke": stroke},
            "update": {"x": {"scale": "x", "field": "key"}, "y": y, "strokeOpacity": {"value": 0.75}},
            "hover": {"strokeOpacity": {"value": 1}},
        },
    }
    return {"type": "group", "name": "configs", "from": {"data": "rows"}, "marks": [line]}


def _none() -> dict[str, Any]:
    """What stands at the end of the line of configs that have no value on some axis."""
    return {
        "type": "text",
        "encode": {
            "update": {
                "x": {"value": 0}, "y": {"signal": "height"}, "align": {"value": "left"},
                "baseline": {"value": "middle"}, "fontSize": {"value": 10}, "fill": {"value": "#69707d"},
                "text": {"signal": "gaps[1] ? 'none' : ''"},
            }
        },
    }  # fmt: skip


def _empty() -> dict[str, Any]:
    return {
        "type": "text",
        "encode": {
            "update": {
                "x": {"signal": "width / 2"}, "y": {"signal": "height / 2"}, "align": {"value": "center"},
                "fill": {"value": "#69707d"},
                "text": {"signal": "length(data('rows')) ? '' : 'no config has a value yet'"},
            }
        },
    }  # fmt: skip
