"""Learning curves, and how a sweep comes on: the best so far over time."""

from __future__ import annotations

from typing import Any

from .axes import Facts
from .vega import BLUE, GREY, VEGA_LITE, Spec, asked, by, calculated, hits, value

MOST_CURVES = 10


def best_so_far(index: str, facts: Facts) -> Spec:
    """Every trial that succeeded at the time that it ended, and the best until then."""
    metric = f"metrics.{facts.metric}"
    only = {"bool": {"filter": [{"term": {"state": "succeeded"}}, {"exists": {"field": metric}}]}}
    best = "max" if facts.direction == "maximize" else "min"
    x = {"field": "at", "type": "temporal", "title": None}
    y = {"type": "quantitative", "title": facts.metric, "scale": {"zero": False}}
    dots = {
        "mark": {"type": "point", "filled": True, "opacity": 0.5, "size": 20, "color": GREY},
        "encoding": {"x": x, "y": {**y, "field": "reached"}, "tooltip": [{"field": "reached"}, {"field": "trial"}]},
    }
    steps = {
        "mark": {"type": "line", "interpolate": "step-after", "color": BLUE, "strokeWidth": 2},
        "encoding": {"x": x, "y": {**y, "field": "best"}},
    }
    return {
        "$schema": VEGA_LITE,
        "data": hits(index, ["finished", metric, "name"], by("finished", "asc", "date"), only),
        "transform": [
            *calculated({"at": value("finished"), "reached": value(metric), "trial": value("name")}),
            {"filter": "isValid(datum.at) && isValid(datum.reached)"},
            {
                "window": [{"op": best, "field": "reached", "as": "best"}],
                "frame": [None, 0],
                "sort": [{"field": "at", "order": "ascending"}],
            },
        ],
        "layer": [dots, steps],
    }


def best_curves(index: str, facts: Facts) -> Spec:
    """The objective over epochs, of the configs that are best in any epoch: the mean over their replicates."""
    split, metric = facts.curve
    field = f"metrics.{metric}"
    best = "max" if facts.direction == "maximize" else "min"
    order = "desc" if facts.direction == "maximize" else "asc"
    mean = {"value": {"avg": {"field": field}}}
    epochs = {"histogram": {"field": "epoch", "interval": 1, "min_doc_count": 1}, "aggs": mean}
    configs = {
        "terms": {"field": "config_id", "size": MOST_CURVES, "order": {"best": order}},
        "aggs": {"best": {best: {"field": field}}, "epochs": epochs},
    }
    only = {"bool": {"filter": [{"term": {"split": split}}, {"exists": {"field": field}}]}}
    body = {"size": 0, "aggs": {"split": {"filter": only, "aggs": {"configs": configs}}}}
    colour = {"field": "config", "type": "nominal", "title": "config"}
    return {
        "$schema": VEGA_LITE,
        "data": asked(index, body, "aggregations.split.configs.buckets"),
        "transform": [
            {"calculate": "slice(datum.key, 0, 8)", "as": "config"},
            *_unfolded("epochs", "e"),
            *calculated({"epoch": "datum.e.key", "reached": "datum.e.value ? datum.e.value.value : null"}),
            {"filter": "isValid(datum.reached)"},
        ],
        **_lines(facts.metric, colour, ["config"]),
    }


def curves(index: str, metric: str) -> Spec:
    """A metric over epochs, a line for each trial and part of the data."""
    field = f"metrics.{metric}"
    epochs = {
        "histogram": {"field": "epoch", "interval": 1, "min_doc_count": 1},
        "aggs": {"value": {"avg": {"field": field}}},
    }
    trials = {"terms": {"field": "trial_id", "size": MOST_CURVES}, "aggs": {"epochs": epochs}}
    splits = {"terms": {"field": "split", "size": 4}, "aggs": {"trials": trials}}
    only = {"filter": {"exists": {"field": field}}, "aggs": {"splits": splits}}
    colour = {"field": "split", "type": "nominal", "title": "part"}
    return {
        "$schema": VEGA_LITE,
        "data": asked(index, {"size": 0, "aggs": {"told": only}}, "aggregations.told.splits.buckets"),
        "transform": [
            {"calculate": "datum.key", "as": "split"},
            {"calculate": "datum.trials ? datum.trials.buckets : []", "as": "list"},
            {"flatten": ["list"], "as": ["t"]},
            *calculated({"trial": "slice(datum.t.key, 0, 16)", "epochs": "datum.t.epochs"}),
            *_unfolded("epochs", "e"),
            *calculated({"epoch": "datum.e.key", "reached": "datum.e.value ? datum.e.value.value : null"}),
            {"filter": "isValid(datum.reached)"},
        ],
        **_lines(metric, colour, ["trial", "split"]),
    }


def _unfolded(field: str, name: str) -> list[dict[str, Any]]:
    """A row for each bucket of a histogram."""
    return [
        {"calculate": f"datum.{field} ? datum.{field}.buckets : []", "as": "list"},
        {"flatten": ["list"], "as": [name]},
    ]


def _lines(title: str, colour: dict[str, Any], groups: list[str]) -> Spec:
    axis = {"labelExpr": "datum.value % 1 ? '' : format(datum.value, 'd')"}
    x = {
        "field": "epoch",
        "type": "quantitative",
        "title": "epoch",
        "scale": {"zero": False, "nice": False},
        "axis": axis,
    }
    y = {"field": "reached", "type": "quantitative", "title": title, "scale": {"zero": False}}
    tips = [{"field": name} for name in (*groups, "epoch", "reached")]
    encoding = {"x": x, "y": y, "color": colour, "detail": [{"field": name} for name in groups], "tooltip": tips}
    return {"mark": {"type": "line", "point": {"size": 14}, "opacity": 0.85}, "encoding": encoding}
