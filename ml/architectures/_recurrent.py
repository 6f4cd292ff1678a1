"""What `lstm` and `gru` share: recurrent layers, one on the other, whose last state is classified."""

from __future__ import annotations

import keras
from keras import layers

from blueno.errors import ModelError

from ._sequences import embedded, sequences


def recurrent(
    kind: type[keras.layers.Layer],
    input_shape: tuple[int, ...],
    output_units: int,
    output_activation: str,
    input_dtype: str,
    units: list[int],
    bidirectional: bool,
    embedding: int,
    dropout: float,
    vocabulary_size: int | None,
) -> keras.Model:
    """A layer of `kind` for each of `units`, dropout after each, then the head on the last step's output."""
    name = kind.__name__.lower()
    if not units:
        raise ModelError(f"{name}: units is empty", "give one number for each layer: units: [64]")
    read = sequences(name, input_shape, input_dtype, vocabulary_size)
    x = embedded(read, embedding)
    for number, count in enumerate(units, start=1):
        layer_name = f"{name}{number}"
        layer = kind(count, return_sequences=number < len(units), name=layer_name)
        layer = layers.Bidirectional(layer, name=f"{layer_name}_both_ways") if bidirectional else layer
        x = layer(x, mask=read.mask)
        if dropout:
            x = layers.Dropout(dropout)(x)
    # float32 whatever the precision of the rest, so that losses and probabilities are exact enough
    outputs = layers.Dense(output_units, activation=output_activation, dtype="float32", name="head")(x)
    return keras.Model(read.inputs, outputs, name=name)
