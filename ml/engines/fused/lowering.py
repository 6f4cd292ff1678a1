"""Convolution and pooling of any Keras model by code that XLA's CPU backend runs well inside a loop.

`lowered` puts it in the place of Keras's own functions while a program is traced; the model is not touched. What it
does not know (groups of channels, channels first) stays with Keras's own, and is told.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from keras.src import backend

from .lowering_convolution import convolve, convolve_depthwise
from .lowering_pooling import pool_average, pool_max
from .lowering_windows import Window, window_of
from .replacing import Function, Replacement, Traced, replaced

MOST_SLICES = 127  # each is an operation to be compiled; and max_pool counts them in int8

Operands = tuple[tuple[jax.Array, ...], Window | str]  # arrays, and the window or why there is none


class _Lowering(NamedTuple):
    operands: Callable[..., Operands]  # from what Keras's own function takes
    compute: Callable[..., jax.Array]
    slices: Callable[[Iterable[int]], int]  # that `compute` takes for a window of a size
    summed: int | None = None  # an output is a sum over the kernel's axes before this one


def lowered(which: Collection[str] | None = None) -> AbstractContextManager[Traced]:
    """While a program is traced: the functions `which` (of LOWERINGS; None: all) of Keras's JAX backend are lowered.

    Equal to Keras's own to the accuracy of their dtype, gradients too; forward-mode derivatives of `conv`,
    `depthwise_conv` and `max_pool` do not exist. Convolution needs memory for as many times its input as its kernel
    has places. Not for two threads at once.
    """
    names = LOWERINGS if which is None else which
    return replaced(backend.nn, {name: _replacement(name, LOWERINGS[name]) for name in names})


def _replacement(name: str, lowering: _Lowering) -> Replacement:
    parameters = tuple(inspect.signature(lowering.operands).parameters)
    return Replacement(parameters, partial(_instead, name, lowering))


def _instead(name: str, lowering: _Lowering, stock: Function, traced: Traced) -> Function:
    """What stands in the place of one of Keras's functions."""
    signature = inspect.signature(stock)

    def instead(*args: Any, **kwargs: Any) -> jax.Array:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        operands, window = lowering.operands(**given.arguments)
        if isinstance(window, Window) and lowering.slices(window.size) > MOST_SLICES:
            window = "a large window"
        if isinstance(window, str):
            traced.left[f"{name}: {window}"] += 1
            return stock(*args, **kwargs)
        traced.replaced[name] += 1
        result = lowering.compute(*operands, window)
        if lowering.summed is not None:
            traced.flops += 2.0 * result.size * math.prod(operands[1].shape[: lowering.summed])
        return result

    return instead


def _of_convolution(
    inputs: Any, kernel: Any, strides: Any, padding: Any, data_format: Any, dilation_rate: Any
) -> Operands:
    kernel = backend.convert_to_tensor(kernel)
    x = backend.convert_to_tensor(inputs, dtype=kernel.dtype)
    window = _window(x, kernel.shape[:-2], strides, dilation_rate, padding, data_format)
    grouped = not isinstance(window, str) and x.shape[-1] != kernel.shape[-2]
    return (x, kernel), "channels in groups" if grouped else window


def _of_depthwise(
    inputs: Any, kernel: Any, strides: Any, padding: Any, data_format: Any, dilation_rate: Any
) -> Operands:
    x, kernel = backend.convert_to_tensor(inputs), backend.convert_to_tensor(kernel)
    window = _window(x, kernel.shape[:-2], strides, dilation_rate, padding, data_format)
    other = not isinstance(window, str) and (x.shape[-1] != kernel.shape[-2] or x.dtype != kernel.dtype)
    return (x, kernel), "a kernel for other channels or of another dtype" if other else window


def _of_pooling(inputs: Any, pool_size: Any, strides: Any, padding: Any, data_format: Any) -> Operands:
    x = backend.convert_to_tensor(inputs)
    return (x,), _window(x, pool_size, pool_size if strides is None else strides, 1, padding, data_format)


def _window(
    x: jax.Array, size: Any, strides: Any, dilation: Any, padding: Any, data_format: str | None
) -> Window | str:
    if backend.standardize_data_format(data_format) != "channels_last":
        return "channels first"
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return f"numbers of dtype {x.dtype}"
    return window_of(x.shape, size, strides, dilation, padding)


LOWERINGS = {
    "conv": _Lowering(_of_convolution, convolve, sum, summed=-1),
    "depthwise_conv": _Lowering(_of_depthwise, convolve_depthwise, math.prod, summed=-2),
    "max_pool": _Lowering(_of_pooling, pool_max, math.prod),
    "average_pool": _Lowering(_of_pooling, pool_average, sum),
}
