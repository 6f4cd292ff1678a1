"""A family as its worker knows it: one template model for each stage, compiled, and the programs that train trials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np

from blueno.canonical import canonical
from blueno.errors import ModelError

from ...job import Job
from ...stages import stages_of
from ..feeding import as_float32
from ..fresh import new_session
from ..scoring import chunk_of
from ..setup import Setup, set_up
from ..stage import Stage, begin
from . import places
from .clocking import clocked
from .numbers import Place, pairs
from .program import Data, Score, Step, Train, first_metrics, score_program, step_program, train_program
from .replacing import Traced
from .side_effects import watched
from .streaming import Blocks, blocks_of
from .strengths import places_of, strengths_of, varied
from .template import Draw, First, NotFusable, Template, draw_program, first_of, make_template, shake
from .ways import Ways, ways_of


class Programs(NamedTuple):
    """What is compiled of a family, once for each width."""

    step: Step
    train: Train
    score: Score
    blocks: Blocks  # of samples that do not lie on the device
    draw: Draw
    met: list[Traced]  # what was lowered in each shape of a step that was traced


class Family(NamedTuple):
    """What the trials of a family share in one stage. Each stage has a model of its own, built alike."""

    setup: Setup  # of the template
    stage: Stage  # compiled
    template: Template
    first: First  # how its optimizer begins
    found: places.Found  # where the model's parameters that vary stand
    places: dict[str, list[Place]]  # the same in the template, with the optimizer's
    weighted: bool  # whether samples have weights
    programs: dict[Ways, Programs]  # those that were needed so far
    shells: list[Setup]  # one more model of the kind, to be filled and saved; made when the first one is
    most: dict[Ways, int]  # lanes that fit into memory in every stage, where more were asked for; one for all stages
    widths: dict[Ways, set[int]]  # places that packs had so far, which programs are compiled for; one for all stages
    stages: list[Family]  # the family in each stage, here too


def open_family(jobs: Sequence[Job]) -> Family:
    """Builds and compiles the template of trials that their plan took for one family, and traces a step of it.

    NotFusable when they are not, or when JAX cannot compute them; ModelError when the model cannot be built.
    """
    first = jobs[0]
    made: list[Setup] = []

    def build() -> keras.Model:
        made.append(set_up(first))
        return made[-1].trainee

    template = make_template(build, _seed(first), bool(first.recipe["train"]["mixed_precision"]))
    found = _found(made[0].model, jobs)
    strengths = varied([strengths_of(job.recipe["augment"], job.code) for job in _augmenting(jobs)])
    shells: list[Setup] = []
    most: dict[Ways, int] = {}
    widths: dict[Ways, set[int]] = {}
    stages: list[Family] = []
    for number in range(len(made[0].stages)):
        setup = _with_rates(_another(first) if number else made[0])
        shake(setup.trainee)
        stage = begin(setup, number, range(1, 2))
        _refuse(setup)
        trains = [stages_of(job.recipe["train"])[number] for job in jobs]
        where = {f"model.{name}": each for name, each in places.resolve(found, setup.model).items()}
        where |= _of_optimizer(setup, trains) | places_of(strengths, setup.trainee)
        weighted = any(train["class_weight"] is not None for train in trains)
        begins = first_of(setup.trainee)
        stages.append(Family(setup, stage, template, begins, found, where, weighted, {}, shells, most, widths, stages))
        _try(stages[-1])
    return stages[0]


def programs_of(family: Family, ways: Ways) -> Programs:
    """The family's programs; a second pack finds them compiled."""
    if ways not in family.programs:
        setup, stage = family.setup, family.stage
        size = stage.train["batch_size"]
        chunk = chunk_of(stage.parts["train"], size)
        met: list[Traced] = []
        step = step_program(setup.trainee, family.places, ways, met)
        family.programs[ways] = Programs(
            step,
            clocked("train", train_program(setup.trainee, step, size, ways), ways.how),
            clocked("score", score_program(setup.model, setup.trainee, family.places, chunk, ways), ways.how),
            blocks_of(setup.model, setup.trainee, step, family.places, size, chunk, ways),
            draw_program(family.template, setup.trainee, family.first),
            met,
        )
    return family.programs[ways]


def shell_of(family: Family) -> Setup:
    """The model that is filled, with the names that one alone has."""
    if not family.shells:
        family.shells.append(_another(family.setup.job))
    return family.shells[0]


