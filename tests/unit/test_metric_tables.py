"""The language's table of metrics says the same as the one that computes them."""

from __future__ import annotations

import numpy as np
import pytest

from blueno.ml.measures import MEASURES
from blueno.ml.scored import Scored
from blueno.spec.metrics import LOSS, METRICS, PARAMETERS


def test_the_same_metrics_in_the_same_direction() -> None:
    computed = {name: "maximize" if measure.maximize else "minimize" for name, measure in MEASURES.items()}
    assert {name: metric.direction for name, metric in METRICS.items() if name != LOSS} == computed


def test_only_regressions_are_measured_on_values() -> None:
    values = {name for name, measure in MEASURES.items() if measure.needs == "values"}
    assert {name for name, metric in METRICS.items() if metric.task == "regression"} == values


EXAMPLES = {"average": "macro", "zero_division": 1.0, "multioutput": "uniform_average", "weights": "linear", "k": 2}


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_that_a_spec_may_give_is_taken(name: str) -> None:
    target, scores = (
        np.array([0, 1, 2, 1]),
        np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.6, 0.3], [0.4, 0.3, 0.3]]),
    )
    scored = Scored("multiclass", target, scores, scores.argmax(axis=1), 3, True)
    if MEASURES[name].needs == "values":
        scored = Scored("regression", target * 1.0, target * 0.9, None, 0, False)
    given = {key: EXAMPLES[key] for key in PARAMETERS[name]}
    assert np.isfinite(MEASURES[name].compute(scored, **given))
