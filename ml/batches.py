"""The order of samples in an epoch: recipe version 1, the same for every engine (docs/recipe.md)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RECIPE_VERSION = 1  # of docs/recipe.md, which this package obeys


def order(seed: int, epoch: int, samples: int) -> NDArray[np.int64]:
    """A permutation of `samples`, shape (samples,), for an epoch counted from 1.

    The stable argsort of `samples` raw 64-bit draws of Philox (Salmon et al., 2011) with the key (seed, samples) and
    the counter (0, 0, 0, epoch). That stream is the same in every version of NumPy; its `permutation` need not be.
    """
    key = np.array([seed % 2**64, samples], dtype=np.uint64)
    generator = np.random.Philox(key=key, counter=np.array([0, 0, 0, epoch], dtype=np.uint64))
    return np.argsort(generator.random_raw(samples), kind="stable")


def steps(samples: int, batch_size: int, batches: int | None = None) -> int:
    """Batches in an epoch, the last partial one included, at most `batches`.

    >>> steps(100, 32), steps(100, 32, 2)
    (4, 2)
    """
    whole = -(-samples // batch_size)
    return whole if batches is None else min(whole, batches)