def optimizer_of(train: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a stage's optimizer."""
    return next(iter(train["optimizer"].values())) or {}


def _seed(job: Job) -> int:
    return int(job.recipe["seed"] or 0)


def _another(job: Job) -> Setup:
    """One more model, with the names that it has alone."""
    new_session(_seed(job), bool(job.recipe["train"]["mixed_precision"]))
    return set_up(job)


def _with_rates(setup: Setup) -> Setup:
    """The setup with numbers for learning rates, which are what programs take, step by step."""
    return setup._replace(stages=[each | {"learning_rate": 0.001, "reduce_on_plateau": None} for each in setup.stages])


def _refuse(setup: Setup) -> None:
    """NotFusable for what a program would compute otherwise than `fit`."""
    trainee, optimizer = setup.trainee, setup.trainee.optimizer
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    if inner.use_ema:
        raise NotFusable("its optimizer averages weights (use_ema), which Keras does between epochs")
    if not isinstance(inner._learning_rate, keras.Variable):
        raise NotFusable("its optimizer does not keep the learning rate as Keras's do")
    if any(isinstance(each, keras.optimizers.Optimizer) for each in vars(trainee).values() if each is not optimizer):
        raise NotFusable("its model has optimizers of its own")
    if trainee.run_eagerly:
        raise NotFusable("its model asks to run eagerly")


def _found(model: keras.Model, jobs: Sequence[Job]) -> places.Found:
    """Where the parameters of the model that vary stand, told by building it once more with other values."""
    models = [{k: v for k, v in job.recipe["model"].items() if k != "architecture"} for job in jobs]
    names = _varied(models)
    if not names:
        return {}
    given = {name: models[0][name] for name in names}
    other = next((i for i, each in enumerate(models) if all(each[name] != given[name] for name in names)), None)
    others = jobs[other] if other is not None else _mixed(jobs, names)
    return places.find(model, given, set_up(others).model, others.recipe["model"])


def _mixed(jobs: Sequence[Job], names: Sequence[str]) -> Job:
    """The first job with another value for each parameter that varies: none of the others differs in all at once."""
    model = dict(jobs[0].recipe["model"])
    for name in names:
        model[name] = next(each for job in jobs if (each := job.recipe["model"][name]) != model[name])
    return jobs[0]._replace(recipe=jobs[0].recipe | {"model": model})


def _augmenting(jobs: Sequence[Job]) -> list[Job]:
    """A job for each augmentation among them; the first one's comes first."""
    return list({canonical(job.recipe["augment"]): job for job in reversed(jobs)}.values())[::-1]


def _varied(given: Sequence[dict[str, Any]]) -> list[str]:
    """The parameters that are not the same in all."""
    return [name for name in given[0] if any(each[name] != given[0][name] for each in given)]


def _of_optimizer(setup: Setup, trains: Sequence[dict[str, Any]]) -> dict[str, list[Place]]:
    optimizer = setup.trainee.optimizer
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    names = _varied([optimizer_of(train) for train in trains])
    for name in names:
        if not isinstance(getattr(inner, name, None), float):
            raise NotFusable(f"its optimizer does not keep {name} as a number")
    return {f"optimizer.{name}": [Place(inner, name)] for name in names}


# ---- a first trace


def _try(family: Family) -> None:
    """Traces a batch, so that what JAX cannot compute is known before anything is trained."""
    setup = family.setup
    programs = programs_of(family, ways_of())
    numbers = np.zeros((1, family.template.slots), np.uint32)
    state = programs.draw.eval_shape(numbers, None, 1)
    carry = jax.tree.map(lambda each: jax.ShapeDtypeStruct(each.shape[1:], each.dtype), tuple(map(list, state)))
    rows = np.zeros(min(family.stage.train["batch_size"], len(setup.rows["train"])), np.int32)
    batch = (rows, np.ones(len(rows), np.float32) if family.weighted else None, np.float32(0))
    given = {name: pairs(np.array(each[0].number())) for name, each in family.places.items()}
    with watched(setup.trainee):
        _traced(programs.step, _shapes(family), given, (*carry, first_metrics(setup.trainee)), batch)


def _shapes(family: Family) -> Data:
    dataset, target = family.setup.dataset, family.stage.parts["train"].target
    features = jax.eval_shape(jnp.asarray, as_float32(np.asarray(dataset.features[:1])))
    samples = len(dataset.features)
    return Data(
        jax.ShapeDtypeStruct((samples, *features.shape[1:]), features.dtype),
        jax.ShapeDtypeStruct((samples, *target.shape[1:]), target.dtype),
    )


def _traced(step: Step, *arguments: Any) -> None:
    try:
        jax.eval_shape(step, *arguments)
    except (ModelError, NotFusable, MemoryError):
        raise
    except Exception as error:  # whatever a model or a loss of the user's raises when JAX traces it
        raise NotFusable(f"JAX cannot compute it as one program: {_reason(error)}") from error


def _reason(error: Exception) -> str:
    """The first line of an error that says what it was: Keras's own first says where, and makes the next one bold."""
    lines = str(error).replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()
    told = [line for line in lines if line.strip() and not line.startswith("Exception encountered when calling")]
    return told[0] if told else type(error).__name__
