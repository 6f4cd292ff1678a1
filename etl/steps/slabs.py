"""Slabs of a volume: each sample becomes several, cut along an axis."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import numpy as np
from annotated_types import Ge

from blueno.errors import DataError

from ..change import PartSamples

VERSION = 1
FITTED = False
COLUMNS = "all"
CHANGES_SAMPLES = True


class Slabs(NamedTuple):
    """How thick a slab is, how far the next begins, and along which axis of a sample."""

    thickness: int
    stride: int
    axis: int

    def transform(self, samples: PartSamples) -> PartSamples:
        """(n, *shape) to (n x slabs, *shape with the axis of length thickness). DataError when it is shorter."""
        shape = list(np.shape(samples.x)[1:])
        if not isinstance(samples.x, np.ndarray) or self.axis >= len(shape):
            raise DataError(f"slabs: samples of shape {shape} have no axis {self.axis}", "choose another axis")
        if shape[self.axis] < self.thickness:
            raise DataError(
                f"slabs of {self.thickness} cannot be cut from samples of shape {shape} along axis {self.axis}",
                f"say a thickness of at most {shape[self.axis]}",
            )
        windows = np.lib.stride_tricks.sliding_window_view(samples.x, self.thickness, axis=self.axis + 1)
        every = np.moveaxis(windows, -1, self.axis + 2)  # (n, ..., starts, thickness, ...)
        chosen = np.moveaxis(every, self.axis + 1, 1)[:, :: self.stride]  # (n, slabs, ...)
        rows = np.repeat(np.arange(len(chosen)), chosen.shape[1])
        return samples.take(rows, chosen.reshape(-1, *chosen.shape[2:]))


def build(
    thickness: Annotated[int, Ge(1)], stride: Annotated[int, Ge(1)] = 1, axis: Annotated[int, Ge(0)] = 0
) -> Slabs:
    """Slabs of `thickness` along `axis` (of a sample, from 0), the next `stride` further on; what is left at the end is
    left out. Each has its volume's target, group and time, and its id with a number: `scan7#0`, `scan7#1`, ...
    """
    return Slabs(thickness, stride, axis)
