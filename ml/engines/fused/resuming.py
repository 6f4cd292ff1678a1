"""The state of a lane between two epochs, as `fit` leaves it, so that it goes on in another pack or alone, or in the
next stage of its own.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np

from .. import checkpoint
from ..checkpoint import Found
from ..fit import was_told_to_stop
from .lane import enter
from .program import State, rate_of
from .states import of_lane, parted, whole
from .template import seeds

if TYPE_CHECKING:
    from .family import Family
    from .lane import Lane


def leave(family: Family, lane: Lane, state: State, kept: State, place: int) -> None:
    """Leaves a lane's state after an epoch: where its job says, if the last one is old enough, and with the lane itself
    if the family's stage has ended for it.
    """
    ended, is_due = lane.progress.stage != family.stage.number, checkpoint.is_due(lane.saver)
    if lane.progress.over or not (ended or is_due):
        return
    found = _found(family, lane, state, kept, place, ended)
    if is_due:
        with _chance(lane.seed, family.template.slots):
            checkpoint.save(lane.saver, *found)
        lane.progress.notes = found.progress.notes
    if ended:
        lane.left = found


def _found(family: Family, lane: Lane, state: State, kept: State, place: int, ended: bool) -> Found:
    """What `fit` would find of it: without an optimizer where a stage begins."""
    trainee, own, progress = family.setup.trainee, of_lane(state, place), lane.progress
    if lane.rules.select and progress.kept is not None:
        values = dict(zip(map(id, trainee.variables), whole(trainee, of_lane(kept, place)), strict=True))
        weights = [values[id(each)] for each in trainee.weights]
        progress = replace(progress, kept=progress.kept._replace(weights=weights))
    optimizer = [] if ended else list(own.optimizer)
    if optimizer and len(lane.rates) == 1:
        optimizer[rate_of(trainee.optimizer)] = lane.rates[0]
    return Found(progress, whole(trainee, own), optimizer)


def read(family: Family, lane: Lane) -> None:
    """Has a lane go on from what an earlier attempt left, if there is something."""
    found, notes = checkpoint.load(lane.saver, family.setup.trainee)
    lane.progress.notes += notes
    if found is None:
        return
    lane.left, kept = found, found.progress.kept
    lane.progress = replace(found.progress, kept=kept and kept._replace(weights=None))
    enter(lane)
    if found.optimizer and len(lane.rates) == 1:
        trainee = family.stages[lane.progress.stage].setup.trainee
        lane.rates = np.asarray(found.optimizer[rate_of(trainee.optimizer)], np.float32).reshape(1)
    lane.progress.over = was_told_to_stop(lane.setup, lane.progress, lane.report)


def states_of(family: Family, found: Found) -> tuple[State, State]:
    """The state in which a lane goes on in the family's stage, and that of its epoch that counts."""
    trainee, kept = family.setup.trainee, found.progress.kept
    state = _state(family, found.model, found.optimizer)
    if kept is None or kept.weights is None:
        return state, state
    weights = dict(zip(map(id, trainee.weights), kept.weights, strict=True))
    values = [weights.get(id(each), value) for each, value in zip(trainee.variables, found.model, strict=True)]
    return state, _state(family, values, found.optimizer)


def _state(family: Family, values: Sequence[np.ndarray], optimizer: Sequence[np.ndarray]) -> State:
    trainable, rest = ([jnp.asarray(each) for each in some] for some in parted(family.setup.trainee, values))
    return State(trainable, rest, [jnp.asarray(each) for each in optimizer] or family.first(trainable))


@contextmanager
def _chance(seed: int, slots: int) -> Iterator[None]:
    """Meanwhile Python's and NumPy's random states are those that a trial alone has after building its model."""
    before = random.getstate(), np.random.get_state()
    try:
        random.seed(seed % 2**32)
        for _ in seeds(seed, slots):
            random.randint(1, int(1e9))
        np.random.seed(seed % 2**32)
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])
