"""A pass over a part for all lanes of a pack, and what follows from it: scores and metrics, for all at once where that
is quicker.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from blueno.etl.dataset import Dataset

from ...metrics import Wanted, measure_all
from ...scored import Scored, hard_labels
from .. import task
from ..fit import Measured, values_of

if TYPE_CHECKING:
    from .lane import Lane

Failed = Callable[["Lane", Exception], None]  # told of a lane whose scores or metrics cannot be


class Pass(NamedTuple):
    """What a pass over a part gave for the lanes of a pack."""

    part: str
    outputs: np.ndarray  # (lanes, n, units)
    losses: np.ndarray  # (lanes, chunks)
    chunk: int  # samples
    loss: Any  # that was compiled


def measured(
    lanes: Sequence[Lane], passed: Pass, metrics: Sequence[list[Wanted]], failed: Failed
) -> list[Measured | None]:
    """What a pass says of each lane; None where its own metric or its outputs will not do."""
    scored = _scored(lanes, passed, failed)
    losses = _means(passed)
    there = [i for i, each in enumerate(scored) if each is not None]
    known = dict(zip(there, measure_all([metrics[i] for i in there], [scored[i] for i in there]), strict=True))  # type: ignore[misc]
    results: list[Measured | None] = [None] * len(lanes)
    for i in there:
        one: Any = scored[i]
        try:
            results[i] = Measured(one, losses[i], *values_of(metrics[i], one, losses[i], known[i]))
        except Exception as error:
            failed(lanes[i], error)
    return results


def _means(passed: Pass) -> list[float]:
    """The loss of each lane, over chunks as `scoring` has it."""
    samples = passed.outputs.shape[1]
    sizes = [min(passed.chunk, samples - start) for start in range(0, samples, passed.chunk)]
    return [sum(float(x) * size for x, size in zip(row, sizes, strict=True)) / samples for row in passed.losses]


def _scored(lanes: Sequence[Lane], passed: Pass, failed: Failed) -> list[Scored | None]:
    facts = {_facts(lane.setup.dataset) for lane in lanes}
    if len(facts) == 1 and len(lanes) > 1 and np.isfinite(passed.outputs).all():
        try:
            return [*_at_once(lanes, passed)]
        except Exception:  # of one of them; which, the following tells
            pass
    results: list[Scored | None] = [None] * len(lanes)
    for i, lane in enumerate(lanes):
        try:
            scores = task.scores_of(lane.setup.dataset, passed.outputs[i], passed.loss)
            results[i] = task.scored(lane.setup.dataset, lane.setup.rows[passed.part], scores)
        except Exception as error:
            failed(lane, error)
    return results


def _facts(dataset: Dataset) -> tuple[Any, ...]:
    """All that scores depend on beside outputs."""
    return dataset.task, dataset.target.shape[1:], str(dataset.classes), str(dataset.target_scale)


def _at_once(lanes: Sequence[Lane], passed: Pass) -> list[Scored]:
    """Of lanes whose datasets are of a kind: what holds for a sample does so whosever it is."""
    dataset, (count, samples, units) = lanes[0].setup.dataset, passed.outputs.shape
    flat = task.scores_of(dataset, passed.outputs.reshape(count * samples, units), passed.loss)
    scores = flat.reshape(count, samples, *flat.shape[1:])
    targets = [np.asarray(lane.setup.dataset.target[lane.setup.rows[passed.part]]) for lane in lanes]
    if dataset.task == "regression":
        return [
            Scored("regression", target, each, None, 0, False) for target, each in zip(targets, scores, strict=True)
        ]
    labels = hard_labels(dataset.task, flat).reshape(
        count, samples, *(flat.shape[1:] if dataset.task == "multilabel" else ())
    )
    classes = len(dataset.classes or ())
    return [
        Scored(dataset.task, target, each, label, classes, True)
        for target, each, label in zip(targets, scores, labels, strict=True)
    ]
