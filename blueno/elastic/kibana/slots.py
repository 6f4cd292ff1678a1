"""How busy machines are: at some moments, how many of a machine's slots trained something."""

from __future__ import annotations

from .vega import VEGA, Spec, by, formulas, hits, value

MOMENTS = 150


def busy_slots(index: str) -> Spec:
    """A bar for each moment, stacked by machine. Lanes of a pack share a slot and count once."""
    only = {"exists": {"field": "started"}}
    fields = ["started", "finished", "state", "host.name", "host.slot", "host.device"]
    slot = f"{value('host.slot')} || {value('host.device')} || ''"
    rows = {
        "name": "rows",
        **hits(index, fields, by("started", "desc", "date"), only),
        "transform": [
            *formulas(
                {
                    "host": f"{value('host.name')} || 'unknown'",
                    "slot": slot,
                    "from": value("started"),
                    "to": f"{value('state')} == 'running' ? now() : {value('finished')}",
                }
            ),
            {"type": "filter", "expr": "isValid(datum.from) && isValid(datum.to) && datum.to >= datum.from"},
            {"type": "extent", "field": "from", "signal": "first"},
            {"type": "extent", "field": "to", "signal": "last"},
        ],
    }
    moments = {
        "name": "moments",
        "source": "rows",
        "transform": [
            {
                "type": "formula",
                "as": "moment",
                "expr": "sequence(ceil((datum.from - first[0]) / step), floor((datum.to - first[0]) / step) + 1)",
            },
            {"type": "flatten", "fields": ["moment"]},
            {
                "type": "aggregate", "groupby": ["host", "moment"], "fields": ["slot"], "ops": ["distinct"],
                "as": ["busy"],
            },
            {"type": "stack", "groupby": ["moment"], "sort": {"field": "host"}, "field": "busy"},
            {"type": "formula", "as": "at", "expr": "first[0] + datum.moment * step"},
        ],
    }  # fmt: skip
    hint = "datum.host + ': ' + datum.busy + ' slots busy at ' + timeFormat(datum.at, '%d %b %H:%M')"
    bar = {
        "x": {"scale": "x", "field": "at"},
        "width": {"signal": "max(1, width / (length(data('moments')) ? span / step + 1 : 1))"},
        "y": {"scale": "y", "field": "y0"},
        "y2": {"scale": "y", "field": "y1"},
        "fill": {"scale": "colour", "field": "host"},
        "tooltip": {"signal": hint},
    }
    return {
        "$schema": VEGA,
        "padding": 5,
        "autosize": {"type": "fit", "contains": "padding"},
        "signals": [
            {"name": "span", "update": "isValid(first) && isValid(last) && isValid(first[0]) ? last[1] - first[0] : 1"},
            {"name": "step", "update": f"max(1000, span / {MOMENTS})"},
        ],
        "data": [rows, moments],
        "scales": [
            {
                "name": "x", "type": "time", "range": "width",
                "domain": {"signal": "length(data('moments')) ? [first[0], last[1] + step] : [now() - 3600000, now()]"},
            },
            {
                "name": "y", "type": "linear", "range": "height", "nice": True, "zero": True,
                "domain": {"data": "moments", "field": "y1"},
            },
            {
                "name": "colour", "type": "ordinal", "range": "category",
                "domain": {"data": "moments", "field": "host", "sort": True},
            },
        ],
        "axes": [
            {"orient": "bottom", "scale": "x", "tickCount": 8, "labelOverlap": True},
            {"orient": "left", "scale": "y", "title": "busy slots", "tickMinStep": 1, "format": "d", "grid": True},
        ],
        "legends": [{"fill": "colour", "title": "machine"}],
        "marks": [{"type": "rect", "name": "bars", "from": {"data": "moments"}, "encode": {"update": bar}}],
    }  # fmt: skip
