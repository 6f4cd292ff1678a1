"""The middle of images."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from blueno.errors import DataError

from ._images import images, size_of

VERSION = 1
FITTED = False
COLUMNS = "all"


class Crop(NamedTuple):
    """Height and width of what is left."""

    height: int
    width: int

    def transform(self, x: np.ndarray) -> np.ndarray:
        """(n, h, w, c) to (n, height, width, c). DataError when an image is smaller."""
        height, width = images(x, "crop").shape[1:3]
        if height < self.height or width < self.width:
            raise DataError(
                f"images of {height}x{width} are too small to crop {self.height}x{self.width}",
                f"choose at most [{height}, {width}], or put pad or resize before it",
            )
        top, left = (height - self.height) // 2, (width - self.width) // 2
        return x[:, top : top + self.height, left : left + self.width]


def build(size: int | list[int]) -> Crop:
    """The middle `size` [height, width] of each image; of an odd rest, the larger part goes at the bottom and right."""
    return Crop(*size_of(size, "crop"))
