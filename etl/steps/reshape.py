"""Gives each sample another shape, its values in the same (row-major) order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from blueno.errors import DataError

VERSION = 1
FITTED = False
COLUMNS = "all"


class Reshape(NamedTuple):
    """Samples of `shape`; one length may be -1, which is whatever is left."""

    shape: tuple[int, ...]

    def transform(self, x: np.ndarray) -> np.ndarray:
        """(n, ...) to (n, *shape). DataError when the number of values is another."""
        values = np.asarray(x)
        try:
            return values.reshape(len(values), *self.shape)
        except ValueError:
            raise DataError(
                f"samples of shape {list(values.shape[1:])} cannot become {list(self.shape)}",
                f"choose a shape of {int(np.prod(values.shape[1:]))} values",
            ) from None


def build(shape: list[int]) -> Reshape:
    """Samples of `shape`, such as [8, 8, 1]; one length may be -1. A table becomes an array."""
    return Reshape(tuple(shape))
