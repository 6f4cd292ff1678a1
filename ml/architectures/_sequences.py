"""Sequences as models read them: values (time, channels) as they are; tokens (time,) embedded, padding masked."""

from __future__ import annotations

from typing import NamedTuple

import keras
from keras import layers, ops

from blueno.errors import ModelError

PADDING = 0  # the token that fills up a text


class Sequences(NamedTuple):
    """A model's input, and what its first layer reads."""

    inputs: keras.KerasTensor
    x: keras.KerasTensor  # (samples, time, channels), or (samples, time) of tokens
    mask: keras.KerasTensor | None  # (samples, time) bool, False at padding; None where all steps count
    vocabulary_size: int | None  # None where they are values


def sequences(name: str, input_shape: tuple[int, ...], dtype: str, vocabulary_size: int | None) -> Sequences:
    """The input of an architecture called `name`. ModelError when samples are no sequences."""
    if len(input_shape) == 2:
        inputs = keras.Input(input_shape)
        return Sequences(inputs, inputs, None, None)
    if len(input_shape) != 1 or "int" not in dtype:
        raise ModelError(
            f"{name} needs sequences (time, channels) or whole numbers (time,) that are tokens, and the data has the "
            f"shape {input_shape} of {dtype}",
            "add the step {reshape: {shape: [time, channels]}}, or tokenize for texts, or exclude this combination",
        )
    if vocabulary_size is None:
        raise ModelError(f"{name}: nothing says how many tokens there are", "add the step tokenize, or vocabulary_size")
    inputs = keras.Input(input_shape, dtype="int32")
    tokens = _padding_last(inputs)
    # The first token always counts: a text without any would leave nothing to read, which cuDNN refuses.
    mask = ops.logical_or(ops.not_equal(tokens, PADDING), ops.equal(positions(tokens), 0))
    return Sequences(inputs, tokens, mask, vocabulary_size)


def _padding_last(tokens: keras.KerasTensor) -> keras.KerasTensor:
    """The tokens in order, padding behind them: cuDNN takes it nowhere else, and positions count from the first."""
    is_padding = ops.cast(ops.equal(tokens, PADDING), "int32")
    order = ops.argsort(positions(tokens) + tokens.shape[1] * is_padding, axis=1)
    return ops.take_along_axis(tokens, order, axis=1)


def embedded(read: Sequences, width: int) -> keras.KerasTensor:
    """(samples, time, width) of tokens; values as they are."""
    if read.vocabulary_size is None:
        return read.x
    return layers.Embedding(read.vocabulary_size, width, name="embedding")(read.x)


def positions(x: keras.KerasTensor) -> keras.KerasTensor:
    """0, 1, 2, ... along the second axis of x: (samples, time) int32."""
    steps = x if len(x.shape) == 2 else x[:, :, 0]
    return ops.cumsum(ops.ones_like(steps, dtype="int32"), axis=1) - 1


def masked_mean(x: keras.KerasTensor, mask: keras.KerasTensor | None) -> keras.KerasTensor:
    """The mean over time of (samples, time, channels), padding left out."""
    if mask is None:
        return layers.GlobalAveragePooling1D()(x)
    counts = ops.cast(ops.expand_dims(mask, -1), x.dtype)
    return ops.sum(x * counts, axis=1) / ops.sum(counts, axis=1)
