"""Images of one channel."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from blueno.errors import DataError

from ..chunks import in_chunks
from ._images import images

VERSION = 1
FITTED = False
COLUMNS = "all"
RED, GREEN, BLUE = 0.299, 0.587, 0.114  # ITU-R BT.601


class Gray(NamedTuple):
    """Nothing to choose."""

    def transform(self, x: np.ndarray) -> np.ndarray:
        """(n, h, w, 3) or (n, h, w, 4) to (n, h, w, 1), of the same type; one channel stays as it is."""
        channels = images(x, "gray").shape[3]
        if channels == 1:
            return x
        if channels not in (3, 4):
            fix = "leave gray out, or choose the channels in a step of your own"
            raise DataError(f"gray takes red, green and blue, and these images have {channels} channels", fix)
        return in_chunks(_luma, x)


def _luma(some: np.ndarray) -> np.ndarray:
    gray = some[..., :3].astype("float32", copy=False) @ np.array([RED, GREEN, BLUE], "float32")
    rounded = gray.round() if some.dtype.kind in "iu" else gray
    return rounded.astype(some.dtype)[..., None]


def build() -> Gray:
    """0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601); a fourth channel (transparency) is left out."""
    return Gray()
