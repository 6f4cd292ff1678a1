"""The vision transformer (Dosovitskiy et al., 2021, section 3.1), its defaults for small images."""

from __future__ import annotations

from typing import Annotated, Literal

import keras
from annotated_types import Ge, Lt
from keras import layers

from blueno.errors import ModelError

from ._encoder import Blocks, encoder, with_learned_positions
from ._images import no_images

VERSION = 1


def build(
    input_shape: tuple[int, ...],
    output_units: int,
    output_activation: str,
    patch_size: Annotated[int, Ge(1)] = 4,
    width: Annotated[int, Ge(1)] = 64,
    depth: Annotated[int, Ge(1)] = 4,
    heads: Annotated[int, Ge(1)] = 4,
    hidden: Annotated[int, Ge(1)] = 128,
    pooling: Literal["class", "mean"] = "class",
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
) -> keras.Model:
    """Patches of `patch_size` x `patch_size`, projected to `width`, go through `depth` blocks of a transformer.

    Input: (samples, height, width, channels) float32. Output: (samples, output_units) float32.
    Equations 1 to 4. The class token is a patch of zeros, so that its vector is what its position learns: in equation
    1 the two occur only as a sum. `pooling: mean` has no such token and classifies the mean of the patches (appendix
    D.3). Blocks: GELU, normalised before each sublayer.
    Raises ModelError when the input is no image, or cannot be cut into whole patches.
    """
    _check(input_shape, patch_size)
    inputs = keras.Input(input_shape)
    x = _patches(inputs, patch_size)
    x = layers.ZeroPadding1D((1, 0), name="class_token")(x) if pooling == "class" else x
    x = with_learned_positions(layers.Dense(width, name="projection")(x))
    x = layers.Dropout(dropout)(x) if dropout else x
    x = encoder(x, Blocks(depth, heads, hidden, "gelu", dropout, "pre"))
    x = x[:, 0] if pooling == "class" else layers.GlobalAveragePooling1D()(x)
    # float32 whatever the precision of the rest, so that losses and probabilities are exact enough
    outputs = layers.Dense(output_units, activation=output_activation, dtype="float32", name="head")(x)
    return keras.Model(inputs, outputs, name="vit")


def _patches(images: keras.KerasTensor, size: int) -> keras.KerasTensor:
    """(samples, patches, size * size * channels), patches and their pixels row by row."""
    _, height, width, channels = images.shape
    rows, columns = height // size, width // size
    x = layers.Reshape((rows, size, columns, size * channels))(images)
    x = layers.Permute((1, 3, 2, 4))(x)
    return layers.Reshape((rows * columns, size * size * channels))(x)


def _check(input_shape: tuple[int, ...], patch_size: int) -> None:
    if len(input_shape) != 3:
        raise no_images("vit", input_shape)
    height, width, _ = input_shape
    if height % patch_size or width % patch_size:
        whole = [str(size) for size in range(1, min(height, width) + 1) if not (height % size or width % size)]
        raise ModelError(
            f"vit: an image of {height}x{width} is not made of whole patches of {patch_size}x{patch_size}",
            f"give a patch_size of {', '.join(whole)}, or add the step resize",
        )
