"""Which layers of a Keras model train: `head`, names and globs of names, everything, nothing."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase

import keras

from blueno.errors import ModelError

MOST_NAMES = 8  # listed in an error; a large model has hundreds
MOST_NEAR = 3  # that may have been meant


def set_trainable(model: keras.Model, words: bool | str | list[str]) -> None:
    """Layers that a word names train, all others do not. The model must have its weights.

    A word is a layer's name or a glob of names (`block6*`), also of layers inside nested models, and of a nested
    model as a whole. `head` means the layers called `head` or `head_*` and, where there is none, the last layer with
    weights. `all` or True is everything, False or an empty list nothing. A frozen batch normalisation also keeps its
    moving averages, as Keras has it. A compiled model must be compiled anew.
    Raises ModelError for a word that names no layer with weights.
    """
    words = [words] if isinstance(words, str) else words
    if isinstance(words, bool) or "all" in words:
        _switch(model, bool(words))
        return
    chosen = {id(layer) for word in words for layer in _named(model, word)}
    _switch(model, True)  # a frozen model would hide the layers in it that train
    _freeze_others(model, chosen)


def _switch(model: keras.Model, value: bool) -> None:
    """Sets the model and all that it holds: on TensorFlow, setting what is already so would not reach its layers."""
    model.trainable = not value
    model.trainable = value


def _freeze_others(outer: keras.Layer, chosen: set[int]) -> None:
    """Freezes what is not chosen, also variables that belong to a nested model itself."""
    inner = _directly_inside(outer)
    held = {id(variable) for layer in inner for variable in layer.variables}
    for variable in outer.trainable_variables:
        if id(variable) not in held:
            variable.trainable = False
    for layer in inner:
        if id(layer) in chosen:
            continue
        if _directly_inside(layer):
            _freeze_others(layer, chosen)
        else:
            layer.trainable = False


def _named(model: keras.Model, word: str) -> list[keras.Layer]:
    layers = [layer for layer in _inside(model) if layer.weights]
    if word == "head":
        heads = [layer for layer in layers if layer.name == "head" or layer.name.startswith("head_")]
        return heads or [layer for layer in layers if not _directly_inside(layer)][-1:]
    found = [layer for layer in layers if fnmatchcase(layer.name, word)]
    if not found:
        raise _matches_nothing(word, list(dict.fromkeys(layer.name for layer in layers)))
    return found


def _inside(outer: keras.Layer) -> Iterator[keras.Layer]:
    """All layers, a nested model before its own."""
    for layer in _directly_inside(outer):
        yield layer
        yield from _inside(layer)


def _directly_inside(outer: keras.Layer) -> list[keras.Layer]:
    """The layers of a model, or the one that is applied to each step of time; any other layer is one whole."""
    if isinstance(outer, keras.layers.TimeDistributed):
        return [outer.layer]
    return list(outer.layers) if isinstance(outer, keras.Model) else []


def _matches_nothing(word: str, names: list[str]) -> ModelError:
    near = (
        get_close_matches(word, names, n=MOST_NEAR) or [name for name in names if name.startswith(word.rstrip("*"))][:1]
    )
    listed = f"{len(names)} layers with weights, of which {', '.join(names[:MOST_NAMES])}, ..."
    if len(names) <= MOST_NAMES:
        listed = f"layers with weights are {', '.join(names)}"
    others = f" (or {', '.join(near[1:])})" if near[1:] else ""
    hint = f"write {near[0]}{others}; {listed}" if near else f"write head, all, or names of layers: {listed}"
    return ModelError(f"trainable: no layer with weights is called {word!r}", hint)
