"""The axes of samples in another order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from blueno.errors import DataError

VERSION = 1
FITTED = False
COLUMNS = "all"


class Transpose(NamedTuple):
    """Which axis of a sample comes where."""

    axes: list[int]

    def transform(self, x: np.ndarray) -> np.ndarray:
        """(n, *shape) to (n, *shape in the new order). DataError when samples have other axes."""
        shape = list(np.shape(x)[1:])
        if sorted(self.axes) != list(range(len(shape))):
            fix = f"name each of {', '.join(map(str, range(len(shape))))} once"
            raise DataError(f"transpose: axes {self.axes} do not fit samples of shape {shape}", fix)
        return np.asarray(x).transpose(0, *(axis + 1 for axis in self.axes))


def build(axes: list[int]) -> Transpose:
    """The axes of a sample, counted from 0, in a new order: [1, 2, 0] puts channels that come first last."""
    return Transpose(axes)
