"""Numbers that differ from lane to lane, where Keras expects a Python number: a layer's rate, an optimizer's momentum.

While a program is traced, a `Number` stands in the attribute's place. It computes like the lane's traced value, and
answers questions (is it above zero?) as the family's own number does, so that Keras takes the branch that all lanes of
the family take.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np


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


Place = tuple[Any, str]  # an object of Keras's, and the attribute that is a number
Values = tuple[jax.Array, jax.Array]  # the number and its complement, float32: () in a lane, (lanes,) for all


def pairs(values: np.ndarray) -> Values:
    """A float64 number a lane, (lanes,), as programs take it."""
    wide = np.asarray(values, dtype=np.float64)
    return jnp.asarray(wide, jnp.float32), jnp.asarray(1.0 - wide, jnp.float32)


@contextmanager
def standing_in(places: Mapping[str, list[Place]], values: Mapping[str, Values]) -> Iterator[None]:
    """While a program is traced: at each place, the lane's number of that name instead of Keras's own."""
    before = [(target, name, getattr(target, name)) for name_of in places.values() for target, name in name_of]
    try:
        for key, targets in places.items():
            for target, name in targets:
                object.__setattr__(target, name, Number(*values[key], like=getattr(target, name)))
        yield
    finally:
        for target, name, value in before:
            object.__setattr__(target, name, value)
