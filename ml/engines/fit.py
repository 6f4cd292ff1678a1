"""One trial at a time with `keras.Model.fit`, by the recipe of docs/recipe.md.

After each epoch one pass over the validation part (and the `stop` part, if there is one) gives scores, and from these
come the validation loss and every metric: `fit` itself validates nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import keras
import numpy as np

from .. import stopping
from ..job import Job, Outcome, Report
from ..measures import Measure
from ..metrics import Wanted, measure
from ..scored import Scored
from . import checkpoint, task
from .checkpoint import Saver
from .fresh import fresh
from .leaving import leave
from .progress import Kept, Progress, diverged, next_stage, record
from .setup import Setup, set_up
from .stage import Stage, begin


class Measured(NamedTuple):
    """What one pass over a part found."""

    scored: Scored
    loss: float
    values: dict[str, float]
    notes: list[str]


def train(job: Job, report: Report) -> Outcome:
    """Trains the architecture of `job` and leaves its weights and predictions in the job's folder.

    Goes on from what an interrupted attempt left in `job.checkpoint`; the epochs before are reported once more.
    """
    with _fresh(job):
        return _train(job, report)  # a call of its own, so that nothing holds the model when it is to be let go


def check(job: Job) -> None:
    """Builds and compiles what `train` would train, each stage, and trains nothing. ModelError when it cannot work."""
    with _fresh(job):
        setup = set_up(job)
        for number in range(len(setup.stages)):
            begin(setup, number, range(1, 2))


def _fresh(job: Job) -> AbstractContextManager[None]:
    return fresh(int(job.recipe["seed"] or 0), bool(job.recipe["train"]["mixed_precision"]))


def _train(job: Job, report: Report) -> Outcome:
    setup = set_up(job)
    saver = checkpoint.saver_of(job, setup.trainee)
    progress, optimizer = _begun(setup, saver, report)
    stage = _stages(setup, progress, optimizer, saver, report)
    return _outcome(setup, progress, stage)


def _begun(setup: Setup, saver: Saver, report: Report) -> tuple[Progress, list[np.ndarray]]:
    """How far an earlier attempt came, its model put back, and the state of its optimizer (empty: a new one)."""
    found, notes = checkpoint.load(saver, setup.trainee)
    if found is None:
        return Progress(notes=notes), []
    checkpoint.put_back(setup.trainee.variables, found.model)
    found.progress.over = was_told_to_stop(setup, found.progress, report)
    return found.progress, found.optimizer


def was_told_to_stop(setup: Setup, progress: Progress, report: Report) -> bool:
    """Reports the epochs of an earlier attempt as they were; whether one of them is to have been the last."""
    told = False
    for epoch in range(1, progress.epoch + 1):
        values = {name: column[epoch - 1] for name, column in progress.history.items()}
        told |= report(epoch, planned(setup), values)
    return told


def planned(setup: Setup) -> int:
    """The epochs of all stages, if none ends early."""
    return sum(stage["epochs"] for stage in setup.stages)


# ---- epochs


def _stages(setup: Setup, progress: Progress, optimizer: list[np.ndarray], saver: Saver, report: Report) -> Stage:
    """Trains one stage after the other, and returns the last. The state of an `optimizer` is for the first of them."""
    while True:
        last = progress.begun + setup.stages[progress.stage]["epochs"]
        stage = begin(setup, progress.stage, range(progress.epoch + 1, last + 1))
        if optimizer:
            checkpoint.put_back(setup.trainee.optimizer.variables, optimizer)
            optimizer.clear()  # a large model's is large
        if not progress.over:
            _fit(setup, progress, stage, saver, report)
        if progress.over:
            return stage


def _fit(setup: Setup, progress: Progress, stage: Stage, saver: Saver, report: Report) -> None:
    last = progress.begun + stage.train["epochs"]
    total = planned(setup)

    def begins(index: int, logs: Any = None) -> None:
        stage.feed.begin(index + 1)

    def ends(index: int, logs: Any = None) -> None:
        values, stops = _end_epoch(setup, progress, stage, logs)
        is_last = stops or progress.epoch == last
        told = report(progress.epoch, total, values)
        progress.over = told or progress.diverged or (is_last and stage.number + 1 == len(setup.stages))
        setup.trainee.stop_training = progress.over or is_last
        if not progress.over:
            if is_last:
                next_stage(progress)
            checkpoint.save_if_due(saver, progress, setup.trainee)

    setup.trainee.fit(
        stage.feed.data,
        initial_epoch=progress.epoch,
        epochs=last,
        steps_per_epoch=stage.feed.steps if stage.feed.endless else None,
        shuffle=False,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=begins, on_epoch_end=ends)],
    )


def _end_epoch(setup: Setup, progress: Progress, stage: Stage, logs: dict[str, Any]) -> tuple[dict[str, float], bool]:
    """Measures an epoch, records it and obeys the rules. Returns its values, and whether the rules end the stage."""
    measured = {part: _measure(setup, stage, part, wanted) for part, wanted in setup.monitored.each_epoch.items()}
    values = {name: float(value) for name, value in logs.items()}
    for part in measured.values():
        values |= part.values
    if shows_rate(setup):
        values["learning_rate"] = float(setup.trainee.optimizer.learning_rate)
    if len(setup.stages) > 1:
        values["stage"] = stage.number + 1.0
    record(progress, values)
    finite_scores = all(part.scored.finite for part in measured.values())
    progress.diverged = not (math.isfinite(values["loss"]) and finite_scores)
    return values, _obey(setup, progress, stage, values, measured.get("validation"))


def shows_rate(setup: Setup) -> bool:
    """Whether the history says the learning rate, since it changes while a trial trains."""
    varies = any(isinstance(stage["learning_rate"], dict) or stage["reduce_on_plateau"] for stage in setup.stages)
    return varies or len(setup.stages) > 1


def _measure(setup: Setup, stage: Stage, part: str, metrics: list[Wanted]) -> Measured:
    """One pass over a part."""
    outputs, loss = stage.score(stage.parts[part])
    scores = task.scores_of(setup.dataset, outputs, stage.loss)
    scored = task.scored(setup.dataset, setup.rows[part], scores)
    return Measured(scored, loss, *values_of(metrics, scored, loss))


def values_of(
    metrics: list[Wanted], scored: Scored, loss: float, known: Mapping[Measure, float] | None = None
) -> tuple[dict[str, float], list[str]]:
    """The metrics of scored samples, the loss among them, and why some have no value."""
    values, notes = measure([each for each in metrics if each.measure], scored, known)
    found = {each.name: values.get(each.name) if each.measure else loss for each in metrics}
    return {name: value for name, value in found.items() if value is not None}, notes


def _obey(
    setup: Setup, progress: Progress, stage: Stage, values: dict[str, float], validation: Measured | None
) -> bool:
    """Does what the rules say of an epoch: keeps it, lowers the rate. Returns whether they end the stage."""
    decision = stopping.decide(progress.state, progress.epoch - progress.begun, values, stage.rules)
    progress.state = decision.state
    if decision.counts:
        # Without a rule that selects, the last epoch counts, and its weights are there at the end.
        weights = setup.trainee.get_weights() if stage.rules.select else None
        scores, loss = (validation.scored.scores, validation.loss) if validation else (None, math.nan)
        progress.kept = Kept(progress.epoch, stage.number, weights, scores, loss)
    if decision.reduce:
        rule, optimizer = stage.train["reduce_on_plateau"], setup.trainee.optimizer
        rate = float(optimizer.learning_rate)
        optimizer.learning_rate = min(rate, max(rate * rule["factor"], rule["min_learning_rate"]))
    return decision.stop


# ---- after the last epoch


def _outcome(setup: Setup, progress: Progress, stage: Stage) -> Outcome:
    kept = progress.kept
    assert kept is not None, "BUG: no epoch counts"
    if kept.weights is not None:
        setup.trainee.set_weights(kept.weights)
    validation = None if kept.scores is None else task.scored(setup.dataset, setup.rows["validation"], kept.scores)
    metrics, notes = _final_metrics(setup, kept, validation, stage)
    metrics = {**metrics, "parameters": float(setup.model.count_params())}
    notes = [*progress.notes, *notes]
    if progress.diverged:
        return diverged(metrics, progress, "fit", notes)
    artefacts, more = leave(setup, validation)
    return Outcome("succeeded", metrics, progress.history, artefacts, "fit", kept.epoch, (*notes, *more))


def _final_metrics(
    setup: Setup, kept: Kept, validation: Scored | None, stage: Stage
) -> tuple[dict[str, float], list[str]]:
    """All metrics of the weights that count; those of the training part in one more pass, if they are wanted."""
    values: dict[str, float] = {}
    notes: list[str] = []
    of_training = [each for each in setup.monitored.at_end if each.part == "train"]
    if validation is not None:
        of_validation = [each for each in setup.monitored.at_end if each.part == "val"]
        values, notes = values_of(of_validation, validation, kept.loss)
    if of_training:
        if stage.number != kept.stage:
            stage = begin(setup, kept.stage, range(1, 2))  # its loss may be another
        measured = _measure(setup, stage, "train", of_training)
        values, notes = values | measured.values, notes + measured.notes
    return values, notes
