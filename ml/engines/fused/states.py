"""The states of a pack's lanes as wholes: which are kept, and how they move when lanes come and go."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np

from .program import State


@jax.jit
def chosen(new: State, old: State, counts: Any) -> State:
    """The new state in the lanes where the epoch counts, else the old one: by selection, so that no NaN spreads."""
    return jax.tree.map(lambda a, b: jnp.where(counts.reshape(-1, *[1] * (a.ndim - 1)), a, b), new, old)


@jax.jit
def moved(state: State, order: Any, fresh: State, fresh_order: Any, is_fresh: Any) -> State:
    """In each place the lane of `state` that `order` says, or where `is_fresh` that of `fresh`; all (lanes,)."""

    def move(one: jax.Array, other: jax.Array) -> jax.Array:
        return jnp.where(is_fresh.reshape(-1, *[1] * (one.ndim - 1)), other[fresh_order], one[order])

    return jax.tree.map(move, state, fresh)


class Own(NamedTuple):
    """The state of one lane, as a State without its axis of lanes."""

    trainable: list[np.ndarray]
    rest: list[np.ndarray]
    optimizer: list[np.ndarray]


def of_lane(state: State, index: int) -> Own:
    """A lane's own state."""
    return Own(*([np.asarray(each)[index] for each in some] for some in state))


def with_lane(state: State, place: int, lane: State) -> State:
    """The state with a lane's own at its place."""
    return jax.tree.map(lambda all, one: all.at[place].set(one), state, lane)


def stacked(lanes: Sequence[State]) -> State:
    """The states of lanes as one."""
    return jax.tree.map(lambda *each: jnp.stack(each), *lanes)


def parted(trainee: keras.Model, values: Sequence[Any]) -> tuple[list[Any], list[Any]]:
    """What belongs to each of the variables, in the order of `trainee.variables`: of those that train, of the rest."""
    by_id = dict(zip(map(id, trainee.variables), values, strict=True))
    trainable, rest = trainee.trainable_variables, trainee.non_trainable_variables
    return [by_id[id(each)] for each in trainable], [by_id[id(each)] for each in rest]


def whole(trainee: keras.Model, state: State | Own) -> list[Any]:
    """What `parted` parts: the order of the variables is the same in every stage, and what trains is not."""
    variables = [*trainee.trainable_variables, *trainee.non_trainable_variables]
    by_id = dict(zip(map(id, variables), [*state.trainable, *state.rest], strict=True))
    return [by_id[id(each)] for each in trainee.variables]
