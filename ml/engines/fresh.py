"""A process in which no trial leaves anything behind for the next: no random state, no names, no memory."""

from __future__ import annotations

import gc
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np


@contextmanager
def fresh(seed: int, mixed_precision: bool) -> Iterator[None]:
    """Keras as in a new process, seeded, with the trial's precision; afterwards all that the trial made is let go."""
    new_session(seed, mixed_precision)
    before = set(_gradients())
    try:
        yield
    finally:
        keras.config.set_dtype_policy("float32")
        registered = _gradients()
        for name in registered.keys() - before:
            del registered[name]
        keras.backend.clear_session()
        gc.collect()


def new_session(seed: int, mixed_precision: bool) -> None:
    """Names count from one again, random states follow from the seed, and what is built has the trial's precision."""
    keras.backend.clear_session()
    if keras.backend.backend() == "tensorflow":
        keras.utils.set_random_seed(seed % 2**32)
    else:  # which would import TensorFlow to seed it: two seconds, for nothing
        random.seed(seed % 2**32)
        np.random.seed(seed % 2**32)
    keras.config.set_dtype_policy("mixed_float16" if mixed_precision else "float32")


def _gradients() -> dict[str, Any]:
    """TensorFlow's registry of gradients by name.

    Each traced training step enters a gradient of its own there, which nothing ever removes, and with it holds its
    graph: 2 MB a trial. The attribute is private; where it is missing memory grows, and workers are replaced in time.
    """
    ops = sys.modules.get("tensorflow.python.framework.ops")
    return getattr(getattr(ops, "gradient_registry", None), "_registry", {})
