"""How strongly each lane augments: where Keras's random layers keep the numbers of a spec, told by building them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from blueno.usercode import CodeFolder

from ... import keras_names
from .numbers import Place
from .template import NotFusable

Strengths = dict[str, float]  # "augment.1._factor.0": the second layer's attribute `_factor`, its first number


def strengths_of(augment: Sequence[Mapping[str, Any]], code: CodeFolder | None) -> Strengths:
    """Every floating-point number that the layers of a trial's augmentation keep as attributes."""
    before = random.getstate()  # layers draw seeds
    try:
        layers = [keras_names.layer(dict(choice), code) for choice in augment]
    finally:
        random.setstate(before)
    return {
        ".".join(("augment", str(number), *path)): value
        for number, layer in enumerate(layers)
        for path, value in _numbers(layer).items()
    }


def varied(all_of_them: Sequence[Strengths]) -> list[str]:
    """Which are not the same in all trials. NotFusable when their layers do not keep the same numbers."""
    first = all_of_them[0]
    if any(each.keys() != first.keys() for each in all_of_them):
        raise NotFusable("its augmentation keeps other numbers than that of its pack")
    return [name for name in first if any(each[name] != first[name] for each in all_of_them)]


def places_of(names: Sequence[str], trainee: keras.Model) -> dict[str, list[Place]]:
    """The same attributes in a model that was built with its augmentation in front."""
    layers = [each for each in trainee.layers if not isinstance(each, keras.layers.InputLayer)]
    found = {}
    for name in names:
        _, number, attribute, *item = name.split(".")
        found[name] = [Place(layers[int(number)], attribute, int(item[0]) if item else None)]
    return found


def _numbers(layer: Any) -> dict[tuple[str, ...], float]:
    found: dict[tuple[str, ...], float] = {}
    for name, value in vars(layer).items():
        if isinstance(value, float):
            found[name,] = value
        elif isinstance(value, tuple):
            found |= {(name, str(item)): each for item, each in enumerate(value) if isinstance(each, float)}
    return found
