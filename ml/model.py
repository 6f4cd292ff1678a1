"""A recipe's Keras model: the function that builds it is found, given what it asks for, and its output is checked."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any, NamedTuple

import keras
import numpy as np

from blueno.errors import ModelError
from blueno.etl.dataset import Dataset
from blueno.usercode import CodeFolder, load

from .architectures import APPLICATIONS, ARCHITECTURES
from .gaps import gaps_error
from .value_range import WHOLE, check_range

ACTIVATIONS = {"binary": "sigmoid", "multiclass": "softmax", "multilabel": "sigmoid", "regression": "linear"}


class Built(NamedTuple):
    """A model with weights, and how many units its output has."""

    model: keras.Model
    units: int


def build_model(model: dict[str, Any], dataset: Dataset, code: CodeFolder | None) -> Built:
    """The model of a recipe, for the dataset's shape and task.

    Raises ModelError when it cannot be built on this shape, when its output does not fit the task, or when features
    are missing or of quite another range than it takes: a network that meets NaN learns nothing, and may hide it.
    """
    check_complete(dataset)
    name = model["architecture"]
    function = builder(name, code)
    given = {key: value for key, value in model.items() if key != "architecture"}
    shape = tuple(dataset.features.shape[1:])
    try:
        built = function(**{**given, **injected(function, dataset, given)})
    except (ValueError, TypeError) as error:
        raise _cannot_build(name, shape, error) from error
    if not isinstance(built, keras.Model):
        raise ModelError(f"{name} returned {type(built).__name__}, not a Keras model", "return a keras.Model from it")
    output_shape = _output_shape(built, name, shape)
    check_output(name, output_shape, dataset)
    if name in APPLICATIONS:
        check_range(dataset, name, "input_range", given.get("input_range", WHOLE))
    return Built(built, output_shape[1])


def check_complete(dataset: Dataset) -> None:
    """ModelError when values of features are missing, with the columns that have gaps and the step that fills them."""
    error = gaps_error(dataset, "a network")
    if error is not None:
        raise error


def builder(name: str, code: CodeFolder | None) -> Callable[..., Any]:
    """The function that builds an architecture: a built-in's, or the user's."""
    if ":" not in name:
        function: Any = import_module(f".architectures.{ARCHITECTURES[name]}", __package__).build
        return partial(function, keras_application=APPLICATIONS[name]) if name in APPLICATIONS else function
    found = load(name, code)
    if not callable(found):
        raise ModelError(f"{name} is not a function", "name the function that builds the model")
    return found


def injected(function: Callable[..., Any], dataset: Dataset, given: dict[str, Any]) -> dict[str, Any]:
    """What a builder is given beside the spec's parameters: the facts that its signature has a name for.

    A parameter that the spec sets wins over what a step publishes, unless it is null.
    """
    facts = {
        **dataset.published,
        "input_shape": tuple(dataset.features.shape[1:]),
        "input_dtype": str(input_dtype(dataset.features)),
        "output_units": output_units(dataset),
        "output_activation": ACTIVATIONS[dataset.task],
    }
    asked = inspect.signature(function).parameters
    return {name: value for name, value in facts.items() if name in asked and given.get(name) is None}


def input_dtype(features: np.ndarray) -> np.dtype:
    """What a network gets: float32 for numbers with a fraction and for bytes (the values of images); other whole
    numbers stay what they are, since they may be indices.
    """
    is_number = features.dtype.kind == "f" or features.dtype.itemsize == 1
    return np.dtype(np.float32) if is_number else features.dtype


def output_units(dataset: Dataset) -> int:
    """Units of the last layer: 1 for two classes, else one a class or label, or one a column of a regression."""
    if dataset.task == "regression":
        return 1 if dataset.target.ndim == 1 else int(dataset.target.shape[1])
    return 1 if dataset.task == "binary" else len(dataset.classes or ())


def check_output(name: str, shape: tuple[Any, ...], dataset: Dataset) -> None:
    """ModelError unless a model's output, (samples, units), fits the task; two units may stand for two classes."""
    units = output_units(dataset)
    fitting = {(units,), (2,)} if dataset.task == "binary" else {(units,)}
    if tuple(shape[1:]) not in fitting:
        wanted = f"(samples, {units}) with {ACTIVATIONS[dataset.task]}"
        message = f"{name} has the output shape {shape}, and this {dataset.task} task needs {wanted}"
        raise ModelError(message, "end it with Dense(output_units, activation=output_activation)")


def _output_shape(model: keras.Model, name: str, shape: tuple[int, ...]) -> tuple[Any, ...]:
    """The output's shape. A model without a fixed input gets its weights here, by one call on zeros."""
    try:
        output = model.output if model.built and hasattr(model, "output") else model(np.zeros((1, *shape), "float32"))
    except (ValueError, TypeError) as error:
        raise _cannot_build(name, shape, error) from error
    if not hasattr(output, "shape"):
        raise ModelError(f"{name} has several outputs, or none", "return a model with one output")
    return (None, *output.shape[1:])


def _cannot_build(name: str, shape: tuple[int, ...], error: Exception) -> ModelError:
    first_line = str(error).strip().partition("\n")[0]
    message = f"{name} cannot be built on the input shape {shape}: {first_line}"
    return ModelError(message, "change its parameters, or exclude this combination")
