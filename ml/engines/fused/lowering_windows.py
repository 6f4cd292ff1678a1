"""Windows that slide over an image: their parameters as Keras passes them, and the taps that they consist of."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax


class Window(NamedTuple):
    """A window over spatial axes. Hashable: it is a static argument of what is compiled."""

    size: tuple[int, ...]
    strides: tuple[int, ...]
    dilation: tuple[int, ...]
    pads: tuple[tuple[int, int], ...]  # before and after, each axis
    image: tuple[int, ...]  # spatial shape that it slides over, without the pads
    output: tuple[int, ...]  # how many places it takes, each axis


def window_of(shape: Sequence[Any], size: Any, strides: Any, dilation: Any, padding: Any) -> Window | str:
    """The window that slides over a channels-last `shape` (batch, *spatial, channels), or why it is none of these."""
    image = tuple(shape[1:-1])
    if not 1 <= len(image) <= 3:
        return f"{len(image)} spatial axes"
    if not all(isinstance(each, int) and each > 0 for each in shape):
        return "a shape that is not known, or empty"
    if padding not in ("same", "valid"):
        return f"padding {padding!r}"
    given = [_each_axis(value, len(image)) for value in (size, strides, dilation)]
    if any(each is None for each in given):
        return "a window, strides or dilation that are not a number an axis"
    sizes, steps, holes = (each for each in given if each is not None)
    spans = [(k - 1) * d + 1 for k, d in zip(sizes, holes, strict=True)]
    pads = tuple((int(low), int(high)) for low, high in lax.padtype_to_pads(image, spans, steps, padding.upper()))
    output = tuple(
        (length + sum(pad) - span) // step + 1
        for length, pad, span, step in zip(image, pads, spans, steps, strict=True)
    )
    if min(output) < 1:
        return "a window larger than its image"
    return Window(sizes, steps, holes, pads, image, output)


def pad(x: jax.Array, window: Window, value: float = 0.0) -> jax.Array:
    """x with the window's pads, (batch, *spatial, channels)."""
    if not any(map(any, window.pads)):
        return x
    return lax.pad(x, jnp.array(value, x.dtype), [(0, 0, 0), *[(*each, 0) for each in window.pads], (0, 0, 0)])


def slid(x: jax.Array, window: Window, axis: int) -> list[jax.Array]:
    """What each tap of the window sees along one axis (1 is the first spatial one) of a padded x."""
    size, stride, hole = window.size[axis - 1], window.strides[axis - 1], window.dilation[axis - 1]
    reach = (window.output[axis - 1] - 1) * stride + 1
    return [lax.slice_in_dim(x, i * hole, i * hole + reach, stride, axis) for i in range(size)]


def taps(window: Window) -> Iterator[tuple[int, ...]]:
    """Places in the window, in the order in which Keras's kernels lie in memory."""
    return itertools.product(*map(range, window.size))


def seen(x: jax.Array, window: Window, tap: tuple[int, ...]) -> jax.Array:
    """What one tap sees of a padded x: (batch, *window.output, channels)."""
    begin = [i * d for i, d in zip(tap, window.dilation, strict=True)]
    end = [b + (o - 1) * s + 1 for b, o, s in zip(begin, window.output, window.strides, strict=True)]
    return lax.slice(x, [0, *begin, 0], [x.shape[0], *end, x.shape[-1]], [1, *window.strides, 1])


def spread(dy: jax.Array, window: Window, value: float = 0.0) -> jax.Array:
    """dy, one of each place of the window, with `value` between and around, so that `received` are slices of it."""
    edges = []
    for size, stride, hole, (before, _), image, output in zip(*window[:4], window.image, window.output, strict=True):
        edges.append(((size - 1) * hole - before, image - 1 + before - (output - 1) * stride, stride - 1))
    return lax.pad(dy, jnp.array(value, dy.dtype), [(0, 0, 0), *edges, (0, 0, 0)])


def received(apart: jax.Array, window: Window, tap: tuple[int, ...]) -> jax.Array:
    """What the image gets back through one tap of a dy that was `spread`: (batch, *window.image, channels).

    Together they are the transpose of `seen` and `pad`. Reading slices of one array is quicker than adding up padded
    ones, one a tap.
    """
    begin = [(size - 1 - i) * hole for i, size, hole in zip(tap, window.size, window.dilation, strict=True)]
    end = [b + length for b, length in zip(begin, window.image, strict=True)]
    return lax.slice(apart, [0, *begin, 0], [apart.shape[0], *end, apart.shape[-1]])


def _each_axis(value: Any, axes: int) -> tuple[int, ...] | None:
    """One number an axis from what Keras takes for it: a number, or as many in a list or tuple."""
    values = (value,) * axes if isinstance(value, int) else tuple(value)
    return values if len(values) == axes and all(isinstance(each, int) and each > 0 for each in values) else None
