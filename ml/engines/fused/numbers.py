"""Numbers that differ from lane to lane, where Keras expects a Python number: a layer's rate, an optimizer's momentum.

While a program is traced, a `Number` stands in the attribute's place. It computes like the lane's traced value, and
answers questions (is it above zero?) as the family's own number does, so that Keras takes the branch that all lanes of
the family take.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from keras.src.backend.jax import random as keras_random

from .replacing import Function, Replacement, Traced, replaced


class Number:
    """A traced number. `complement` is 1 - value, made in 64 bits: in 32, 1 - 0.999 is wrong in the fourth digit."""

    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: jax.Array, complement: jax.Array, like: float) -> None:
        self.value, self.complement, self.like = value, complement, like

    def __jax_array__(self) -> jax.Array:
        return self.value

    def __bool__(self) -> bool:
        return bool(self.like)

    def __eq__(self, other: object) -> bool:
        return self.like == other

    def __lt__(self, other: float) -> bool:
        return self.like < other

    def __le__(self, other: float) -> bool:
        return self.like <= other

    def __gt__(self, other: float) -> bool:
        return self.like > other

    def __ge__(self, other: float) -> bool:
        return self.like >= other

    def __add__(self, other: Any) -> jax.Array:
        return self.value + other

    __radd__ = __add__

    def __mul__(self, other: Any) -> jax.Array:
        return self.value * other

    __rmul__ = __mul__

    def __sub__(self, other: Any) -> jax.Array:
        return -self.complement if isinstance(other, int | float) and other == 1 else self.value - other

    def __rsub__(self, other: Any) -> jax.Array:
        return self.complement if isinstance(other, int | float) and other == 1 else other - self.value

    def __truediv__(self, other: Any) -> jax.Array:
        return self.value / other

    def __rtruediv__(self, other: Any) -> jax.Array:
        return other / self.value

    def __pow__(self, other: Any) -> jax.Array:
        return self.value**other

    def __neg__(self) -> jax.Array:
        return -self.value


class Place(NamedTuple):
    """An object of Keras's, and its attribute that is a number, or a tuple with the number as one of its items."""

    target: Any
    name: str
    item: int | None = None

    def number(self) -> Any:
        """What stands there."""
        held = getattr(self.target, self.name)
        return held if self.item is None else held[self.item]

    def put(self, number: Any) -> None:
        """Puts another number there, past what Keras does when an attribute is set."""
        if self.item is not None:
            held = list(getattr(self.target, self.name))
            held[self.item] = number
            number = tuple(held)
        object.__setattr__(self.target, self.name, number)


Values = tuple[jax.Array, jax.Array]  # the number and its complement, float32: () in a lane, (lanes,) for all


def pairs(values: np.ndarray) -> Values:
    """A float64 number a lane, (lanes,), as programs take it."""
    wide = np.asarray(values, dtype=np.float64)
    return jnp.asarray(wide, jnp.float32), jnp.asarray(1.0 - wide, jnp.float32)


def _uniform(stock: Function, traced: Traced) -> Function:
    """Keras's own for limits that are a lane's: JAX's takes arrays, and nothing that stands for one."""

    def uniform(shape: Any, minval: Any = 0.0, maxval: Any = 1.0, dtype: Any = None, seed: Any = None) -> jax.Array:
        low, high = (each.value if isinstance(each, Number) else each for each in (minval, maxval))
        return stock(shape, minval=low, maxval=high, dtype=dtype, seed=seed)

    return uniform


UNIFORM = Replacement(("shape", "minval", "maxval", "dtype", "seed"), _uniform)


@contextmanager
def standing_in(places: Mapping[str, list[Place]], values: Mapping[str, Values]) -> Iterator[None]:
    """While a program is traced: at each place, the lane's number of that name instead of Keras's own."""
    before = [(place, place.number()) for each in places.values() for place in each]
    try:
        for key, targets in places.items():
            for place in targets:
                place.put(Number(*values[key], like=place.number()))
        with replaced(keras_random, {"uniform": UNIFORM}):
            yield
    finally:
        for place, number in before:
            place.put(number)
