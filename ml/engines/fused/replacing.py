"""Functions of Keras's JAX backend replaced while a program is traced, and put back whatever happens."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import ModuleType
from typing import NamedTuple

import jax

Function = Callable[..., jax.Array]


@dataclass
class Traced:
    """What was met while tracing: how often each function was replaced, and what was left to Keras, and why."""

    replaced: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    flops: float = 0.0  # of what was replaced, as far as it counts them, for one call of each


class Replacement(NamedTuple):
    """What takes the place of a function of Keras's."""

    parameters: tuple[str, ...]  # of Keras's own, from version 3.9 on
    make: Callable[[Function, Traced], Function]  # from Keras's own


@contextmanager
def replaced(module: ModuleType, replacements: Mapping[str, Replacement]) -> Iterator[Traced]:
    """Meanwhile each function of `module` is its replacement; one that takes other parameters than expected is left.

    Not for two threads at once. AssertionError when the module is not of Keras's JAX backend.
    """
    assert module.__name__.startswith("keras.src.backend.jax."), f"BUG: {module.__name__} is not Keras on JAX"
    traced = Traced()
    before: dict[str, Function] = {name: getattr(module, name) for name in replacements}
    try:
        for name, stock in before.items():
            if tuple(inspect.signature(stock).parameters) == replacements[name].parameters:
                setattr(module, name, replacements[name].make(stock, traced))
            else:
                traced.left[f"{name}: takes other parameters in this version of Keras"] += 1
        yield traced
    finally:
        for name, stock in before.items():
            setattr(module, name, stock)
