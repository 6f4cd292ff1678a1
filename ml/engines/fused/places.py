"""Where a model keeps the numbers that a spec may vary without changing its program: rates of layers, penalties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import keras

from .numbers import Place
from .template import NotFusable

Path = tuple[str, ...]  # attributes, from a layer inwards
Found = dict[str, list[tuple[int, Path]]]  # parameter -> number of the layer and path of the attribute
NAMES = {"name", "seed", "registered_name", "build_config"}  # of no effect on what is computed


def find(model: keras.Model, given: Mapping[str, Any], other: keras.Model, others: Mapping[str, Any]) -> Found:
    """Which attributes hold the parameters, told by two models built with different values of them.

    NotFusable when the models differ in anything else, or in a value that is not a parameter's own.
    """
    layers, counterparts = _layers(model), _layers(other)
    if [type(each) for each in layers] != [type(each) for each in counterparts]:
        raise NotFusable("its parameters change the layers")
    found: Found = {name: [] for name in given}
    for number, (one, two) in enumerate(zip(layers, counterparts, strict=True)):
        for path, before, after in _differences(_config(one), _config(two)):
            name = next((n for n in given if before == given[n] and after == others[n]), None)
            if name is None or not isinstance(before, float):
                raise NotFusable(f"its parameters change {'.'.join(path)} of the layer {one.name}")
            found[name].append((number, tuple(step for step in path if step != "config")))
    return found


def resolve(found: Found, model: keras.Model) -> dict[str, list[Place]]:
    """The attributes of a model that was built alike."""
    layers = _layers(model)
    return {name: [_place(layers[number], path) for number, path in each] for name, each in found.items()}


def _place(layer: Any, path: Path) -> Place:
    target = layer
    for step in path[:-1]:
        target = getattr(target, step)
    if not isinstance(getattr(target, path[-1], None), float):
        raise NotFusable(f"{layer.name} does not keep {path[-1]} as a number")
    return Place(target, path[-1])


def _layers(model: keras.Model) -> list[Any]:
    """Every layer inside, those that only hold others left out: their configurations repeat what is inside."""
    return [layer for layer in model._flatten_layers(include_self=False) if not isinstance(layer, keras.Model)]


def _config(layer: Any) -> Any:
    return layer.get_config()


def _differences(one: Any, two: Any, path: Path = ()) -> Iterator[tuple[Path, Any, Any]]:
    """The leaves in which two configurations differ."""
    if isinstance(one, dict) and isinstance(two, dict) and one.keys() == two.keys():
        for key in one:
            if key not in NAMES:
                yield from _differences(one[key], two[key], (*path, key))
    elif isinstance(one, list | tuple) and isinstance(two, list | tuple) and len(one) == len(two):
        for index, (first, second) in enumerate(zip(one, two, strict=True)):
            yield from _differences(first, second, (*path, str(index)))
    elif one != two:
        yield path, one, two
