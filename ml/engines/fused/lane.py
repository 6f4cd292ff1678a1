"""One trial of a pack: what it brings of its own, and what its rules make of an epoch, as `fit` does."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from blueno.errors import ModelError

from ... import batches, keras_names, stopping
from ...class_weights import sample_weights
from ...job import Job, Report
from ..checkpoint import Saver, saver_of
from ..fit import Measured, shows_rate
from ..progress import Kept, Progress, record
from ..setup import Setup, alike
from .family import Family, optimizer_of
from .template import NotFusable


@dataclass
class Lane:
    """One trial of a pack."""

    job: Job
    report: Report
    setup: Setup  # its own, but for the model, which is the template's
    train: dict[str, Any]
    rules: stopping.Rules
    weights: np.ndarray | None  # (n,) float32, of its training samples
    numbers: dict[str, float]
    rates: np.ndarray  # float32: (1,), lowered by plateaus, or (steps of the whole training + 1,), of each step
    steps: int  # an epoch
    saver: Saver
    progress: Progress = field(default_factory=Progress)
    lost: bool = False  # it has failed

    @property
    def seed(self) -> int:
        """What its chance follows from."""
        return int(self.job.recipe["seed"] or 0)


def lane_of(family: Family, job: Job, report: Report) -> Lane:
    """What a trial brings to a pack of its family.

    ModelError when its rules or metrics cannot be; NotFusable when it differs from the family in what is compiled.
    """
    _check(family, job)
    setup = alike(family.setup, job)
    train = setup.stages[0]
    steps = batches.steps(len(setup.rows["train"]), train["batch_size"], job.batches)
    weights = sample_weights(train["class_weight"], setup.dataset, setup.rows["train"])
    if family.weighted and weights is None:
        weights = np.ones(len(setup.rows["train"]), np.float32)
    return Lane(
        job, report, setup, train,
        rules=stopping.rules(train, setup.monitored.directions, setup.monitored.looked_up),
        weights=weights, numbers=_numbers(family, job), rates=_rates(train, steps, job), steps=steps,
        saver=saver_of(job, family.setup.trainee),
    )  # fmt: skip


def _numbers(family: Family, job: Job) -> dict[str, float]:
    given = {f"model.{name}": value for name, value in job.recipe["model"].items()}
    given |= {f"optimizer.{name}": value for name, value in optimizer_of(job).items()}
    return {name: float(given[name]) for name in family.places}


def _check(family: Family, job: Job) -> None:
    """NotFusable when a job would be trained with a number, or on a shape, that is not its own."""
    first = family.setup.job
    for name in ("model", "optimizer"):
        one, other = (_parameters(each, name) for each in (first, job))
        fixed = {key for key in one.keys() | other.keys() if f"{name}.{key}" not in family.places}
        differing = sorted(key for key in fixed if one.get(key) != other.get(key))
        if differing:
            raise NotFusable(f"its {name} differs from those of its pack in {differing[0]}")
    shapes = [(each.dataset.features.shape[1:], each.dataset.features.dtype) for each in (first, job) if each.dataset]
    if shapes[0] != shapes[1]:
        raise NotFusable("its samples have another shape than those of its pack")
    if job.recipe["train"]["class_weight"] is not None and not family.weighted:
        raise NotFusable("it weighs classes, and its pack does not")


def _parameters(job: Job, name: str) -> dict[str, Any]:
    model: dict[str, Any] = job.recipe["model"]
    return model if name == "model" else optimizer_of(job)


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
    return lane.rates[lane.progress.epoch * lane.steps :][: lane.steps]


def end_epoch(lane: Lane, means: dict[str, float], measured: dict[str, Measured]) -> bool:
    """Records an epoch of a lane and does what its rules say. Returns whether this epoch counts, as far as is known."""
    progress, values = lane.progress, dict(means)
    for part in measured.values():
        values |= part.values
    if shows_rate(lane.setup):
        values["learning_rate"] = _rate_after(lane)
    record(progress, values)
    progress.diverged = not (math.isfinite(values["loss"]) and all(part.scored.finite for part in measured.values()))
    decision = stopping.decide(progress.state, progress.epoch, values, lane.rules)
    progress.state = decision.state
    if decision.counts:
        validation = measured.get("validation")
        scores, loss = (validation.scored.scores, validation.loss) if validation else (None, math.nan)
        progress.kept = Kept(progress.epoch, 0, None, scores, loss)
    if decision.reduce:
        _lower(lane)
    told = lane.report(progress.epoch, lane.train["epochs"], values)
    progress.over = told or progress.diverged or decision.stop or progress.epoch == lane.train["epochs"]
    return decision.counts


def _rate_after(lane: Lane) -> float:
    """The rate of the step that would follow, as an optimizer shows it."""
    if len(lane.rates) == 1:
        return float(lane.rates[0])
    return float(lane.rates[(lane.progress.epoch + 1) * lane.steps])


def _lower(lane: Lane) -> None:
    rule, rate = lane.train["reduce_on_plateau"], _rate_after(lane)
    lane.rates = np.array([min(rate, max(rate * rule["factor"], rule["min_learning_rate"]))], np.float32)
