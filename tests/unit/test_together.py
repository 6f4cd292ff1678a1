"""Metrics of many models at once against one by one."""

from __future__ import annotations

import numpy as np
import pytest

from blueno.ml.measures import AT_ONCE
from blueno.ml.metrics import measure, measure_all, wanted
from blueno.ml.scored import Scored, hard_labels

NAMES = {"accuracy", "log_loss", "roc_auc"}


def models(task: str, count: int, classes: int, samples: int = 203) -> list[Scored]:
    """Random scores, rounded so that there are ties."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(count):
        raw = np.round(random.dirichlet(np.ones(classes), samples).astype(np.float32), 2).astype(np.float64)
        scores = raw[:, 1] if task == "binary" else raw
        target = random.permutation(np.arange(samples) % classes)
        found.append(Scored(task, target, scores, hard_labels(task, scores), classes, True))
    return found


@pytest.mark.parametrize(("task", "classes"), [("binary", 2), ("multiclass", 3), ("multiclass", 10)])
def test_the_same_bits(task: str, classes: int) -> None:
    scored = models(task, 7, classes)
    asked = [wanted(sorted(NAMES), task, None)] * 7
    known = measure_all(asked, scored)
    assert all(len(each) == len(NAMES) == len(AT_ONCE) for each in known)
    for one, listed, before in zip(scored, asked, known, strict=True):
        assert measure(listed, one, before)[0] == measure(listed, one)[0]


def test_what_is_missing_somewhere_is_left_to_each() -> None:
    """A class without samples, scores that are not numbers, parameters, several labels."""
    scored = models("multiclass", 2, 3)
    asked = [wanted(["roc_auc"], "multiclass", None)] * 2
    none: list[dict[str, float]] = [{}, {}]
    assert measure_all(asked, [scored[0], scored[1]._replace(target=np.zeros_like(scored[1].target))]) == none
    assert measure_all(asked, [scored[0], scored[1]._replace(scores=scored[1].scores * np.nan)]) == none
    assert measure_all([wanted([{"roc_auc": {"average": "weighted"}}], "multiclass", None)] * 2, scored) == none
    assert measure_all(asked[:1], scored[:1]) == none[:1]
    labels = Scored("multilabel", np.eye(2, dtype=int), np.eye(2), np.eye(2, dtype=int), 2, True)
    assert measure_all([wanted(["accuracy"], "multilabel", None)] * 2, [labels, labels]) == none
