"""Layers that change themselves in Python while they compute: compiled, they would do so once and never again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import keras

from .template import NotFusable

PLAIN = (bool, int, float, str, bytes, type(None))
KERAS_MODULES = ("keras.", "keras_hub.")  # whose layers do nothing of the kind


@contextmanager
def watched(model: keras.Model) -> Iterator[None]:
    """NotFusable at the end when an attribute of a layer of the user's has become another meanwhile."""
    before = _attributes(model)
    yield
    for key, value in _attributes(model).items():
        if isinstance(value, jax.core.Tracer) or (key in before and before[key] != value) or key not in before:
            layer, name = key
            raise NotFusable(f"its layer {layer} changes {name} while it computes")


def _attributes(model: keras.Model) -> dict[tuple[str, str], Any]:
    own = [each for each in model._flatten_layers() if not type(each).__module__.startswith(KERAS_MODULES)]
    return {
        (layer.name, name): value
        for layer in own
        for name, value in vars(layer).items()
        if not name.startswith("_") and isinstance(value, (*PLAIN, jax.core.Tracer))
    }
