"""The encoder of the transformer (Vaswani et al., 2017, section 3) for sequences and texts."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import keras
from annotated_types import Ge, Lt
from keras import layers

from ._encoder import Blocks, encoder, with_learned_positions, with_sinusoids
from ._sequences import Sequences, embedded, masked_mean, sequences

VERSION = 1


def build(
    input_shape: tuple[int, ...],
    output_units: int,
    output_activation: str,
    input_dtype: str = "float32",
    width: Annotated[int, Ge(1)] = 64,
    depth: Annotated[int, Ge(1)] = 2,
    heads: Annotated[int, Ge(1)] = 4,
    hidden: Annotated[int, Ge(1)] = 128,
    activation: Literal["relu", "gelu"] = "relu",
    norm: Literal["pre", "post"] = "pre",
    positions: Literal["sinusoidal", "learned"] = "sinusoidal",
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.1,
    vocabulary_size: Annotated[int, Ge(1)] | None = None,
) -> keras.Model:
    """`depth` blocks of attention with `heads` heads and dense layers of `hidden` units; their mean is classified.

    Input: (samples, time, channels) float32, each step projected to `width` channels, or (samples, time) integers:
    tokens, embedded and scaled by the root of the width (section 3.4); 0 is padding and not read.
    Output: (samples, output_units) float32. `norm: post` normalises after each shortcut as in the paper, `pre` before
    (Xiong et al., 2020), which trains without warmup. Dropout: section 5.4, also between the two dense layers.
    `vocabulary_size` (tokens are below it) is filled in by the step that makes the tokens.
    Raises ModelError when samples are no sequences, or the width is no multiple of the heads.
    """
    read = sequences("transformer", input_shape, input_dtype, vocabulary_size)
    x = _projected(read, width)
    x = with_sinusoids(x) if positions == "sinusoidal" else with_learned_positions(x)
    x = layers.Dropout(dropout)(x) if dropout else x
    x = encoder(x, Blocks(depth, heads, hidden, activation, dropout, norm), read.mask)
    x = masked_mean(x, read.mask)
    # float32 whatever the precision of the rest, so that losses and probabilities are exact enough
    outputs = layers.Dense(output_units, activation=output_activation, dtype="float32", name="head")(x)
    return keras.Model(read.inputs, outputs, name="transformer")


def _projected(read: Sequences, width: int) -> keras.KerasTensor:
    if read.vocabulary_size is None:
        return layers.Dense(width, name="projection")(read.x)
    return layers.Rescaling(math.sqrt(width))(embedded(read, width))
