"""One model built for a whole family, and how the initial weights of every lane are drawn as if it had its own.

While the template is built, each variable's initialiser is noted. Keras seeds its initialisers and its dropout from
Python's random numbers, in the order of building; for a lane with another seed the same numbers are drawn again and
handed to the same initialisers, for all lanes in one compiled call.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np

LARGEST_SEED = int(1e9)  # Keras draws from 1 to this (keras.random.SeedGenerator)


class Drawn(NamedTuple):
    """Where a variable's first value comes from."""

    initializer: Any  # of Keras's, which takes a seed; None: the seed itself, of a layer that draws
    slot: int  # which of the seeds drawn while building
    shape: tuple[int, ...]
    dtype: str


class Template(NamedTuple):
    """A model, and of each of its variables a `Drawn`, or the value that it has in every lane."""

    model: keras.Model
    trainable: list[Any]
    rest: list[Any]
    slots: int  # seeds drawn while building


class NotFusable(Exception):
    """Why trials cannot share one program; they are trained one at a time."""


def make_template(build: Callable[[], keras.Model], seed: int) -> Template:
    """Builds the model as a trial of that seed would. NotFusable when its weights cannot be drawn for other seeds."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    before = np.random.get_state()[1].tobytes()  # type: ignore[index]
    with _noting() as initializers:
        model = build()
    slots = _slots(seed, random.getstate())
    if slots is None or np.random.get_state()[1].tobytes() != before:  # type: ignore[index]
        raise NotFusable("its builder draws random numbers of its own")
    numbers = seeds(seed, slots)

    def source(variable: Any) -> Any:
        return _source(variable, initializers.get(id(variable)), numbers)

    trainable = [source(variable) for variable in model.trainable_variables]
    return Template(model, trainable, [source(variable) for variable in model.non_trainable_variables], slots)


def seeds(seed: int, count: int) -> list[int]:
    """The numbers that Keras draws as seeds, in order, once Python's random state was set to `seed`."""
    generator = random.Random(seed)
    return [generator.randint(1, LARGEST_SEED) for _ in range(count)]


def draw(template: Template, lane_seeds: Sequence[int]) -> tuple[list[jax.Array], list[jax.Array]]:
    """First values of the trainable and the other variables for each lane: (lanes, *shape) each."""
    keys = np.array([seeds(seed, template.slots) for seed in lane_seeds], dtype=np.uint32).reshape(len(lane_seeds), -1)

    def lane(numbers: jax.Array) -> tuple[list[jax.Array], list[jax.Array]]:
        return (
            [_value(each, numbers) for each in template.trainable],
            [_value(each, numbers) for each in template.rest],
        )

    return jax.jit(jax.vmap(lane))(keys)


def _value(source: Any, numbers: jax.Array) -> jax.Array:
    if not isinstance(source, Drawn):
        return source
    key = jnp.stack([numbers[source.slot], jnp.uint32(0)])  # as keras.random.SeedGenerator begins
    if source.initializer is None:
        return key
    initializer = copy.copy(source.initializer)
    initializer.seed = key
    return initializer(source.shape, dtype=source.dtype)


def _source(variable: Any, initializer: Any, numbers: list[int]) -> Any:
    shape, dtype = tuple(variable.shape), str(variable.dtype)
    if variable.name == "seed_generator_state":
        state = np.asarray(variable.value)
        return Drawn(None, numbers.index(int(state[0])), shape, dtype) if int(state[0]) in numbers else variable.value
    seed = getattr(initializer, "seed", None)
    if seed is None or isinstance(seed, keras.random.SeedGenerator):
        if isinstance(initializer, keras.initializers.Initializer) and seed is None:
            return variable.value  # zeros, ones, constants
        raise NotFusable(f"how {variable.path} begins is not known (an initialiser of its own)")
    return Drawn(initializer, numbers.index(seed), shape, dtype) if seed in numbers else variable.value


def _slots(seed: int, after: tuple[Any, ...]) -> int | None:
    """How many seeds were drawn, if nothing else was."""
    generator, count = random.Random(seed), 0
    while generator.getstate() != after:
        if count > 100_000:
            return None
        generator.randint(1, LARGEST_SEED)
        count += 1
    return count


@contextmanager
def _noting() -> Iterator[dict[int, Any]]:
    """The initialiser of each variable that is made meanwhile, by the variable's id."""
    kind = keras.Variable
    original = kind._initialize_with_initializer
    found: dict[int, Any] = {}

    def noting(variable: Any, initializer: Any) -> None:
        found[id(variable)] = initializer
        original(variable, initializer)

    kind._initialize_with_initializer = noting
    try:
        yield found
    finally:
        kind._initialize_with_initializer = original
