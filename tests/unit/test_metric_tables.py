"""The language's table of metrics says the same as the one that computes them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from blueno.ml.measures import MEASURES
from blueno.ml.scored import Scored
from blueno.spec.language import REQUIRED
from blueno.spec.metrics import LOSS, METRICS, read_name, required
from blueno.spec.types import Type


def test_the_same_metrics_in_the_same_direction() -> None:
    computed = {name: "maximize" if measure.maximize else "minimize" for name, measure in MEASURES.items()}
    assert {name: metric.direction for name, metric in METRICS.items() if name != LOSS} == computed


def test_the_same_metrics_for_the_same_tasks() -> None:
    computed = {name: measure.tasks for name, measure in MEASURES.items()}
    assert {name: metric.tasks for name, metric in METRICS.items() if name != LOSS} == computed


CLASSES, LABELS = np.array([0, 1, 2, 1]), np.array([[0, 1], [1, 0], [1, 1], [1, 0]])
SCORES = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.6, 0.3], [0.4, 0.3, 0.3]])
SCORED = {
    "binary": Scored("binary", CLASSES % 2, SCORES[:, 1], (SCORES[:, 1] > 0.5).astype(int), 2, True),
    "multiclass": Scored("multiclass", CLASSES, SCORES, SCORES.argmax(axis=1), 3, True),
    "multilabel": Scored("multilabel", LABELS, SCORES[:, :2], (SCORES[:, :2] > 0.3).astype(int), 2, True),
    "regression": Scored("regression", SCORES[:, :2], SCORES[:, 1:], None, 0, False),
}
OWN = {"average": "macro", "max_fpr": 0.5, "multioutput": [0.5, 2.0], "k": 1, "beta": 2.0, "power": 1.5, "alpha": 0.1}
FOR = {"max_fpr": "binary", "multi_class": "multiclass"}  # parameters that mean something to one task only


@pytest.mark.parametrize("name", [name for name in METRICS if name != LOSS])
def test_every_metric_takes_every_parameter_that_a_spec_may_give(name: str) -> None:
    metric = METRICS[name]
    for task in metric.tasks:
        needed = {key: OWN[key] for key, each in metric.parameters.items() if each.default is REQUIRED}
        assert np.isfinite(MEASURES[name].compute(SCORED[task], **needed)), task
        for key, (type, _) in metric.parameters.items():
            if FOR.get(key, task) == task:
                given = {**needed, key: _value(key, type)}
                assert np.isfinite(MEASURES[name].compute(SCORED[task], **given)), (task, key)


def _value(key: str, type: Type) -> Any:
    """A value of a parameter: the last one that a literal names, or an example."""
    literals = [each for each in (type, *type.items) if each.kind == "literal"]
    return OWN[key] if key in OWN else literals[0].values[-1] if literals else True


def test_a_required_parameter_is_missed_when_planned() -> None:
    assert required(read_name("val_fbeta")) == "beta" and required(read_name("val_f1")) == ""
