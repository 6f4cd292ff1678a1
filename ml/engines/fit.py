"""One trial at a time with `keras.Model.fit`, by the recipe of docs/recipe.md.

After each epoch one pass over the validation part (and the `stop` part, if there is one) gives scores, and from these
come the validation loss and every metric: `fit` itself validates nothing.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np

from .. import stopping
from ..job import Job, Outcome, Report, finite
from ..metrics import Wanted, measure
from ..scored import Scored, save_predictions
from . import task
from .fresh import fresh
from .setup import Setup, set_up


class Measured(NamedTuple):
    """What one pass over a part found."""

    scored: Scored
    loss: float
    values: dict[str, float]
    notes: list[str]


class Kept(NamedTuple):
    """The epoch that counts, as far as is known."""

    epoch: int
    weights: list[np.ndarray] | None  # None where the model has them at the end
    validation: Measured | None  # None without a validation part


@dataclass
class Progress:
    """What changes from epoch to epoch."""

    history: dict[str, list[float]] = field(default_factory=dict)
    state: stopping.State = field(default_factory=stopping.State)
    kept: Kept | None = None
    diverged: bool = False


def train(job: Job, report: Report) -> Outcome:
    """Trains the architecture of `job` and leaves its weights and predictions in the job's folder."""
    with _fresh(job):
        return _train(job, report)  # a call of its own, so that nothing holds the model when it is to be let go


def check(job: Job) -> None:
    """Builds and compiles what `train` would train, and trains nothing. ModelError when that cannot work."""
    with _fresh(job):
        set_up(job)


def _fresh(job: Job) -> AbstractContextManager[None]:
    return fresh(int(job.recipe["seed"] or 0), bool(job.recipe["train"]["mixed_precision"]))


def _train(job: Job, report: Report) -> Outcome:
    setup = set_up(job)
    return _outcome(setup, _fit(setup, report))


# ---- epochs


def _fit(setup: Setup, report: Report) -> Progress:
    progress, epochs = Progress(), int(setup.job.recipe["train"]["epochs"])

    def begin(epoch: int, logs: Any = None) -> None:
        setup.feed.begin(epoch + 1)

    def end(epoch: int, logs: Any = None) -> None:
        values = _end_epoch(setup, progress, epoch + 1, logs)
        if report(epoch + 1, epochs, values) or progress.diverged:
            setup.trainee.stop_training = True

    setup.trainee.fit(
        setup.feed.data,
        epochs=epochs,
        steps_per_epoch=setup.feed.steps if setup.feed.endless else None,
        shuffle=False,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_begin=begin, on_epoch_end=end)],
    )
    return progress


def _end_epoch(setup: Setup, progress: Progress, epoch: int, logs: dict[str, Any]) -> dict[str, float]:
    """Measures an epoch, records it and obeys the rules. Returns its values."""
    measured = {
        part: _measure(setup, part, metrics) for part, metrics in setup.each_epoch.items() if part in setup.parts
    }
    values = {name: float(value) for name, value in logs.items()}
    for part in measured.values():
        values |= part.values
    if isinstance(setup.job.recipe["train"]["learning_rate"], dict) or setup.rules.plateau:
        values["learning_rate"] = float(setup.trainee.optimizer.learning_rate)
    for name, value in values.items():
        progress.history.setdefault(name, []).append(value)
    finite_scores = all(part.scored.finite for part in measured.values())
    progress.diverged = not (math.isfinite(values["loss"]) and finite_scores)
    _obey(setup, progress, epoch, values, measured.get("validation"))
    return values


def _measure(setup: Setup, part: str, metrics: list[Wanted]) -> Measured:
    """One pass over a part."""
    outputs, loss = setup.score(setup.parts[part])
    scored = task.scored(setup.dataset, setup.parts[part].rows, outputs, setup.loss)
    return Measured(scored, loss, *_values(metrics, scored, loss))


def _values(metrics: list[Wanted], scored: Scored, loss: float) -> tuple[dict[str, float], list[str]]:
    values, notes = measure([each for each in metrics if each.measure], scored)
    return {each.name: values[each.name] if each.measure else loss for each in metrics}, notes


def _obey(setup: Setup, progress: Progress, epoch: int, values: dict[str, float], validation: Measured | None) -> None:
    """Does what the rules say of an epoch: keeps it, lowers the rate, stops."""
    decision = stopping.decide(progress.state, epoch, values, setup.rules)
    progress.state = decision.state
    if decision.counts:
        # Without a rule that selects, the last epoch counts, and its weights are there at the end.
        weights = setup.trainee.get_weights() if setup.rules.select else None
        progress.kept = Kept(epoch, weights, validation)
    if decision.reduce:
        rule, optimizer = setup.job.recipe["train"]["reduce_on_plateau"], setup.trainee.optimizer
        rate = float(optimizer.learning_rate)
        optimizer.learning_rate = min(rate, max(rate * rule["factor"], rule["min_learning_rate"]))
    if decision.stop:
        setup.trainee.stop_training = True


# ---- after the last epoch


def _outcome(setup: Setup, progress: Progress) -> Outcome:
    kept = progress.kept
    assert kept is not None, "BUG: no epoch counts"
    if kept.weights is not None:
        setup.trainee.set_weights(kept.weights)
    metrics, notes = _final_metrics(setup, kept)
    if progress.diverged:
        return Outcome("diverged", finite(metrics), progress.history, {}, "fit", kept.epoch, tuple(notes))
    artefacts = _save(setup, kept)
    return Outcome("succeeded", metrics, progress.history, artefacts, "fit", kept.epoch, tuple(notes))


def _final_metrics(setup: Setup, kept: Kept) -> tuple[dict[str, float], list[str]]:
    """All metrics of the weights that count; those of the training part in one more pass, if they are wanted."""
    values: dict[str, float] = {}
    notes: list[str] = []
    of_training = [each for each in setup.metrics if each.part == "train"]
    if kept.validation is not None:
        of_validation = [each for each in setup.metrics if each.part == "val"]
        values, notes = _values(of_validation, kept.validation.scored, kept.validation.loss)
    if of_training:
        measured = _measure(setup, "train", of_training)
        values, notes = values | measured.values, notes + measured.notes
    return values, notes


def _save(setup: Setup, kept: Kept) -> dict[str, Path]:
    """The artefacts that are to be kept, by name."""
    job, artefacts = setup.job, {}
    if kept.validation is not None and job.keep.get("predictions") != "none":
        ids = np.asarray(setup.dataset.ids[setup.parts["validation"].rows])
        path = job.folder / "predictions.npz"
        artefacts["predictions"] = save_predictions(path, kept.validation.scored, ids, setup.dataset.classes)
    if job.keep.get("weights") != "none":
        setup.model.optimizer = None  # its slots would make the file three times as large
        artefacts["weights"] = job.folder / "weights.weights.h5"
        setup.model.save_weights(artefacts["weights"])
    return artefacts
