"""One pass of a model over a part: its outputs and its loss, in chunks, through one compiled function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from .feeding import Part, as_float32

CHUNK_SAMPLES = 1024  # at most so many samples at once
CHUNK_VALUES = 2**22  # and so many numbers, if a batch is not larger

Score = Callable[[Part], tuple[np.ndarray, float]]  # outputs (n, units), mean loss


def scorer(model: keras.Model, trainee: keras.Model, batch_size: int) -> Score:
    """A function that scores parts with the model's present weights.

    The loss is that of the compiled `trainee` in Keras's definition, as in `evaluate`: the mean over samples, penalties
    of the layers added. Augmentation has no part in it: some of Keras's layers do not ask whether it is training.
    """
    step = _step(model, trainee)

    def score(part: Part) -> tuple[np.ndarray, float]:
        chunk = chunk_of(part, batch_size)
        outputs, losses = [], []
        for start in range(0, len(part.rows), chunk):
            rows = slice(start, start + chunk)
            output, loss = step(as_float32(part.features[part.rows[rows]]), part.target[rows])
            outputs.append(output)
            losses.append(float(loss) * len(output))
        return np.concatenate(outputs), sum(losses) / len(part.rows)

    return score


def chunk_of(part: Part, batch_size: int) -> int:
    """How many samples of a part go through the model at once."""
    values = max(1, int(np.prod(part.features.shape[1:])))
    return max(batch_size, min(CHUNK_SAMPLES, CHUNK_VALUES // values))


def _step(model: keras.Model, trainee: keras.Model) -> Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, Any]]:
    if keras.backend.backend() != "tensorflow":
        return lambda features, target: _on_any_backend(model, trainee, features, target)
    import tensorflow as tf

    @tf.function(reduce_retracing=True, autograph=False)
    def step(features: Any, target: Any) -> Any:
        outputs = model(features, training=False)
        return outputs, trainee.compute_loss(features, target, outputs, None, training=False)

    def score(features: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, Any]:
        outputs, loss = step(tf.constant(features), tf.constant(target))
        return outputs.numpy(), loss

    return score


def _on_any_backend(
    model: keras.Model, trainee: keras.Model, features: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, Any]:
    outputs = keras.ops.convert_to_numpy(model(features, training=False))
    return outputs, trainee.compute_loss(features, target, outputs, None, training=False)
