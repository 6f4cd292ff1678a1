"""Logarithms of numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from blueno.errors import DataError

from ..chunks import in_chunks
from ._images import as_float

VERSION = 1
FITTED = False
COLUMNS = "numeric"


class Log(NamedTuple):
    """The natural logarithm after adding `offset`."""

    offset: float

    def transform(self, x: Any) -> np.ndarray:
        """Any shape; gaps stay gaps. DataError where there is no logarithm."""
        return in_chunks(self._one, np.asarray(x))

    def _one(self, some: np.ndarray) -> np.ndarray:
        values = as_float(some)
        lowest = np.nanmin(values, initial=np.inf)
        if lowest + self.offset <= 0:
            raise DataError(f"log: {lowest:g} + {self.offset:g} has no logarithm", f"say offset: {1 - lowest:g}")
        return np.log(values + self.offset)


def build(offset: float = 1.0) -> Log:
    """ln(x + offset)."""
    return Log(offset)
