"""An epoch and a pass on samples that do not lie on the device: block by block, each read once for all lanes.

A block is some consecutive batches (or chunks of a pass) of all lanes; its samples are collected while the block before
is computed. Its programs are compiled once, however many batches a block has, and by `map` give the bits of those that
have all samples at hand; what has less than two whole batches is one block, for the latter programs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
import numpy as np
from jax import lax

from .clocking import clocked
from .joined import Joined, is_read_at_once
from .numbers import Place, Values, standing_in
from .program import Data, Epoch, State, Step, for_each, means, score_of
from .ways import Ways, by_ways

if TYPE_CHECKING:
    from .family import Programs


class Span(NamedTuple):
    """Where a block is among the batches of an epoch, or the chunks of a pass."""

    start: int
    stop: int
    whole: int  # those that are not partial
    ends: bool  # whether the last one is partial


NOTHING = Span(0, 0, 0, False)


class Batches(NamedTuple):
    """Numbers of samples, (lanes, n), cut into batches: as many as a block may have."""

    whole: Any  # (lanes, slots, size), zeros where there is none
    last: Any  # (lanes, rest), the partial one that ends an epoch, zeros before; None where no epoch has one


class Blocks(NamedTuple):
    """The programs of a family whose samples come in blocks."""

    size: int  # of a batch
    chunk: int
    metrics: Callable[[int], list[jax.Array]]  # running metrics of so many lanes before the first batch
    train: Any  # ((state, metrics, order, weights, rates, numbers), (data, whole, ends), count) -> the first two, means
    score: Any  # ((state, rows, numbers), (data, whole, ends), count) -> outputs and losses, those of the last chunk


def blocks_of(
    model: keras.Model, trainee: keras.Model, step: Step, places: Mapping[str, list[Place]], size: int, chunk: int,
    ways: Ways,
) -> Blocks:  # fmt: skip
    """The programs of a compiled model."""

    def metrics(width: int) -> list[jax.Array]:
        return [jnp.zeros((width, *each.shape), each.dtype) for each in trainee.metrics_variables]

    train, score = _train_program(trainee, step, ways), _score_program(model, trainee, places, ways)
    return Blocks(size, chunk, metrics, clocked("train", train, ways.how), clocked("score", score, ways.how))


def trained(
    programs: Programs, state: State, epoch: Epoch, data: Joined, count: int
) -> tuple[State, dict[str, jax.Array]]:
    """The state and the running means of the first `count` lanes after an epoch."""
    blocks = programs.blocks
    if _is_at_hand(epoch.order, blocks.size, data):
        rows, samples = _at_hand(epoch.order, data)
        ended: tuple[State, dict[str, jax.Array]] = programs.train((state, epoch._replace(order=rows)), samples, count)
        return ended
    carry: Any = state, blocks.metrics(len(epoch.order))
    found: Any = {}
    for span, order, samples in _read(epoch.order, blocks.size, data):
        weights, rates = _own(epoch, span, blocks.size, data)
        jax.block_until_ready(carry)  # else blocks would pile up on the device
        *carry, found = blocks.train(
            (*carry, order, weights, rates, epoch.numbers), (samples, span.whole, span.ends), count
        )
    return carry[0], found


def scored(
    programs: Programs, state: State, rows: np.ndarray, numbers: dict[str, Values], data: Joined, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Outputs (lanes, n, units) and losses (lanes, chunks) of a pass of the first `count` lanes over these rows."""
    blocks = programs.blocks
    if _is_at_hand(rows, blocks.chunk, data):
        rows, samples = _at_hand(rows, data)
        outputs, losses = programs.score((state, rows, numbers), samples, count)
        return np.asarray(outputs), np.asarray(losses)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    before: Any = None
    for span, order, samples in _read(rows, blocks.chunk, data):
        found += _of_block(before)
        before = span, blocks.score((state, order, numbers), (samples, span.whole, span.ends), count)
    found += _of_block(before)
    outputs, losses = (np.concatenate(each, axis=1) for each in zip(*found, strict=True))
    return outputs, losses


