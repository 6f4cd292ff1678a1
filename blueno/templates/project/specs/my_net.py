"""An architecture of your own: specs/first.yaml names it `my_net.py:build`.

Blueno calls `build` once for each trial. It passes input_shape, output_units and output_activation itself; every other
parameter is a hyperparameter that a spec may set or vary, checked against its annotation before anything runs.
"""

from typing import Annotated

import keras
from annotated_types import Ge, Lt
from keras import layers


def build(
    input_shape: tuple[int, ...],  # of one sample: (8, 8, 1) for the digits
    output_units: int,  # classes; 1 if there are two; columns of a regression
    output_activation: str,  # "softmax", "sigmoid" or "linear", as the task asks
    width: Annotated[int, Ge(1)] = 64,
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
) -> keras.Model:
    """Dense layers around a shortcut, as in a residual block (He et al., 2016)."""
    inputs = keras.Input(input_shape)
    first = layers.Dense(width, activation="relu")(layers.Flatten()(inputs))
    x = layers.Dense(width, activation="relu")(first)
    x = layers.Dense(width)(x)
    x = layers.Activation("relu")(layers.Add()([x, first]))
    x = layers.Dropout(dropout)(x)
    return keras.Model(inputs, layers.Dense(output_units, activation=output_activation)(x))
