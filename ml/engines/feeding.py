"""Training batches in the recipe's order, as `Model.fit` takes them.

Small training parts lie in memory whole and are gathered by TensorFlow; others are read from the memory-mapped file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np

from .. import batches
from ..model import input_dtype

RESIDENT_BYTES = 2 * 1024**3  # a training part up to this size is copied into memory


class Part(NamedTuple):
    """Samples of one part: rows of a dataset's features, their targets and weights."""

    features: np.ndarray  # of the whole dataset, possibly memory-mapped
    rows: np.ndarray  # (n,) int64
    target: np.ndarray  # (n,) or (n, units)
    weights: np.ndarray | None  # (n,) float32


class Feed(NamedTuple):
    """What `fit` gets as `x`."""

    data: Any
    steps: int  # batches an epoch
    endless: bool  # whether one iterator serves all epochs, so that `fit` must be told the steps
    begin: Callable[[int], None]  # to be called before each epoch, counted from 1


def as_float32(features: np.ndarray) -> np.ndarray:
    """Features as a network gets them: see `input_dtype`."""
    return features.astype(input_dtype(features), copy=False)


def feed(part: Part, seed: int, batch_size: int, epochs: range, limit: int | None) -> Feed:
    """The batches of a training part for these epochs, at most `limit` of them an epoch."""
    size = part.features[:1].nbytes * len(part.rows)
    resident = keras.backend.backend() == "tensorflow" and size <= RESIDENT_BYTES
    return _gathered(part, seed, batch_size, limit) if resident else _generated(part, seed, batch_size, epochs, limit)


def _gathered(part: Part, seed: int, batch_size: int, limit: int | None) -> Feed:
    import tensorflow as tf

    samples, steps = len(part.rows), batches.steps(len(part.rows), batch_size, limit)
    features = part.features[part.rows]
    are_bytes = features.dtype.itemsize == 1  # kept as such: as float32 they take four times the memory
    with tf.device("CPU:0"):
        columns = [features if are_bytes else as_float32(features), part.target, part.weights]
        tensors = tuple(tf.constant(column) for column in columns if column is not None)
        order = tf.Variable(np.zeros(samples, np.int64), trainable=False)

        def batch(start: Any) -> Any:
            chosen = order[start : start + batch_size]
            values, *others = (tf.gather(tensor, chosen) for tensor in tensors)
            return (tf.cast(values, tf.float32) if are_bytes else values, *others)

        # Without prefetching, which could read the order of an epoch before that epoch begins.
        data = tf.data.Dataset.range(0, min(samples, steps * batch_size), batch_size).map(batch)

    def begin(epoch: int) -> None:
        order.assign(batches.order(seed, epoch, samples))

    return Feed(data, steps, False, begin)


def _generated(part: Part, seed: int, batch_size: int, epochs: range, limit: int | None) -> Feed:
    samples, steps = len(part.rows), batches.steps(len(part.rows), batch_size, limit)

    def generate() -> Iterator[tuple[np.ndarray, ...]]:
        for epoch in epochs:
            order = batches.order(seed, epoch, samples)
            for start in range(0, steps * batch_size, batch_size):
                chosen = order[start : start + batch_size]
                columns = (as_float32(part.features[part.rows[chosen]]), part.target[chosen])
                yield columns if part.weights is None else (*columns, part.weights[chosen])

    return Feed(generate(), steps, True, lambda epoch: None)
