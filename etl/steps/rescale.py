"""Numbers divided by a constant."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import numpy as np
from annotated_types import Gt

from ..chunks import in_chunks
from ._images import as_float

VERSION = 1
FITTED = False
COLUMNS = "numeric"


class Rescale(NamedTuple):
    """x / divide_by + offset."""

    divide_by: float
    offset: float

    def transform(self, x: Any) -> np.ndarray:
        """Any shape; whole numbers become float32."""
        return in_chunks(lambda some: as_float(some) / self.divide_by + self.offset, np.asarray(x))


def build(divide_by: Annotated[float, Gt(0)] = 255.0, offset: float = 0.0) -> Rescale:
    """x / divide_by + offset: bytes to 0 ... 1 if nothing is said, to -1 ... 1 by `divide_by: 127.5, offset: -1`."""
    return Rescale(divide_by, offset)
