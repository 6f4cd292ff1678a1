"""Gated recurrent units (Cho et al., 2014) for sequences and texts."""

from __future__ import annotations

from typing import Annotated

import keras
from annotated_types import Ge, Lt
from keras import layers

from ._recurrent import recurrent

VERSION = 1


def build(
    input_shape: tuple[int, ...],
    output_units: int,
    output_activation: str,
    input_dtype: str = "float32",
    units: list[Annotated[int, Ge(1)]] = [64],  # noqa: B006  (a spec's default; never changed here)
    bidirectional: bool = False,
    embedding: Annotated[int, Ge(1)] = 64,
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
    vocabulary_size: Annotated[int, Ge(1)] | None = None,
) -> keras.Model:
    """A layer for each of `units`, each reading what the one before says at each step; the last step's is classified.

    Input: (samples, time, channels) float32, or (samples, time) integers: tokens, which get `embedding` channels; 0
    is padding and not read. Output: (samples, output_units) float32. `bidirectional` reads both ways
    (Schuster and Paliwal, 1997), with `units` each way. Dropout stands after each layer.
    `vocabulary_size` (tokens are below it) is filled in by the step that makes the tokens.
    Each step: Cho et al. (2014), equations 5 to 8, the reset gate after the product with the state, as Keras's GRU.
    Raises ModelError when samples are no sequences, or `units` is empty.
    """
    return recurrent(
        layers.GRU, input_shape, output_units, output_activation, input_dtype,
        units, bidirectional, embedding, dropout, vocabulary_size,
    )  # fmt: skip
