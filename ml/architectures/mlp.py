"""A multi-layer perceptron: dense layers on flattened features."""

from __future__ import annotations

from typing import Annotated, Literal

import keras
from annotated_types import Ge, Lt
from keras import layers

VERSION = 1


def build(
    input_shape: tuple[int, ...],
    output_units: int,
    output_activation: str,
    hidden: list[Annotated[int, Ge(1)]] = [64],  # noqa: B006  (a spec's default; never changed here)
    activation: Literal["relu", "gelu", "elu", "selu", "silu", "tanh"] = "relu",
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
    batch_norm: bool = False,
) -> keras.Model:
    """Dense layers of `hidden` units, each followed by normalisation (if asked for), activation and dropout.

    Input: (samples, *input_shape) float32, flattened first. Output: (samples, output_units) float32.
    `hidden` may be empty: what is left is a linear model (logistic regression).
    Batch normalisation stands before the activation, as in Ioffe and Szegedy (2015), section 3.2.
    """
    inputs = keras.Input(input_shape)
    x = layers.Flatten()(inputs)
    for units in hidden:
        x = layers.Dense(units, use_bias=not batch_norm)(x)
        if batch_norm:
            x = layers.BatchNormalization()(x)
        x = layers.Activation(activation)(x)
        if dropout:
            x = layers.Dropout(dropout)(x)
    # float32 whatever the precision of the rest, so that losses and probabilities are exact enough
    outputs = layers.Dense(output_units, activation=output_activation, dtype="float32", name="head")(x)
    return keras.Model(inputs, outputs, name="mlp")
