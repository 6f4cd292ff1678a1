"""The compiled programs of a family: an epoch of training for all lanes, and a pass over a part.

A lane's step is Keras's own `train_step`, so that losses, metrics, optimizers and penalties are those of `fit`. Lanes
are trained one after the other inside one program (`map`), as many of the first ones as are asked for, or side by side
in every operation (`vmap`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
from jax import lax

from .numbers import Place, Values, standing_in
from .replacing import Traced
from .ways import How, Ways, by_ways


class State(NamedTuple):
    """All that training changes; each array (lanes, ...)."""

    trainable: list[jax.Array]
    rest: list[jax.Array]  # statistics of normalisation, random states
    optimizer: list[jax.Array]


class Epoch(NamedTuple):
    """What the lanes train on in one epoch; each array (lanes, ...)."""

    order: Any  # (lanes, samples) int32: rows of the features, in the order of training
    weights: Any  # (lanes, samples) float32 in the same order; None without
    rates: Any  # (lanes, steps) float32: the learning rate of each step
    numbers: dict[str, Values]  # what else differs from lane to lane


class Data(NamedTuple):
    """What all lanes share: every sample that any of them needs."""

    features: Any  # (n, *shape)
    target: Any  # (n, ...), as the loss takes it


Step = Callable[[Data, dict[str, Values], Any, Any], Any]
Train = Any  # ((state, epoch), data, count) -> (state, running means), compiled by JAX when it is called
Score = Any  # ((state, rows, numbers), data, count) -> (outputs, losses), as well


def step_program(
    trainee: keras.Model, places: Mapping[str, list[Place]], ways: Ways, met: list[Traced] | None = None
) -> Step:
    """A function (data, numbers, carry, batch) -> carry: Keras's own step for one batch of one lane.

    The carry is a State's three lists and that of the running metrics; the batch is rows, weights (or None), rate.
    """
    rate = rate_of(trainee.optimizer)

    def step(data: Data, numbers: dict[str, Values], carry: Any, batch: Any) -> Any:
        (trainable, rest, optimizer, metrics), (rows, weights, step_rate) = carry, batch
        optimizer = [step_rate.astype(v.dtype) if i == rate else v for i, v in enumerate(optimizer)]
        samples = (data.features[rows], data.target[rows]) + (() if weights is None else (weights,))
        with standing_in(places, numbers):
            return trainee.train_step((trainable, rest, optimizer, metrics), samples)[1]

    return jax.jit(by_ways(step, ways, met))  # of its own, so that it is traced once for each shape of a batch


def train_program(trainee: keras.Model, step: Step, batch_size: int, ways: Ways) -> Train:
    """A function ((state, epoch), data, count) -> (state, running means) for the first `count` lanes of a model.

    What it gives for the others has no meaning. Compiled once for each shape and number of lanes.
    """

    def lane(own: tuple[State, Epoch], data: Data) -> tuple[State, dict[str, jax.Array]]:
        state, epoch = own
        carry: Any = (*map(list, state), first_metrics(trainee))
        whole, last = _batches(epoch, batch_size)
        if len(whole[0]):
            carry, _ = lax.scan(lambda carry, batch: (step(data, epoch.numbers, carry, batch), None), carry, whole)
        if last is not None:
            carry = step(data, epoch.numbers, carry, last)
        *changed, metrics = carry
        return State(*map(list, changed)), means(trainee, metrics)

    return for_each(lane, ways.how)


def first_metrics(trainee: keras.Model) -> list[jax.Array]:
    """Keras's running averages before the first batch."""
    return [jnp.zeros(each.shape, each.dtype) for each in trainee.metrics_variables]


def rate_of(optimizer: Any) -> int:
    """Which of an optimizer's variables is the learning rate."""
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # of one that scales the loss
    return next(i for i, each in enumerate(optimizer.variables) if each is inner._learning_rate)


