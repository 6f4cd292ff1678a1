"""A pack: trials of one family that train together, each by its own rules, until the last of them is done.

Lanes advance by whole epochs. What an epoch computes is one program's; what follows from it (which epoch counts, when
to stop, when to lower the rate) is decided lane by lane, as `fit` does. Lanes that are done make room for others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ... import batches, stopping
from ...job import Job, Outcome, Report, finite
from ...metrics import Wanted
from .. import task
from ..checkpoint import put_back
from ..fit import Measured, shows_rate, values_of
from ..leaving import leave
from ..progress import Kept, record
from ..setup import Setup, alike
from . import joined, places
from .family import Family, Lane, lane_of
from .numbers import pairs
from .program import Epoch, How, Score, State, Train, score_program, train_program
from .template import draw

Task = tuple[Job, Report]
More = Callable[[int], Sequence[Task]]  # at most so many further trials of the family
Done = Callable[[Job, Outcome], None]


@dataclass
class Pack:
    """What changes from epoch to epoch. Arrays have a row for each place; the lanes have the first ones, in order."""

    family: Family
    width: int
    train: Train
    score: Score
    lanes: list[Lane]
    data: joined.Joined
    state: State
    kept: State  # at the epoch that counts, where a rule selects


def train_pack(family: Family, tasks: Sequence[Task], more: More, done: Done, how: How = "map") -> None:
    """Trains `tasks`, and what `more` gives when places come free; `done` is told of each as it ends.

    What goes wrong in one lane is that lane's outcome.
    """
    lanes = [lane_of(family, *each) for each in tasks]
    batch_size = family.stage.train["batch_size"]
    trainee = family.setup.trainee
    state = _first_state(family, lanes)
    train = train_program(trainee, batch_size, family.places, how)
    score = score_program(family.setup.model, trainee, how)
    pack = Pack(family, len(lanes), train, score, lanes, joined.join(lanes, family), state, state)
    while pack.lanes:
        _epoch(pack)
        over = [lane for lane in pack.lanes if lane.progress.over]
        for lane in over:
            done(lane.job, _outcome(pack, lane))
        if over:
            _replace(pack, [lane_of(family, *each) for each in more(len(over) + pack.width - len(pack.lanes))])


# ---- an epoch


def _epoch(pack: Pack) -> None:
    """Trains every lane for its next epoch, measures it, and obeys its rules."""
    count = len(pack.lanes)
    pack.state, means = pack.train(pack.state, _inputs(pack), pack.data.arrays, count)
    measured = {part: _measured(pack, part) for part in pack.lanes[0].setup.monitored.each_epoch}
    told = {name: np.asarray(values) for name, values in means.items()}
    counts = []
    for i, lane in enumerate(pack.lanes):
        running = {name: float(values[i]) for name, values in told.items()}
        counts.append(_end_epoch(lane, running, {part: each[i] for part, each in measured.items()}))
    if any(lane.rules.select for lane in pack.lanes):
        pack.kept = _chosen(pack.state, pack.kept, np.array([*counts, *[False] * (pack.width - count)]))
    else:
        pack.kept = pack.state


def _inputs(pack: Pack) -> Epoch:
    """What the lanes train on; places without a lane repeat the first."""
    lanes = pack.lanes + [pack.lanes[0]] * (pack.width - len(pack.lanes))
    orders: dict[tuple[int, int, int], np.ndarray] = {}  # lanes of the same seed and size read in the same order
    for lane in lanes:
        key = (lane.seed, lane.progress.epoch + 1, len(lane.setup.rows["train"]))
        orders.setdefault(key, batches.order(*key)[: lane.steps * lane.train["batch_size"]])
    chosen = [orders[lane.seed, lane.progress.epoch + 1, len(lane.setup.rows["train"])] for lane in lanes]
    rows = [pack.data.rows(lane, "train")[order] for lane, order in zip(lanes, chosen, strict=True)]
    weights = None
    if lanes[0].weights is not None:
        weights = np.stack([lane.weights[order] for lane, order in zip(lanes, chosen, strict=True)])  # type: ignore[index]
    numbers = {name: pairs(np.array([lane.numbers[name] for lane in lanes])) for name in pack.family.places}
    return Epoch(np.stack(rows), weights, np.stack([_rates(lane) for lane in lanes]), numbers)


def _rates(lane: Lane) -> np.ndarray:
    """The rate of each step of the next epoch."""
    if len(lane.rates) == 1:
        return np.full(lane.steps, lane.rates[0] * np.float32(lane.factor), np.float32)
    return lane.rates[lane.progress.epoch * lane.steps :][: lane.steps]


def _measured(pack: Pack, part: str) -> list[Measured]:
    """A pass of each lane over its own rows of a part."""
    lanes = pack.lanes
    rows = np.stack([pack.data.rows(lane, part) for lane in lanes + [lanes[0]] * (pack.width - len(lanes))])
    outputs, losses = map(np.asarray, pack.score(pack.state, rows, pack.data.arrays, len(lanes)))
    loss = pack.family.stage.loss
    return [
        _one(lane, part, outputs[i], float(losses[i]), loss, lane.setup.monitored.each_epoch[part])
        for i, lane in enumerate(lanes)
    ]


def _one(lane: Lane, part: str, outputs: np.ndarray, value: float, loss: Any, metrics: list[Wanted]) -> Measured:
    scores = task.scores_of(lane.setup.dataset, outputs, loss)
    scored = task.scored(lane.setup.dataset, lane.setup.rows[part], scores)
    return Measured(scored, value, *values_of(metrics, scored, value))


def _end_epoch(lane: Lane, means: dict[str, float], measured: dict[str, Measured]) -> bool:
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
        return float(lane.rates[0] * np.float32(lane.factor))
    return float(lane.rates[(lane.progress.epoch + 1) * lane.steps])


def _lower(lane: Lane) -> None:
    rule, rate = lane.train["reduce_on_plateau"], _rate_after(lane)
    lane.factor *= min(rate, max(rate * rule["factor"], rule["min_learning_rate"])) / rate


@jax.jit
def _chosen(new: State, old: State, counts: jax.Array) -> State:
    """The new state in the lanes where the epoch counts, else the old one: by selection, so that no NaN spreads."""
    return jax.tree.map(lambda a, b: jnp.where(counts.reshape(-1, *[1] * (a.ndim - 1)), a, b), new, old)


# ---- lanes that come and go


def _first_state(family: Family, lanes: Sequence[Lane]) -> State:
    trainable, rest = draw(family.template, [lane.seed for lane in lanes])
    optimizer = [jnp.stack([each.value] * len(lanes)) for each in family.setup.trainee.optimizer.variables]
    return State(trainable, rest, optimizer)


def _replace(pack: Pack, coming: list[Lane]) -> None:
    """Moves the lanes that go on to the front, and puts new ones after them."""
    staying = [i for i, lane in enumerate(pack.lanes) if not lane.progress.over]
    pack.lanes = [pack.lanes[i] for i in staying] + coming
    order = np.array([*staying, *[0] * (pack.width - len(staying))])
    pack.state, pack.kept = (jax.tree.map(lambda each: each[order], state) for state in (pack.state, pack.kept))
    if coming:
        places_of = slice(len(staying), len(pack.lanes))
        fresh = _first_state(pack.family, coming)
        pack.state = jax.tree.map(lambda all, new: all.at[places_of].set(new), pack.state, fresh)
        pack.data = joined.join(pack.lanes, pack.family)


# ---- after a lane's last epoch


def _outcome(pack: Pack, lane: Lane) -> Outcome:
    kept, history = lane.progress.kept, lane.progress.history
    assert kept is not None, "BUG: no epoch counts"
    setup = _filled(pack, lane)
    validation = None
    if kept.scores is not None:
        validation = task.scored(setup.dataset, setup.rows["validation"], kept.scores)
    metrics, notes = _metrics(pack, lane, kept, validation)
    if lane.progress.diverged:
        return Outcome("diverged", finite(metrics), history, {}, "fused", kept.epoch, tuple(notes))
    artefacts, more = leave(setup, validation)
    return Outcome("succeeded", metrics, history, artefacts, "fused", kept.epoch, (*notes, *more))


def _filled(pack: Pack, lane: Lane) -> Setup:
    """The second model of the family with the lane's weights that count, and its numbers."""
    index, family = pack.lanes.index(lane), pack.family
    shell = alike(family.shell, lane.job)
    state = jax.tree.map(lambda each: np.asarray(each[index]), pack.kept)
    put_back(shell.trainee.trainable_variables, state.trainable)
    put_back(shell.trainee.non_trainable_variables, state.rest)
    for name, where in places.resolve(family.found, shell.model).items():
        for target, attribute in where:
            setattr(target, attribute, lane.numbers[f"model.{name}"])
    return shell


def _metrics(pack: Pack, lane: Lane, kept: Kept, validation: Any) -> tuple[dict[str, float], list[str]]:
    """All metrics of the epoch that counts; those of the training part in one more pass, if they are wanted."""
    at_end = lane.setup.monitored.at_end
    values: dict[str, float] = {}
    notes: list[str] = []
    if validation is not None:
        values, notes = values_of([each for each in at_end if each.part == "val"], validation, kept.loss)
    of_training = [each for each in at_end if each.part == "train"]
    if of_training:
        index = pack.lanes.index(lane)
        state = jax.tree.map(lambda each: each[index][None], pack.kept)
        outputs, loss = pack.score(state, pack.data.rows(lane, "train")[None], pack.data.arrays, 1)
        measured = _one(lane, "train", np.asarray(outputs[0]), float(loss[0]), pack.family.stage.loss, of_training)
        values, notes = values | measured.values, notes + measured.notes
    return values, notes
