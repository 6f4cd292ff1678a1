"""Every sample scaled to length 1."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np
from sklearn.preprocessing import normalize

VERSION = 1
FITTED = False
COLUMNS = "numeric"


class UnitNorm(NamedTuple):
    """Samples divided by their norm."""

    norm: str

    def transform(self, x: Any) -> np.ndarray:
        """(n, ...), all values of a sample together."""
        values = np.asarray(x)
        scaled: np.ndarray = normalize(values.reshape(len(values), -1), norm=self.norm)
        return scaled.reshape(values.shape)


def build(norm: Literal["l2", "l1", "max"] = "l2") -> UnitNorm:
    """Each sample divided by the root of its sum of squares, its sum of absolute values, or its largest absolute value;
    by scikit-learn's normalize.
    """
    return UnitNorm(norm)
