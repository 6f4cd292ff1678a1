"""A residual network (He et al., 2015, section 4.2: that for CIFAR-10) for sequences, images and volumes."""

from __future__ import annotations

from typing import Annotated, Literal

import keras
from annotated_types import Ge, Lt
from keras import layers

from blueno.errors import ModelError

from ._images import image_fix

VERSION = 1
CONVOLUTIONS = {2: layers.Conv1D, 3: layers.Conv2D, 4: layers.Conv3D}  # by the rank of a sample
POOLINGS = {2: layers.GlobalAveragePooling1D, 3: layers.GlobalAveragePooling2D, 4: layers.GlobalAveragePooling3D}


def build(
    input_shape: tuple[int, ...],
    output_units: int,
    output_activation: str,
    filters: list[Annotated[int, Ge(1)]] = [16, 32, 64],  # noqa: B006  (a spec's default; never changed here)
    blocks: Annotated[int, Ge(1)] = 3,
    kernel_size: Annotated[int, Ge(1)] = 3,
    activation: Literal["post", "pre"] = "post",
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
) -> keras.Model:
    """A convolution, then a stage for each of `filters`: `blocks` residual blocks of two convolutions each.

    Input: (samples, length, channels), (samples, height, width, channels) or (samples, depth, height, width,
    channels) float32. Output: (samples, output_units) float32. Each stage but the first halves the size. With the
    defaults it is the paper's ResNet-20 (6 * blocks + 2 layers), but for shortcuts between stages, which are 1x1
    convolutions (option B). `activation: pre` puts normalisation and ReLU before each convolution (He et al., 2016,
    figure 4e). Dropout stands before the head. Weights: He et al. (2015b), as in the paper.
    Raises ModelError when a sample has another rank, or `filters` is empty.
    """
    _check(input_shape, filters)
    is_pre = activation == "pre"
    convolution = CONVOLUTIONS[len(input_shape)]
    inputs = keras.Input(input_shape)
    x = _convolved(convolution, inputs, filters[0], kernel_size, 1, "stem")
    x = x if is_pre else _rectified(x, "stem")
    for stage, count in enumerate(filters, start=1):
        for block in range(1, blocks + 1):
            stride = 2 if stage > 1 and block == 1 else 1
            name = f"stage{stage}_block{block}"
            x = (_pre_block if is_pre else _block)(convolution, x, count, kernel_size, stride, name)
    x = _rectified(x, "end") if is_pre else x
    x = POOLINGS[len(input_shape)]()(x)
    x = layers.Dropout(dropout)(x) if dropout else x
    # float32 whatever the precision of the rest, so that losses and probabilities are exact enough
    outputs = layers.Dense(output_units, activation=output_activation, dtype="float32", name="head")(x)
    return keras.Model(inputs, outputs, name="resnet")


def _block(
    convolution: type[layers.Layer], x: keras.KerasTensor, filters: int, kernel_size: int, stride: int, name: str
) -> keras.KerasTensor:
    """He et al. (2015), equations 1 and 2."""
    y = _rectified(_convolved(convolution, x, filters, kernel_size, stride, f"{name}_conv1"), f"{name}_1")
    y = _convolved(convolution, y, filters, kernel_size, 1, f"{name}_conv2")
    y = layers.BatchNormalization(name=f"{name}_2_norm")(y)
    if stride > 1 or x.shape[-1] != filters:
        x = _convolved(convolution, x, filters, 1, stride, f"{name}_shortcut")
        x = layers.BatchNormalization(name=f"{name}_shortcut_norm")(x)
    return layers.ReLU()(layers.Add()([x, y]))


def _pre_block(
    convolution: type[layers.Layer], x: keras.KerasTensor, filters: int, kernel_size: int, stride: int, name: str
) -> keras.KerasTensor:
    """He et al. (2016), figure 4e; a shortcut that changes the shape starts behind the first ReLU, as in their code."""
    first = _rectified(x, f"{name}_1")
    y = _convolved(convolution, first, filters, kernel_size, stride, f"{name}_conv1")
    y = _convolved(convolution, _rectified(y, f"{name}_2"), filters, kernel_size, 1, f"{name}_conv2")
    if stride > 1 or x.shape[-1] != filters:
        x = _convolved(convolution, first, filters, 1, stride, f"{name}_shortcut")
    return layers.Add()([x, y])


def _convolved(
    convolution: type[layers.Layer], x: keras.KerasTensor, filters: int, kernel_size: int, stride: int, name: str
) -> keras.KerasTensor:
    """Without a bias, which the normalisation behind it would undo."""
    layer = convolution(
        filters, kernel_size, stride, padding="same", use_bias=False, kernel_initializer="he_normal", name=name
    )
    return layer(x)


def _rectified(x: keras.KerasTensor, name: str) -> keras.KerasTensor:
    return layers.ReLU(name=f"{name}_relu")(layers.BatchNormalization(name=f"{name}_norm")(x))


def _check(input_shape: tuple[int, ...], filters: list[int]) -> None:
    if len(input_shape) not in CONVOLUTIONS:
        raise ModelError(
            f"resnet needs sequences (length, channels), images (height, width, channels) or volumes (depth, height, "
            f"width, channels), and the data has the shape {input_shape}",
            image_fix(input_shape),
        )
    if not filters:
        raise ModelError("resnet: filters is empty", "give one number for each stage: filters: [16, 32, 64]")
