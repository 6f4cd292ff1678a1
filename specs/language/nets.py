"""An architecture of one's own, for the example specs beside it."""

from __future__ import annotations

from typing import Annotated

import keras
from annotated_types import Ge


def build(
    input_shape: tuple[int, ...], output_units: int, output_activation: str, width: Annotated[int, Ge(1)] = 8
) -> keras.Model:
    """One hidden layer of `width` units."""
    inputs = keras.Input(input_shape)
    hidden = keras.layers.Dense(width, activation="relu")(keras.layers.Flatten()(inputs))
    return keras.Model(inputs, keras.layers.Dense(output_units, activation=output_activation)(hidden))
