"""Images with a margin around them."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from blueno.errors import DataError

from ..chunks import in_chunks
from ._images import images, size_of

VERSION = 1
FITTED = False
COLUMNS = "all"


class Pad(NamedTuple):
    """Height and width of the result, and what the margin is filled with."""

    height: int
    width: int
    method: str
    value: float

    def transform(self, x: np.ndarray) -> np.ndarray:
        """(n, h, w, c) to (n, height, width, c), of the same type. DataError when an image is larger."""
        height, width = images(x, "pad").shape[1:3]
        if height > self.height or width > self.width:
            raise DataError(
                f"images of {height}x{width} are too large to pad to {self.height}x{self.width}",
                f"choose at least [{height}, {width}], or put crop or resize before it",
            )
        top, left = (self.height - height) // 2, (self.width - width) // 2
        margins = ((0, 0), (top, self.height - height - top), (left, self.width - width - left), (0, 0))
        more = (
            {"mode": "constant", "constant_values": self.value} if self.method == "constant" else {"mode": self.method}
        )
        return in_chunks(lambda some: np.pad(some, margins, **more), x)


def build(
    size: int | list[int], method: Literal["constant", "edge", "reflect"] = "constant", value: float = 0.0
) -> Pad:
    """Images in the middle of `size` [height, width]. The margin is `value`, the nearest pixel (edge), or a mirror
    image (reflect); by NumPy's pad.
    """
    return Pad(*size_of(size, "pad"), method, value)
