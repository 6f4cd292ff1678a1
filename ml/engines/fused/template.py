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

from ..fresh import new_session
from .program import State, for_each
from .states import parted

LARGEST_SEED = int(1e9)  # Keras draws from 1 to this (keras.random.SeedGenerator)
QUICKLY = {
    "xla_backend_optimization_level": 1
}  # compiled in a third of the time, to the same bits; it runs once a lane

Draw = Any  # ((lanes, slots) uint32 seeds, None, how many lanes are to be drawn) -> State, compiled by JAX
First = Callable[[list[Any]], list[Any]]  # a lane's weights that train -> its new optimizer's variables


class Drawn(NamedTuple):
    """Where a variable's first value comes from."""

    initializer: Any  # of Keras's, which takes a seed; None: the seed itself, of a layer that draws
    slot: int  # which of the seeds drawn while building
    shape: tuple[int, ...]
    dtype: str


class Template(NamedTuple):
    """A model, and of each of its variables a `Drawn`, or the value that it has in every lane."""

    model: keras.Model
    sources: list[Any]  # in the order of `model.variables`
    slots: int  # seeds drawn while building


class NotFusable(Exception):
    """Why trials cannot share one program; they are trained one at a time."""


def make_template(build: Callable[[], keras.Model], seed: int, mixed_precision: bool = False) -> Template:
    """Builds the model as a trial of that seed would. NotFusable when its weights cannot be drawn for other seeds."""
    new_session(seed, mixed_precision)
    before = np.random.get_state()[1].tobytes()  # type: ignore[index]
    with _noting() as noted:
        model = build()
    slots = _slots(seed, random.getstate())
    if slots is None or np.random.get_state()[1].tobytes() != before:  # type: ignore[index]
        raise NotFusable("its builder draws random numbers of its own")
    numbers = seeds(seed, slots)
    sources = [_source(variable, noted.get(id(variable)), numbers) for variable in model.variables]
    unknown = [i for i, each in enumerate(sources) if each is None]
    if unknown:
        new_session(seed + 1, mixed_precision)
        others = build().variables
        for i in unknown:
            sources[i] = _same_in_both(model.variables[i], others[i])
    return Template(model, sources, slots)


def seeds(seed: int, count: int) -> list[int]:
    """The numbers that Keras draws as seeds, in order, once Python's random state was set to `seed`."""
    generator = random.Random(seed % 2**32)
    return [generator.randint(1, LARGEST_SEED) for _ in range(count)]


def draw_program(template: Template, trainee: keras.Model, first: First) -> Draw:
    """A function (seeds, None, count) -> the state that the first `count` lanes begin with. Compiled once a width.

    `trainee` is the template's model or one that was built alike, of which something else may train.
    """
    trains, stays = parted(trainee, template.sources)

    def lane(numbers: jax.Array, shared: None) -> State:
        trainable = [_value(each, numbers) for each in trains]
        return State(trainable, [_value(each, numbers) for each in stays], first(trainable))

    return for_each(lane, "map", QUICKLY)


def lane_seeds(template: Template, given: Sequence[int], width: int) -> np.ndarray:
    """What `Draw` takes, of lanes with these seeds: (width, slots) uint32, zeros behind them."""
    numbers = np.zeros((width, template.slots), np.uint32)
    for place, seed in enumerate(given):
        numbers[place] = seeds(seed, template.slots)
    return numbers


def shake(trainee: keras.Model) -> None:
    """Gives the weights values by which each is known, wherever an optimizer that is then built begins as a copy."""
    random_numbers = np.random.default_rng(0)
    for each in trainee.weights:
        if keras.backend.is_float_dtype(each.dtype):
            each.assign(random_numbers.random(each.shape, np.float32))


def first_of(trainee: keras.Model) -> First:
    """A function weights that train -> what its optimizer's variables begin as: constants, or copies of the weights
    (ScheduleFreeAdamW). NotFusable when the optimizer, which was built on shaken weights, begins in another way.
    """
    slots = [_slot(variable, trainee.trainable_variables) for variable in trainee.optimizer.variables]
    return lambda weights: [jnp.copy(weights[each]) if isinstance(each, int) else jnp.asarray(each) for each in slots]


def _slot(variable: Any, weights: Sequence[Any]) -> Any:
    """The value of an optimizer's variable in every lane, or the number of the weight that it begins as."""
    value = np.asarray(variable.value)
    alike = [i for i, each in enumerate(weights) if np.array_equal(np.asarray(each.value), value)]
    if alike:
        return alike[0]
    if value.size and (value != value.flat[0]).any():
        raise NotFusable(f"how {variable.path} of its optimizer begins is not known")
    return value


def _value(source: Any, numbers: jax.Array) -> jax.Array:
    if not isinstance(source, Drawn):
        return jnp.asarray(source)
    key = jnp.stack([numbers[source.slot], jnp.uint32(0)])  # as keras.random.SeedGenerator begins
    if source.initializer is None:
        return key
    initializer = copy.copy(source.initializer)
    initializer.seed = key
    return initializer(source.shape, dtype=source.dtype)


def _source(variable: Any, noted: tuple[Any, Any] | None, numbers: list[int]) -> Any:
    """A `Drawn`, or the value in every lane; None where that is not known: an initialiser of its own, or weights that
    were given after it.
    """
    shape, dtype, value = tuple(variable.shape), str(variable.dtype), np.asarray(variable.value)
    initializer, first = noted or (None, None)
    if variable.name == "seed_generator_state":
        known = value[1] == 0 and int(value[0]) in numbers
        return Drawn(None, numbers.index(int(value[0])), shape, dtype) if known else value
    if first is not variable.value or not isinstance(initializer, keras.initializers.Initializer):
        return None
    seed = getattr(initializer, "seed", None)
    if isinstance(seed, keras.random.SeedGenerator):
        return None
    return Drawn(initializer, numbers.index(seed), shape, dtype) if seed in numbers else value


def _same_in_both(variable: Any, other: Any) -> np.ndarray:
    """The value that a variable has whatever the seed."""
    value = np.asarray(variable.value)
    if not np.array_equal(value, np.asarray(other.value)):
        raise NotFusable(f"how {variable.path} begins is not known (an initialiser of its own)")
    return value


def _slots(seed: int, after: tuple[Any, ...]) -> int | None:
    """How many seeds were drawn, if nothing else was."""
    generator, count = random.Random(seed % 2**32), 0
    while generator.getstate() != after:
        if count > 100_000:
            return None
        generator.randint(1, LARGEST_SEED)
        count += 1
    return count


@contextmanager
def _noting() -> Iterator[dict[int, tuple[Any, Any]]]:
    """The initialiser of each variable that is made meanwhile and what it gave, by the variable's id."""
    kind = keras.Variable
    original = kind._initialize_with_initializer
    found: dict[int, tuple[Any, Any]] = {}

    def noting(variable: Any, initializer: Any) -> None:
        original(variable, initializer)
        found[id(variable)] = (initializer, variable._value)

    kind._initialize_with_initializer = noting
    try:
        yield found
    finally:
        kind._initialize_with_initializer = original
