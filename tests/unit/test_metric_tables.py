"""The language's table of metrics says the same as the one that computes them."""

from __future__ import annotations

from blueno.ml.measures import MEASURES
from blueno.spec.metrics import LOSS, METRICS


def test_the_same_metrics_in_the_same_direction() -> None:
    computed = {name: "maximize" if measure.maximize else "minimize" for name, measure in MEASURES.items()}
    assert {name: metric.direction for name, metric in METRICS.items() if name != LOSS} == computed


def test_only_regressions_are_measured_on_values() -> None:
    values = {name for name, measure in MEASURES.items() if measure.needs == "values"}
    assert {name for name, metric in METRICS.items() if metric.task == "regression"} == values
