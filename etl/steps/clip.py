"""Values beyond limits become these limits."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from blueno.errors import DataError

from ..chunks import in_chunks

VERSION = 1
FITTED = False
COLUMNS = "numeric"


class Clip(NamedTuple):
    """Limits; None for no limit."""

    low: float | None
    high: float | None

    def transform(self, x: Any) -> np.ndarray:
        """Any shape, of the same type; gaps stay gaps."""
        values = np.asarray(x)
        low, high = self._whole(values.dtype) if values.dtype.kind in "iu" else (self.low, self.high)
        return in_chunks(lambda some: np.clip(some, low, high), values)

    def _whole(self, dtype: np.dtype) -> tuple[int, int]:
        """The limits as whole numbers that the type can hold."""
        ends = np.iinfo(dtype)
        low = ends.min if self.low is None else max(math.ceil(self.low), ends.min)
        return low, ends.max if self.high is None else min(math.floor(self.high), ends.max)


def build(low: float | None = None, high: float | None = None) -> Clip:
    """What is below `low` becomes `low`, what is above `high` becomes `high`. Whole numbers stay whole."""
    if low is None and high is None:
        raise DataError("clip takes low, high, or both", "write {clip: {low: 0}}")
    if low is not None and high is not None and low > high:
        raise DataError(f"clip: low {low:g} is above high {high:g}", "exchange them")
    return Clip(low, high)