def score_program(
    model: keras.Model, trainee: keras.Model, places: Mapping[str, list[Place]], chunk: int, ways: Ways
) -> Score:
    """A function ((state, rows (lanes, n), numbers), data, count) -> outputs (lanes, n, units), losses (lanes, chunks)
    as in `evaluate`, of the first `count` lanes; `rows` are those of a part, in each lane its own. Samples are passed
    through the model `chunk` at a time. `model` is `trainee` less augmentation.
    """
    some = score_of(model, trainee)

    def lane(own: tuple[State, jax.Array, dict[str, Values]], data: Data) -> tuple[jax.Array, jax.Array]:
        state, rows, numbers = own
        with standing_in(places, numbers):  # the loss has the penalties
            return over_chunks(state, rows, data)

    def over_chunks(state: State, rows: jax.Array, data: Data) -> tuple[jax.Array, jax.Array]:
        full = len(rows) // chunk
        parts = [lax.map(partial(some, state, data), rows[: full * chunk].reshape(full, chunk))] if full else []
        outputs, losses = [each.reshape(-1, *each.shape[2:]) for each, _ in parts], [each for _, each in parts]
        if len(rows) > full * chunk:
            output, loss = some(state, data, rows[full * chunk :])
            outputs, losses = [*outputs, output], [*losses, loss[None]]
        return jnp.concatenate(outputs), jnp.concatenate(losses)

    return for_each(by_ways(lane, ways), ways.how)


def score_of(model: keras.Model, trainee: keras.Model) -> Callable[[State, Data, Any], tuple[jax.Array, jax.Array]]:
    """A function (state, data, rows) -> outputs and loss of some samples for one lane."""
    variables = [*trainee.trainable_variables, *trainee.non_trainable_variables]

    def some(state: State, data: Data, rows: jax.Array) -> tuple[jax.Array, jax.Array]:
        with keras.StatelessScope(
            list(zip(variables, [*state.trainable, *state.rest], strict=True)), collect_losses=True
        ):
            features, target = data.features[rows], data.target[rows]
            outputs = model(features, training=False)
            return outputs, trainee.compute_loss(features, target, outputs, None, training=False)

    return some


def for_each(function: Callable[..., Any], how: How, options: dict[str, Any] | None = None) -> Callable[..., Any]:
    """`function` (a lane's own, shared) as a program for the first `count` lanes; by `map` others cost nothing.
    `options` are XLA's for compiling it.
    """
    function = jax.jit(function)  # traced once, though it is met twice below

    def side_by_side(lanes: Any, shared: Any, count: int) -> Any:
        return jax.vmap(function, in_axes=(0, None))(lanes, shared)

    def one_by_one(lanes: Any, shared: Any, count: int) -> Any:
        width = jax.tree.leaves(lanes)[0].shape[0]
        first = jax.eval_shape(function, jax.tree.map(lambda each: each[0], lanes), shared)
        empty = jax.tree.map(lambda each: jnp.zeros((width, *each.shape), each.dtype), first)

        def body(index: Any, results: Any) -> Any:
            result = function(jax.tree.map(lambda each: each[index], lanes), shared)
            return jax.tree.map(lambda all, one: all.at[index].set(one), results, result)

        return lax.fori_loop(0, count, body, empty)

    return jax.jit(one_by_one if how == "map" else side_by_side, compiler_options=options)


def _batches(epoch: Epoch, size: int) -> tuple[Any, Any]:
    """A lane's whole batches, each column (batches, size); and the last, partial one (None without)."""
    full = len(epoch.order) // size
    columns = [epoch.order] if epoch.weights is None else [epoch.order, epoch.weights]
    whole = [each[: full * size].reshape(full, size) for each in columns]
    rest = [each[full * size :] for each in columns]
    if epoch.weights is None:
        whole, rest = [*whole, None], [*rest, None]
    last = (*rest, epoch.rates[full]) if len(epoch.order) > full * size else None
    return (*whole, epoch.rates[:full]), last


def means(trainee: keras.Model, metrics: Any) -> dict[str, jax.Array]:
    """Keras's running averages after the last step."""
    with keras.StatelessScope(list(zip(trainee.metrics_variables, metrics, strict=True))):
        return dict(trainee.get_metrics_result())
