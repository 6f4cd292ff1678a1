"""Pooling as XLA's CPU backend does it well inside a loop: elementwise over what the taps of a window see."""

from __future__ import annotations

import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from .lowering_windows import Window, pad, received, seen, slid, spread, taps


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def pool_max(x: jax.Array, window: Window) -> jax.Array:
    """The largest each window sees: (batch, *image, channels) to (batch, *output, channels).

    Of equal ones the gradient goes to the first, as in XLA's select-and-scatter.
    """
    return _largest(x, window)[0]


def _largest(x: jax.Array, window: Window) -> tuple[jax.Array, jax.Array]:
    """The largest, and the number of the tap that saw it first, int8."""
    padded = pad(x, window, -math.inf)
    first, *others = taps(window)
    best = seen(padded, window, first)
    which = jnp.zeros(best.shape, jnp.int8)
    for number, tap in enumerate(others, start=1):
        here = seen(padded, window, tap)
        which = jnp.where(here > best, jnp.array(number, jnp.int8), which)
        best = lax.max(best, here)
    return best, which


def _max_forward(x: jax.Array, window: Window) -> tuple[jax.Array, jax.Array]:
    return _largest(x, window)


def _max_backward(window: Window, which: jax.Array, dy: jax.Array) -> tuple[jax.Array]:
    zero = jnp.zeros((), dy.dtype)
    apart, which = spread(dy, window), spread(which, window, -1)
    parts = [
        jnp.where(received(which, window, tap) == number, received(apart, window, tap), zero)
        for number, tap in enumerate(taps(window))
    ]
    return (jnp.asarray(sum(parts)),)


pool_max.defvjp(_max_forward, _max_backward)


def pool_average(x: jax.Array, window: Window) -> jax.Array:
    """The mean of what each window sees of the image, pads not counted: (batch, *output, channels)."""
    total = pad(x, window)
    for axis in range(len(window.size), 0, -1):
        total = jnp.asarray(sum(slid(total, window, axis)))
    return total / jnp.asarray(_counts(window), x.dtype)


def _counts(window: Window) -> np.ndarray:
    """How many taps of each window see the image: (1, *output, 1)."""
    counts = np.ones(())
    for axis, length in enumerate(window.image):
        first = np.arange(window.output[axis])[:, None] * window.strides[axis] - window.pads[axis][0]
        sees = first + np.arange(window.size[axis])
        counts = np.multiply.outer(counts, ((sees >= 0) & (sees < length)).sum(1))
    return counts[None, ..., None]
