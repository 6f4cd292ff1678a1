"""The state of a lane between two epochs, as `fit` leaves it, so that it goes on in another pack or alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import jax.numpy as jnp
import numpy as np

from .. import checkpoint
from ..fit import was_told_to_stop
from .program import State, rate_of
from .states import Own, of_lane
from .template import seeds

if TYPE_CHECKING:
    from .family import Family
    from .lane import Lane


def save_if_due(family: Family, lane: Lane, state: State, kept: State, place: int) -> None:
    """Leaves a lane's state where its job says, if the last one is old enough."""
    if lane.progress.over or not checkpoint.is_due(lane.saver):
        return
    trainee, own, progress = family.setup.trainee, of_lane(state, place), lane.progress
    if lane.rules.select and progress.kept is not None:
        values = _by_id(family, of_lane(kept, place))
        weights = [values[id(each)] for each in trainee.weights]
        progress = replace(progress, kept=progress.kept._replace(weights=weights))
    values = _by_id(family, own)
    optimizer = list(own.optimizer)
    if len(lane.rates) == 1:
        optimizer[rate_of(trainee.optimizer)] = lane.rates[0]
    with _chance(lane.seed, family.template.slots):
        checkpoint.save(lane.saver, progress, [values[id(each)] for each in trainee.variables], optimizer)
    lane.progress.notes = progress.notes


def states_of(family: Family, lane: Lane) -> tuple[State, State] | None:
    """The state that an earlier attempt left, and that of its epoch that counts; the lane knows how far it came."""
    trainee = family.setup.trainee
    found, notes = checkpoint.load(lane.saver, trainee)
    lane.progress.notes += notes
    if found is None:
        return None
    lane.progress = found.progress
    if len(lane.rates) == 1:
        lane.rates = np.asarray(found.optimizer[rate_of(trainee.optimizer)], np.float32).reshape(1)
    lane.progress.over = was_told_to_stop(lane.setup, lane.progress, lane.report)
    state = _state(family, dict(zip(map(id, trainee.variables), found.model, strict=True)), found.optimizer)
    kept = found.progress.kept
    if kept is None or kept.weights is None:
        return state, state
    weights = dict(zip(map(id, trainee.weights), kept.weights, strict=True))
    lane.progress.kept = kept._replace(weights=None)
    return state, _state(
        family, dict(zip(map(id, trainee.variables), found.model, strict=True)) | weights, found.optimizer
    )


def _by_id(family: Family, state: Own) -> dict[int, Any]:
    trainee = family.setup.trainee
    variables = [*trainee.trainable_variables, *trainee.non_trainable_variables]
    return dict(zip(map(id, variables), [*state.trainable, *state.rest], strict=True))


def _state(family: Family, values: dict[int, Any], optimizer: list[np.ndarray]) -> State:
    trainee = family.setup.trainee
    trainable, rest = (
        [jnp.asarray(values[id(each)]) for each in some]
        for some in (trainee.trainable_variables, trainee.non_trainable_variables)
    )
    return State(trainable, rest, [jnp.asarray(each) for each in optimizer])


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