def _of_block(found: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """The outputs and losses of a block, once they are there, without those that have no meaning."""
    if found is None:
        return []
    span, (outputs, losses, last) = found
    outputs, losses = np.asarray(outputs)[:, : span.whole], np.asarray(losses)[:, : span.whole]
    pairs = [(outputs.reshape(len(outputs), -1, outputs.shape[-1]), losses)]
    return [*pairs, (np.asarray(last[0]), np.asarray(last[1])[:, None])] if span.ends else pairs


# ---- the same, before it is compiled


def lowered_training(programs: Programs, state: State, epoch: Epoch, data: Joined, count: int) -> Any:
    """The program that `trained` runs; only the shapes of what is given are looked at."""
    blocks = programs.blocks
    if _is_at_hand(epoch.order, blocks.size, data):
        return programs.train.lower((state, epoch), _shapes(data), count)
    order = _cut(epoch.order, NOTHING, blocks.size, data)
    weights, rates = _own(epoch, NOTHING, blocks.size, data)
    own = (state, blocks.metrics(len(epoch.order)), order, weights, rates, epoch.numbers)
    return blocks.train.lower(own, (_shapes(data), 0, False), count)


def lowered_pass(
    programs: Programs, state: State, rows: np.ndarray, numbers: dict[str, Values], data: Joined, count: int
) -> Any:
    """The program that `scored` runs; only the shapes of what is given are looked at."""
    blocks = programs.blocks
    if _is_at_hand(rows, blocks.chunk, data):
        return programs.score.lower((state, rows, numbers), _shapes(data), count)
    order = _cut(rows, NOTHING, blocks.chunk, data)
    return blocks.score.lower((state, order, numbers), (_shapes(data), 0, False), count)


def _shapes(data: Joined) -> Any:
    return data.arrays or jax.eval_shape(lambda: data.collected(np.zeros(0, np.int32)))


# ---- what a block has


def _is_at_hand(rows: Any, size: int, data: Joined) -> bool:
    return data.arrays is not None or is_read_at_once(rows.shape[1], size)


def _at_hand(rows: np.ndarray, data: Joined) -> tuple[np.ndarray, Data]:
    """Rows (lanes, n) and the samples that they are numbers of: all that there are, or one block."""
    if data.arrays is not None:
        return rows, data.arrays
    orders, of_lane = _readers(rows)
    unique, places = _numbered(orders)
    return places[of_lane], data.collected(unique)


def _readers(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows (n,) of lanes that read in other orders than those before, and which of these each lane reads."""
    readers: dict[bytes, int] = {}
    of_lane = np.array([readers.setdefault(each.tobytes(), len(readers)) for each in rows])
    return rows[np.unique(of_lane, return_index=True)[1]], of_lane


def _numbered(orders: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All rows that occur, ascending, and for each row which of these it is."""
    unique, places = np.unique(orders, return_inverse=True)
    return unique, places.reshape(orders.shape).astype(np.int32)


def _read(rows: np.ndarray, size: int, data: Joined) -> Iterator[tuple[Span, Batches, Data]]:
    """Block by block: where it is, the lanes' rows (lanes, n) in it, and the samples that these are numbers of.

    Lanes that read in the same order are looked at once.
    """
    orders, of_lane = _readers(rows)
    for span in _spans(rows.shape[1], size, max(1, data.block // (size * len(orders)))):
        unique, places = _numbered(orders[:, span.start * size : span.stop * size])
        order = _cut(places[of_lane], span, size, data, rows.shape[1])
        yield span, order, data.collected(unique)


def _spans(samples: int, size: int, most: int) -> list[Span]:
    """Batches of so many samples, at most `most` in each span.

    >>> _spans(70, 32, 2)
    [Span(start=0, stop=2, whole=2, ends=False), Span(start=2, stop=3, whole=0, ends=True)]
    """
    full, steps = samples // size, -(-samples // size)
    stops = [(start, min(start + most, steps)) for start in range(0, steps, most)]
    return [Span(start, stop, min(stop, full) - start, stop > full) for start, stop in stops]


def _slots(samples: int, size: int, data: Joined) -> int:
    """The whole batches that a block has at most: when all lanes read in the same order."""
    return min(samples // size, data.block // size)


def _cut(values: np.ndarray, span: Span, size: int, data: Joined, samples: int = 0) -> Batches:
    """A block's values of samples, (lanes, n), by batches; those of an epoch are `samples`, if there are more."""
    samples, lanes = samples or values.shape[1], len(values)
    whole = np.zeros((lanes, _slots(samples, size, data), size), values.dtype)
    whole[:, : span.whole] = values[:, : span.whole * size].reshape(lanes, span.whole, size)
    last = np.zeros((lanes, samples % size), values.dtype)
    if span.ends:
        last[:] = values[:, span.whole * size :]
    return Batches(whole, last if samples % size else None)


def _own(epoch: Epoch, span: Span, size: int, data: Joined) -> tuple[Batches | None, Batches]:
    """The weights (None without) and the rates of a block."""
    samples, part = epoch.order.shape[1], slice(span.start * size, span.stop * size)
    weights = None if epoch.weights is None else _cut(epoch.weights[:, part], span, size, data, samples)
    rates = np.zeros((len(epoch.rates), _slots(samples, size, data)), np.float32)
    rates[:, : span.whole] = epoch.rates[:, span.start : span.start + span.whole]
    return weights, Batches(rates, epoch.rates[:, -1] if samples % size else None)


# ---- programs


def _train_program(trainee: keras.Model, step: Step, ways: Ways) -> Any:
    def lane(own: Any, shared: Any) -> Any:
        (state, metrics, order, weights, rates, numbers), (data, count, ends) = own, shared
        batches = order, weights or Batches(None, None), rates
        whole, last = (tuple(getattr(each, name) for each in batches) for name in Batches._fields)

        def one(index: Any, carry: Any) -> Any:
            return step(data, numbers, carry, jax.tree.map(lambda each: each[index], whole))

        carry: Any = lax.fori_loop(0, count, one, (*map(list, state), metrics))
        if order.last is not None:
            carry = lax.cond(ends, lambda carry: step(data, numbers, carry, last), lambda carry: carry, carry)
        *changed, metrics = carry
        return State(*map(list, changed)), metrics, means(trainee, metrics)

    return for_each(lane, ways.how)


def _score_program(
    model: keras.Model, trainee: keras.Model, places: Mapping[str, list[Place]], ways: Ways
) -> Any:  # fmt: skip
    some = score_of(model, trainee)

    def lane(own: Any, shared: Any) -> Any:
        (state, rows, numbers), (data, count, ends) = own, shared
        with standing_in(places, numbers):  # the loss has the penalties
            chunks = rows.whole
            empty = _like(some, len(chunks), state, data, chunks)

            def one(index: Any, results: Any) -> Any:
                result = some(state, data, chunks[index])
                return jax.tree.map(lambda all, one: all.at[index].set(one), results, result)

            outputs, losses = lax.fori_loop(0, count, one, empty)
            if rows.last is None:
                return outputs, losses, None
            nothing = jax.tree.map(lambda each: each[0], _like(some, 1, state, data, rows.last[None]))
            return outputs, losses, lax.cond(ends, lambda: some(state, data, rows.last), lambda: nothing)

    return for_each(by_ways(lane, ways), ways.how)


def _like(some: Any, count: int, state: State, data: Data, chunks: Any) -> Any:
    """Zeros for what `count` chunks of rows give."""
    rows = jax.ShapeDtypeStruct(chunks.shape[1:], chunks.dtype)
    shapes = jax.eval_shape(some, state, data, rows)
    return jax.tree.map(lambda each: jnp.zeros((count, *each.shape), each.dtype), shapes)
