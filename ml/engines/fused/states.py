"""The states of a pack's lanes as wholes: which are kept, and how they move when lanes come and go."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
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
