"""A family as its worker knows it: one template model, compiled, and what each trial of it brings of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np

from ... import batches, keras_names, stopping
from ...class_weights import sample_weights
from ...job import Job, Report
from ..progress import Progress
from ..setup import Setup, alike, set_up
from ..stage import Stage, begin
from . import places
from .numbers import Place
from .template import NotFusable, Template, make_template


class Family(NamedTuple):
    """What the trials of a family share."""

    setup: Setup  # of the template
    stage: Stage  # compiled
    template: Template
    shell: Setup  # a second model of the kind, to be filled and saved
    found: places.Found  # where the model's parameters that vary stand
    places: dict[str, list[Place]]  # the same in the template, with the optimizer's


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
    rates: np.ndarray  # (1,) or (steps of the whole training + 1,) float32: the rate at each step
    steps: int  # an epoch
    progress: Progress = field(default_factory=Progress)
    factor: float = 1.0  # by which plateaus have lowered the rate

    @property
    def seed(self) -> int:
        return int(self.job.recipe["seed"] or 0)


def open_family(jobs: Sequence[Job]) -> Family:
    """Builds and compiles the template of trials that their plan took for one family.

    NotFusable when they are not, ModelError when the model cannot be built.
    """
    first, made = jobs[0], []

    def build() -> keras.Model:
        made.append(set_up(first))
        return made[0].trainee

    template = make_template(build, int(first.recipe["seed"] or 0))
    setup = made[0]
    if len(setup.stages) > 1:
        raise NotFusable("it trains in stages")
    stage = begin(setup, 0, range(1, setup.stages[0]["epochs"] + 1))
    found = _found(setup.model, jobs)
    where = {f"model.{name}": each for name, each in places.resolve(found, setup.model).items()}
    optimizer = {
        f"optimizer.{name}": [(setup.trainee.optimizer, name)] for name in _varied([_optimizer(job)[1] for job in jobs])
    }
    return Family(setup, stage, template, set_up(first), found, where | optimizer)


def lane_of(family: Family, job: Job, report: Report) -> Lane:
    """What a trial brings to a pack of its family. ModelError when its rules or metrics cannot be."""
    setup = alike(family.setup, job)
    train = setup.stages[0]
    steps = batches.steps(len(setup.rows["train"]), train["batch_size"], job.batches)
    numbers = {f"model.{name}": float(job.recipe["model"][name]) for name in family.found}
    given = _optimizer(job)[1]
    numbers |= {name: float(given[name.partition(".")[2]]) for name in family.places if name not in numbers}
    return Lane(
        job, report, setup, train,
        rules=stopping.rules(train, setup.monitored.directions, setup.monitored.looked_up),
        weights=sample_weights(train["class_weight"], setup.dataset, setup.rows["train"]),
        numbers=numbers, rates=_rates(train, steps), steps=steps,
    )  # fmt: skip


def _found(model: keras.Model, jobs: Sequence[Job]) -> places.Found:
    """Where the parameters of the model that vary stand, told by building it once more with other values."""
    models = [{k: v for k, v in job.recipe["model"].items() if k != "architecture"} for job in jobs]
    names = _varied(models)
    if not names:
        return {}
    given = {name: models[0][name] for name in names}
    other = next((i for i, each in enumerate(models) if all(each[name] != given[name] for name in names)), None)
    if other is None:
        raise NotFusable("too few of its parameters differ at once to tell what they change")
    return places.find(model, given, set_up(jobs[other]).model, models[other])


def _varied(given: Sequence[dict[str, Any]]) -> list[str]:
    """The parameters that are not the same in all."""
    return [name for name in given[0] if any(each[name] != given[0][name] for each in given)]


def _optimizer(job: Job) -> tuple[str, dict[str, Any]]:
    name, parameters = next(iter(job.recipe["train"]["optimizer"].items()))
    return name, parameters or {}


def _rates(train: dict[str, Any], steps: int) -> np.ndarray:
    choice = train["learning_rate"]
    if isinstance(choice, int | float):
        return np.array([choice], np.float32)
    schedule = keras_names.schedule(choice, train["epochs"], steps)
    return np.asarray(jax.vmap(schedule)(jnp.arange(train["epochs"] * steps + 1)), np.float32)
