"""One trial of a pack: what it brings of its own, and what its rules make of an epoch, as `fit` does."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from blueno.errors import ModelError

from ... import batches, keras_names, stopping
from ...class_weights import sample_weights
from ...job import Job, Report
from ..checkpoint import Found, Saver, saver_of
from ..fit import Measured, planned, shows_rate
from ..progress import Kept, Progress, next_stage, record
from ..setup import Setup, alike
from .family import Family, optimizer_of
from .strengths import strengths_of, varied
from .template import NotFusable


class Terms(NamedTuple):
    """What a trial brings of its own to a stage."""

    train: dict[str, Any]
    rules: stopping.Rules
    weights: np.ndarray | None  # (n,) float32, of its training samples
    numbers: dict[str, float]
    rates: np.ndarray  # float32: (1,), lowered by plateaus, or (steps of the whole stage + 1,), of each step
    steps: int  # an epoch


@dataclass(eq=False)
class Lane:
    """One trial of a pack."""

    job: Job
    report: Report
    setup: Setup  # its own, but for the model, which is the template's
    saver: Saver
    stages: list[Terms]
    train: dict[str, Any]  # this and what follows as in Terms, of the stage that it is in
    rules: stopping.Rules
    weights: np.ndarray | None
    numbers: dict[str, float]
    rates: np.ndarray
    steps: int
    progress: Progress = field(default_factory=Progress)
    left: Found | None = None  # where it goes on, until it does: after an interruption, or in its next stage
    lost: bool = False  # it has failed

    @property
    def seed(self) -> int:
        """What its chance follows from."""
        return int(self.job.recipe["seed"] or 0)


def lane_of(family: Family, job: Job, report: Report) -> Lane:
    """What a trial brings to a pack of its family.

    ModelError when its rules or metrics cannot be; NotFusable when it differs from the family in what is compiled.
    """
    shapes = [(each.features.shape[1:], each.features.dtype) for each in (family.setup.dataset, job.dataset) if each]
    if shapes[0] != shapes[1]:
        raise NotFusable("its samples have another shape than those of its pack")
    setup = alike(family.setup, job)
    terms = [_terms(each, setup, train) for each, train in zip(family.stages, setup.stages, strict=True)]
    return Lane(job, report, setup, saver_of(job, family.setup.trainee), terms, *terms[0])


def _terms(family: Family, setup: Setup, train: dict[str, Any]) -> Terms:
    steps = batches.steps(len(setup.rows["train"]), train["batch_size"], setup.job.batches)
    weights = sample_weights(train["class_weight"], setup.dataset, setup.rows["train"])
    if weights is not None and not family.weighted:
        raise NotFusable("it weighs classes, and its pack does not")
    if family.weighted and weights is None:
        weights = np.ones(len(setup.rows["train"]), np.float32)
    return Terms(
        train,
        rules=stopping.rules(train, setup.monitored.directions, setup.monitored.looked_up),
        weights=weights, numbers=_numbers(family, setup.job, train), rates=_rates(train, steps, setup.job), steps=steps,
    )  # fmt: skip


def _numbers(family: Family, job: Job, train: dict[str, Any]) -> dict[str, float]:
    """The lane's numbers. NotFusable when it would be trained with one that is not its own."""
    first = family.setup.job.recipe["model"], optimizer_of(family.stage.train)
    given: dict[str, Any] = {}
    for name, one, other in zip(("model", "optimizer"), first, (job.recipe["model"], optimizer_of(train)), strict=True):
        fixed = {key for key in one.keys() | other.keys() if f"{name}.{key}" not in family.places}
        differing = sorted(key for key in fixed if one.get(key) != other.get(key))
        if differing:
            raise NotFusable(f"its {name} differs from those of its pack in {differing[0]}")
        given |= {f"{name}.{key}": value for key, value in other.items()}
    one, other = (strengths_of(each.recipe["augment"], each.code) for each in (family.setup.job, job))
    if any(name not in family.places for name in varied([one, other])):
        raise NotFusable("its augmentation differs from that of its pack")
    given |= other
    return {name: float(given[name]) for name in family.places}


def enter(lane: Lane) -> None:
    """From here on a lane trains by the terms of the stage that its progress says."""
    terms = lane.stages[lane.progress.stage]
    lane.train, lane.rules, lane.weights, lane.numbers, lane.rates, lane.steps = terms


def _rates(train: dict[str, Any], steps: int, job: Job) -> np.ndarray:
    choice = train["learning_rate"]
    if isinstance(choice, int | float):
        return np.array([choice], np.float32)
    schedule = keras_names.schedule(choice, train["epochs"], steps, job.code)
    try:
        return np.asarray(jax.vmap(schedule)(jnp.arange(train["epochs"] * steps + 1)), np.float32)
    except ModelError:
        raise
    except Exception as error:  # of the user's own, which may do anything
        first_line = (str(error).strip() or type(error).__name__).partition("\n")[0]
        raise NotFusable(f"JAX cannot compute its schedule: {first_line}") from error


# ---- epochs


def next_rates(lane: Lane) -> np.ndarray:
    """The rate of each step of the next epoch, (steps,) float32."""
    if len(lane.rates) == 1:
        return np.full(lane.steps, lane.rates[0], np.float32)
    return lane.rates[(lane.progress.epoch - lane.progress.begun) * lane.steps :][: lane.steps]


def end_epoch(lane: Lane, means: dict[str, float], measured: dict[str, Measured]) -> bool:
    """Records an epoch of a lane and does what its rules say. Returns whether this epoch counts, as far as is known.

    A lane whose stage has ended is in its next one afterwards.
    """
    progress, values = lane.progress, dict(means)
    for part in measured.values():
        values |= part.values
    if shows_rate(lane.setup):
        values["learning_rate"] = _rate_after(lane)
    if len(lane.stages) > 1:
        values["stage"] = progress.stage + 1.0
    record(progress, values)
    progress.diverged = not (math.isfinite(values["loss"]) and all(part.scored.finite for part in measured.values()))
    decision = stopping.decide(progress.state, progress.epoch - progress.begun, values, lane.rules)
    progress.state = decision.state
    if decision.counts:
        validation = measured.get("validation")
        scores, loss = (validation.scored.scores, validation.loss) if validation else (None, math.nan)
        progress.kept = Kept(progress.epoch, progress.stage, None, scores, loss)
    if decision.reduce:
        _lower(lane)
    is_last = decision.stop or progress.epoch == progress.begun + lane.train["epochs"]
    told = lane.report(progress.epoch, planned(lane.setup), values)
    progress.over = told or progress.diverged or (is_last and progress.stage + 1 == len(lane.stages))
    if is_last and not progress.over:
        next_stage(progress)
        enter(lane)
    return decision.counts


def _rate_after(lane: Lane) -> float:
    """The rate of the step that would follow, as an optimizer shows it."""
    if len(lane.rates) == 1:
        return float(lane.rates[0])
    return float(lane.rates[(lane.progress.epoch - lane.progress.begun + 1) * lane.steps])


def _lower(lane: Lane) -> None:
    rule, rate = lane.train["reduce_on_plateau"], _rate_after(lane)
    lane.rates = np.array([min(rate, max(rate * rule["factor"], rule["min_learning_rate"]))], np.float32)
