"""Convolution and pooling of any Keras model by code that XLA's CPU backend runs well inside a loop.

`lowered` puts it in the place of Keras's own functions while a program is traced; the model is not touched. What it
does not know (groups of channels, channels first) stays with Keras's own, and is told.
"""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from keras.src import backend

from .lowering_convolution import convolve, convolve_depthwise
from .lowering_pooling import pool_average, pool_max
from .lowering_windows import Window, window_of

Function = Callable[..., jax.Array]
Operands = tuple[tuple[jax.Array, ...], Window | str]  # arrays, and the window or why there is none


@dataclass
class Traced:
    """What was met while tracing: how often each function was lowered, and what was left to Keras, and why."""

    lowered: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)


class _Lowering(NamedTuple):
    parameters: tuple[str, ...]  # of Keras's own function, from 3.9 on
    operands: Callable[..., Operands]  # from the same
    compute: Callable[..., jax.Array]


@contextmanager
def lowered(which: Collection[str] | None = None) -> Iterator[Traced]:
    """While a program is traced: the functions `which` (of LOWERINGS; None: all) of Keras's JAX backend are lowered.

    Equal to Keras's own to the accuracy of their dtype, gradients too; forward-mode derivatives of `conv`,
    `depthwise_conv` and `max_pool` do not exist. Not for two threads at once.
    """
    module = backend.nn
    assert module.__name__ == "keras.src.backend.jax.nn", f"BUG: lowering is for Keras on JAX, not {module.__name__}"
    traced = Traced()
    before: dict[str, Function] = {name: getattr(module, name) for name in LOWERINGS if which is None or name in which}
    try:
        for name, stock in before.items():
            if tuple(inspect.signature(stock).parameters) == LOWERINGS[name].parameters:
                setattr(module, name, _instead(name, stock, traced))
            else:
                traced.left[f"{name}: takes other parameters in this version of Keras"] += 1
        yield traced
    finally:
        for name, stock in before.items():
            setattr(module, name, stock)


def _instead(name: str, stock: Function, traced: Traced) -> Function:
    """What stands in the place of one of Keras's functions."""
    signature = inspect.signature(stock)

    def instead(*args: Any, **kwargs: Any) -> jax.Array:
        given = signature.bind(*args, **kwargs)
        given.apply_defaults()
        operands, window = LOWERINGS[name].operands(**given.arguments)
        if isinstance(window, str):
            traced.left[f"{name}: {window}"] += 1
            return stock(*args, **kwargs)
        traced.lowered[name] += 1
        return LOWERINGS[name].compute(*operands, window)

    return instead


def _of_convolution(
    inputs: Any, kernel: Any, strides: Any, padding: Any, data_format: Any, dilation_rate: Any
) -> Operands:
    kernel = backend.convert_to_tensor(kernel)
    x = backend.convert_to_tensor(inputs, dtype=kernel.dtype)
    window = _window(x, kernel.shape[:-2], strides, dilation_rate, padding, data_format)
    return (x, kernel), window if x.shape[-1] == kernel.shape[-2] else "channels in groups"


def _of_depthwise(
    inputs: Any, kernel: Any, strides: Any, padding: Any, data_format: Any, dilation_rate: Any
) -> Operands:
    x, kernel = backend.convert_to_tensor(inputs), backend.convert_to_tensor(kernel)
    window = _window(x, kernel.shape[:-2], strides, dilation_rate, padding, data_format)
    alike = x.shape[-1] == kernel.shape[-2] and x.dtype == kernel.dtype
    return (x, kernel), window if alike else "a kernel of other channels or another dtype than its inputs"


def _of_pooling(inputs: Any, pool_size: Any, strides: Any, padding: Any, data_format: Any) -> Operands:
    x = backend.convert_to_tensor(inputs)
    return (x,), _window(x, pool_size, pool_size if strides is None else strides, 1, padding, data_format)


def _window(x: jax.Array, size: Any, strides: Any, dilation: Any, padding: Any, data_format: str | None) -> Window | str:
    if backend.standardize_data_format(data_format) != "channels_last":
        return "channels first"
    if not jnp.issubdtype(x.dtype, jnp.floating):
        return f"numbers of dtype {x.dtype}"
    return window_of(x.shape, size, strides, dilation, padding)


_LIKE_CONVOLUTION = ("inputs", "kernel", "strides", "padding", "data_format", "dilation_rate")
_LIKE_POOLING = ("inputs", "pool_size", "strides", "padding", "data_format")

LOWERINGS = {
    "conv": _Lowering(_LIKE_CONVOLUTION, _of_convolution, convolve),
    "depthwise_conv": _Lowering(_LIKE_CONVOLUTION, _of_depthwise, convolve_depthwise),
    "max_pool": _Lowering(_LIKE_POOLING, _of_pooling, pool_max),
    "average_pool": _Lowering(_LIKE_POOLING, _of_pooling, pool_average),
}
