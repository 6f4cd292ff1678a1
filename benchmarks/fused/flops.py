"""Floating-point operations of an epoch, counted by hand: what the networks' matrix products and AdamW need.

Not counted, because a better program might avoid them: activations, dropout, normalisation, softmax, pooling, copies.
XLA's cost analysis counts the body of a loop over time once, so that it is of no use for recurrent layers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from math import prod
from typing import Any, NamedTuple

ADAMW = 14  # operations for each weight and step: 3 and 4 of the moments, 5 of the update, 2 of the decay


class Products(NamedTuple):
    """Of one sample's way through a network."""

    macs: int  # multiplications with additions
    first_macs: int  # of the layers that read the input: nobody asks for its gradient
    weights: int


def epoch_flops(recipe: Mapping[str, Any], shape: Sequence[int], classes: int, train: int, validation: int) -> float:
    """An epoch of training on so many samples of that shape, and the validation after it."""
    products = products_of(recipe["model"], shape, classes)
    steps = -(-train // recipe["train"]["batch_size"])
    backward = 2 * products.macs - products.first_macs  # by the weights, and by what was read
    forward_and_back = train * (products.macs + backward) + validation * products.macs
    return float(2 * forward_and_back + steps * ADAMW * products.weights)


def products_of(model: Mapping[str, Any], shape: Sequence[int], classes: int) -> Products:
    """Of one of Blueno's architectures on samples of that shape."""
    return COUNTED[model["architecture"]](model, shape, classes)


def _mlp(model: Mapping[str, Any], shape: Sequence[int], classes: int) -> Products:
    sizes = [prod(shape), *model["hidden"], classes]
    pairs = list(pairwise(sizes))
    macs = [a * b for a, b in pairs]
    return Products(sum(macs), macs[0], sum(macs) + sum(sizes[1:]))


def _cnn(model: Mapping[str, Any], shape: Sequence[int], classes: int) -> Products:
    height, width, channels = shape
    macs, weights = [], 0
    for filters in model["filters"]:
        kernel = model["kernel_size"] ** 2 * channels * filters
        macs.append(height * width * kernel)
        weights += kernel + filters
        height, width, channels = height // model["pool_size"], width // model["pool_size"], filters
    dense = _mlp({"hidden": model["hidden"]}, (height, width, channels), classes)
    return Products(sum(macs) + dense.macs, macs[0], weights + dense.weights)


def _gru(model: Mapping[str, Any], shape: Sequence[int], classes: int) -> Products:
    time, channels = shape
    macs, first, weights = 0, time * channels * 3 * model["units"][0], 0
    for units in model["units"]:
        kernels = (channels + units) * 3 * units
        macs += time * kernels
        weights += kernels + 6 * units  # Keras's reset_after: a bias for each of the two products
        channels = units
    return Products(macs + channels * classes, first, weights + (channels + 1) * classes)


def _transformer(model: Mapping[str, Any], shape: Sequence[int], classes: int) -> Products:
    (time, channels), width, hidden = shape, model["width"], model["hidden"]
    kernels = 4 * width * width + 2 * width * hidden
    block = time * kernels + 2 * time * time * width  # the scores, and the sums that they weigh
    biases = 4 * width + hidden + width + 4 * width  # of the products, and two normalisations
    projection = time * channels * width
    weights = model["depth"] * (kernels + biases) + (channels + 1) * width + 2 * width + (width + 1) * classes
    return Products(projection + model["depth"] * block + width * classes, projection, weights)


COUNTED: dict[str, Callable[[Mapping[str, Any], Sequence[int], int], Products]] = {
    "mlp": _mlp, "cnn": _cnn, "gru": _gru, "transformer": _transformer,
}  # fmt: skip
