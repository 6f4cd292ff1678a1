"""What `transformer` and `vit` share: the blocks of an encoder, and positions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import keras
import numpy as np
from keras import layers, ops

from blueno.errors import ModelError

from ._sequences import positions

LONGEST_WAVE = 10_000  # in steps, over 2 pi: Vaswani et al., section 3.5


class Blocks(NamedTuple):
    """How the blocks are made."""

    depth: int
    heads: int
    hidden: int  # units of the dense layer inside each block
    activation: str
    dropout: float
    norm: str  # "pre" or "post"


def encoder(x: keras.KerasTensor, blocks: Blocks, mask: keras.KerasTensor | None = None) -> keras.KerasTensor:
    """(samples, time, width) to the same: attention, then two dense layers, each with a shortcut, `depth` times.

    Vaswani et al. (2017), sections 3.1 to 3.3. `post` normalises each sum, as there; `pre` what goes into each
    sublayer and the end (Xiong et al., 2020, figure 1b), which needs no warmup of the learning rate.
    """
    width = x.shape[-1]
    if width % blocks.heads:
        fix = f"give width a multiple of {blocks.heads}, or exclude this combination"
        raise ModelError(f"a width of {width} cannot be shared by {blocks.heads} heads", fix)
    attention_mask = None if mask is None else ops.expand_dims(mask, 1)
    for number in range(1, blocks.depth + 1):
        name = f"block{number}"
        attention = layers.MultiHeadAttention(blocks.heads, width // blocks.heads, name=f"{name}_attention")
        x = _with_shortcut(x, partial(_attended, attention, attention_mask), blocks, f"{name}_attention")
        x = _with_shortcut(x, partial(_dense, blocks, name), blocks, f"{name}_dense")
    return layers.LayerNormalization(epsilon=1e-6, name="norm")(x) if blocks.norm == "pre" else x


def _attended(
    attention: layers.Layer, attention_mask: keras.KerasTensor | None, x: keras.KerasTensor
) -> keras.KerasTensor:
    """Section 3.2: each step looks at all others of its sample."""
    return attention(x, x, attention_mask=attention_mask)


def _dense(blocks: Blocks, name: str, x: keras.KerasTensor) -> keras.KerasTensor:
    """Section 3.3, equation 2."""
    hidden = layers.Dense(blocks.hidden, activation=blocks.activation, name=f"{name}_dense1")(x)
    return layers.Dense(x.shape[-1], name=f"{name}_dense2")(_drop(hidden, blocks.dropout))


def _with_shortcut(
    x: keras.KerasTensor, sublayer: Callable[[keras.KerasTensor], keras.KerasTensor], blocks: Blocks, name: str
) -> keras.KerasTensor:
    normalise = layers.LayerNormalization(epsilon=1e-6, name=f"{name}_norm")
    is_pre = blocks.norm == "pre"
    y = _drop(sublayer(normalise(x) if is_pre else x), blocks.dropout)
    total = layers.Add()([x, y])
    return total if is_pre else normalise(total)


def _drop(x: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    return layers.Dropout(dropout)(x) if dropout else x


def with_learned_positions(x: keras.KerasTensor) -> keras.KerasTensor:
    """x (samples, time, width) plus a learned vector for each position."""
    _, time, width = x.shape
    learned = layers.Embedding(
        time, width, embeddings_initializer=keras.initializers.RandomNormal(stddev=0.02), name="positions"
    )
    return layers.Add()([x, learned(positions(x))])


def with_sinusoids(x: keras.KerasTensor) -> keras.KerasTensor:
    """x (samples, time, width) plus sines and cosines of the position: section 3.5, all sines before all cosines."""
    width = x.shape[-1]
    rates = LONGEST_WAVE ** (-np.arange(0, width, 2) / width)
    angles = ops.cast(ops.expand_dims(positions(x), -1), "float32") * rates.astype(np.float32)
    waves = ops.concatenate([ops.sin(angles), ops.cos(angles)], axis=-1)[:, :, :width]
    return layers.Add()([x, waves])
