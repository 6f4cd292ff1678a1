"""Every model of keras.applications: published networks for images, with published weights where there are some."""

from __future__ import annotations

import warnings
from typing import Annotated, Literal

import keras
import numpy as np
from annotated_types import Ge, Lt
from keras import layers, ops

from blueno.errors import ModelError

from ..trainable import set_trainable
from ._images import no_images

VERSION = 1
SMALLEST = {"Xception": 71, "InceptionV3": 75, "InceptionResNetV2": 75}  # pixels; 32 of all others
POOLINGS = {"avg": layers.GlobalAveragePooling2D, "max": layers.GlobalMaxPooling2D}
MEAN = np.array([0.485, 0.456, 0.406])  # of ImageNet's red, green and blue in 0..1
DEVIATION = np.array([0.229, 0.224, 0.225])
MEAN_BGR = [103.939, 116.779, 123.68]  # in 0..255, as Caffe had it
SCALED_INSIDE = ("EfficientNet", "MobileNetV3", "ConvNeXt")
CAFFE = ("VGG16", "VGG19", "ResNet50", "ResNet101", "ResNet152")


def build(
    input_shape: tuple[int, ...],
    output_units: int,
    output_activation: str,
    keras_application: str,
    weights: Literal["none", "imagenet"] | Annotated[str, "file"] = "none",
    trainable: bool | str | list[str] = True,
    pooling: Literal["avg", "max"] = "avg",
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0,
    input_range: tuple[float, float] = (0.0, 255.0),
) -> keras.Model:
    """The network without its classifier, then pooling over the image, dropout and the head.

    Input: (samples, height, width, channels), one or three channels, values in `input_range`: it is scaled inside the
    model as the network's own `preprocess_input` scales 0..255. Gray is repeated as red, green and blue. Output:
    (samples, output_units) float32. `weights`: `none` starts from nothing, `imagenet` from those that Keras fetches,
    a file (.h5 as Keras publishes it without the top, .weights.h5, or .keras of the same network) from what it holds;
    the head always starts from nothing. `trainable`: as in `blueno.ml.trainable`; names of layers are Keras's.
    Source: https://keras.io/api/applications has the paper of each.
    Raises ModelError when the input is no image or too small, or the weights cannot be had or do not fit.
    """
    _check(keras_application, input_shape, input_range)
    inputs = keras.Input(input_shape)
    network = _network(keras_application, _prepared(inputs, keras_application, input_range))
    if weights == "imagenet":
        _fetch(network, keras_application)
    elif weights != "none":
        _read(network, keras_application, weights)
    x = POOLINGS[pooling](name="pooling")(network.output)
    x = layers.Dropout(dropout)(x) if dropout else x
    # float32 whatever the precision of the rest, so that losses and probabilities are exact enough
    outputs = layers.Dense(output_units, activation=output_activation, dtype="float32", name="head")(x)
    model = keras.Model(inputs, outputs, name=keras_application.lower())
    if trainable is not True:
        set_trainable(model, trainable)
    return model


def scaled(x: keras.KerasTensor, application: str) -> keras.KerasTensor:
    """Images (samples, height, width, 3) of 0..255 as `preprocess_input` of the application's module has them."""
    if application.startswith(SCALED_INSIDE):
        return x
    if application in CAFFE:
        return layers.Normalization(mean=MEAN_BGR, variance=[1.0, 1.0, 1.0])(ops.flip(x, axis=-1))
    if application.startswith("DenseNet"):
        mean, variance = 255 * MEAN, (255 * DEVIATION) ** 2
        return layers.Normalization(mean=mean.tolist(), variance=variance.tolist())(x)
    return layers.Rescaling(1 / 127.5, offset=-1.0)(x)


def _prepared(x: keras.KerasTensor, application: str, input_range: tuple[float, float]) -> keras.KerasTensor:
    low, high = input_range
    if (low, high) != (0, 255):
        factor = 255 / (high - low)
        x = layers.Rescaling(factor, offset=-low * factor)(x)
    x = layers.Concatenate()([x, x, x]) if x.shape[-1] == 1 else x
    return scaled(x, application)


def _network(application: str, x: keras.KerasTensor, weights: str | None = None) -> keras.Model:
    """The network on x, flat: all its layers are layers of the model."""
    make = getattr(keras.applications, application)
    network: keras.Model = make(include_top=False, weights=weights, input_tensor=x, input_shape=tuple(x.shape[1:]))
    return network


def _fetch(network: keras.Model, application: str) -> None:
    """Sets the weights that Keras publishes, which it keeps in ~/.keras/models."""
    images = keras.Input((224, 224, 3))
    try:
        fetched = _network(application, images, "imagenet")
    except Exception as error:  # Keras raises no narrower one
        first_line = str(error).partition("\n")[0]
        raise ModelError(
            f"the ImageNet weights of {application} cannot be fetched: {first_line}",
            "fetch the file without the top on a machine with a network, and write weights: {file: path/to/it.h5}",
        ) from error
    network.set_weights(fetched.get_weights())
    _complete(network, application)


def _read(network: keras.Model, application: str, path: str) -> None:
    """Sets the weights of a file, all of them: where Keras would only warn that some are missing, it is an error."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            network.load_weights(path)
    except (ValueError, TypeError, KeyError, OSError, UserWarning) as error:
        first_line = str(error).strip().partition("\n")[0]
        raise ModelError(
            f"{path} holds no weights for {application}: {first_line}",
            "give the file without the top (notop, no_top) for this very network, or its .keras file",
        ) from error
    if path.endswith(".h5") and not path.endswith(".weights.h5"):
        _complete(network, application)


def _complete(network: keras.Model, application: str) -> None:
    """Completes published weights of the first EfficientNets, which divide by the deviation's root once more.

    Keras does that in a layer that only networks with fetched weights have; here the variance says it, so that the
    network is the same wherever its weights come from.
    """
    if application.startswith("EfficientNetB"):
        layer = next(each for each in network.layers if isinstance(each, layers.Normalization))
        mean, variance, *count = layer.get_weights()
        layer.set_weights([mean, variance * DEVIATION, *count])
        layer.finalize_state()


def _check(application: str, shape: tuple[int, ...], input_range: tuple[float, float]) -> None:
    if len(shape) != 3 or shape[-1] not in (1, 3):
        raise no_images(application, shape, " with one channel or three")
    least = SMALLEST.get(application, 32)
    if min(shape[:2]) < least:
        raise ModelError(
            f"{application} needs images of at least {least}x{least}, and the data has {shape[0]}x{shape[1]}",
            f"add the step {{resize: {{size: [{least}, {least}]}}}}, or exclude this combination",
        )
    if input_range[0] >= input_range[1]:
        raise ModelError(f"{application}: input_range must rise", "write the least and the largest value: [0, 255]")
