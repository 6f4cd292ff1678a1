"""Whether the data has the range of values that a layer or a network takes it to have: 0..255, where it is 0..1.

Nothing fails where it has not: the network only sees pictures that are almost black, and learns little.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from blueno.errors import ModelError
from blueno.etl.dataset import Dataset

from .scored import rows

WHOLE = (0.0, 255.0)  # of pictures whose values are bytes: what the networks of keras.applications take by default
SAMPLES = 64  # of the training part, that are looked at
LEAST_HIGH = 16.0  # an upper end from which on values in -1..1 cannot be meant


def check_range(dataset: Dataset, name: str, parameter: str, expected: Any) -> None:
    """ModelError when all values of the training part lie within -1..1 (a sample of it is looked at), and those
    `expected`, [low, high], reach far beyond. Whole numbers may be masks, and are as they are.
    """
    if not _is_range(expected) or expected[1] < LEAST_HIGH or not np.issubdtype(dataset.features.dtype, np.floating):
        return
    training = rows(dataset, "train")
    values = dataset.features[np.sort(training[:: -(-len(training) // SAMPLES) or 1])]
    low, high = (float(np.min(values)), float(np.max(values))) if values.size else (0.0, 0.0)
    if -1 <= low < high <= 1:
        fitting = "[0, 1]" if low >= 0 else "[-1, 1]"
        raise ModelError(
            f"{name} takes values of {expected[0]:g} to {expected[1]:g}, and those of the data are {low:g} to {high:g}",
            f"write {parameter}: {fitting}, or leave out the step that scales the data",
        )


def _is_range(expected: Any) -> bool:
    return isinstance(expected, list | tuple) and len(expected) == 2
