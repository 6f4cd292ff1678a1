"""Each sample brought to mean 0 and deviation 1 by itself, or by given means and deviations."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from blueno.errors import DataError

from ..chunks import in_chunks
from ._images import as_float

VERSION = 1
FITTED = False
COLUMNS = "all"
SMALLEST = 1e-7  # a deviation below it is that of a constant, which becomes 0


class Normalize(NamedTuple):
    """Means and deviations of the channels (the last axis); None for each sample's own."""

    mean: list[float] | None
    deviation: list[float] | None
    per_channel: bool

    def transform(self, x: np.ndarray) -> np.ndarray:
        """(n, *shape), of floats. DataError when there are not as many channels as means."""
        if not isinstance(x, np.ndarray):
            raise DataError("normalize takes images or other arrays, not tables", "write scale, or unit_norm")
        if self.mean is None:
            return in_chunks(self._by_itself, x)
        if len(self.mean) not in (1, x.shape[-1]):
            fix = f"give {x.shape[-1]} means and deviations, or one"
            raise DataError(f"normalize: {len(self.mean)} means for samples of shape {list(x.shape[1:])}", fix)
        return in_chunks(self._as_given, x)

    def _by_itself(self, some: np.ndarray) -> np.ndarray:
        values = as_float(some)
        axes = tuple(range(1, values.ndim - 1 if self.per_channel else values.ndim))
        centred = values - values.mean(axis=axes, keepdims=True)
        deviation = centred.std(axis=axes, keepdims=True)
        return centred / np.where(deviation < SMALLEST, 1.0, deviation).astype(values.dtype)

    def _as_given(self, some: np.ndarray) -> np.ndarray:
        values = as_float(some)
        return (values - np.array(self.mean, values.dtype)) / np.array(self.deviation, values.dtype)


def build(
    mean: list[float] | None = None, deviation: list[float] | None = None, per_channel: bool = False
) -> Normalize:
    """(x - mean) / deviation, one for each channel or one for all; each sample's own mean and deviation (ddof 0) if
    neither is said, those of each of its channels if `per_channel`.
    """
    if (mean is None) != (deviation is None):
        raise DataError("normalize takes mean and deviation, or neither", "give both")
    if mean is not None and deviation is not None:
        if len(mean) != len(deviation) or not mean:
            raise DataError(f"normalize: {len(mean)} means and {len(deviation)} deviations", "give as many of both")
        if min(deviation) <= 0:
            raise DataError(f"normalize: a deviation of {min(deviation):g}", "give deviations above 0")
        if per_channel:
            raise DataError("normalize: per_channel is about each sample's own values", "leave it out, or mean")
    return Normalize(mean, deviation, per_channel)
