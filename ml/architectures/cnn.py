"""A small convolutional network for images, in the manner of LeNet (LeCun et al., 1998) with today's layers."""

from __future__ import annotations

from typing import Annotated

import keras
from annotated_types import Ge, Lt
from keras import layers

from blueno.errors import ModelError

from ._images import no_images

VERSION = 1


def build(
    input_shape: tuple[int, ...],
    output_units: int,
    output_activation: str,
    filters: list[Annotated[int, Ge(1)]] = [16, 32],  # noqa: B006  (a spec's default; never changed here)
    kernel_size: Annotated[int, Ge(1)] = 3,
    pool_size: Annotated[int, Ge(1)] = 2,
    hidden: list[Annotated[int, Ge(1)]] = [],  # noqa: B006
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
) -> keras.Model:
    """Blocks of convolution (padding `same`), ReLU and max pooling, one for each of `filters`; then dense layers.

    Input: (samples, height, width, channels) float32. Output: (samples, output_units) float32.
    Dropout stands before each dense layer, the last one included.
    Raises ModelError when the input is no image, or when pooling would shrink it to nothing.
    """
    _check(input_shape, len(filters), pool_size)
    inputs = keras.Input(input_shape)
    x = inputs
    for count in filters:
        x = layers.Conv2D(count, kernel_size, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(pool_size)(x)
    x = layers.Flatten()(x)
    for units in hidden:
        x = _drop(x, dropout)
        x = layers.Dense(units, activation="relu")(x)
    x = _drop(x, dropout)
    # float32 whatever the precision of the rest, so that losses and probabilities are exact enough
    outputs = layers.Dense(output_units, activation=output_activation, dtype="float32", name="head")(x)
    return keras.Model(inputs, outputs, name="cnn")


def _drop(x: keras.KerasTensor, dropout: float) -> keras.KerasTensor:
    return layers.Dropout(dropout)(x) if dropout else x


def _check(input_shape: tuple[int, ...], blocks: int, pool_size: int) -> None:
    if len(input_shape) != 3:
        raise no_images("cnn", input_shape)
    smallest = min(input_shape[:2])
    if smallest < pool_size**blocks:
        possible = max(n for n in range(blocks) if pool_size**n <= smallest)
        raise ModelError(
            f"cnn: {blocks} poolings by {pool_size} shrink an image of {input_shape[0]}x{input_shape[1]} to nothing",
            f"give at most {possible} filters, or a smaller pool_size",
        )
