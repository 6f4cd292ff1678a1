"""Images of another size."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import numpy as np

from blueno.errors import MissingLibrary

from ..chunks import in_chunks
from ._images import images, size_of

VERSION = 1
FITTED = False
COLUMNS = "all"
RGB = 3  # channels


class Resize(NamedTuple):
    """Height, width, and Pillow's name of the filter."""

    height: int
    width: int
    method: str

    def transform(self, x: np.ndarray) -> np.ndarray:
        """(n, h, w, c) to (n, height, width, c); bytes stay bytes, other numbers become float32."""
        return in_chunks(self._some, images(x, "resize"))

    def _some(self, some: np.ndarray) -> np.ndarray:
        is_bytes = some.dtype == np.uint8
        channels = some.shape[3]
        made = np.empty((len(some), self.height, self.width, channels), "uint8" if is_bytes else "float32")
        for image, to in zip(some, made, strict=True):
            if is_bytes and channels == RGB:
                to[...] = self._resized(image)
            else:
                for channel in range(channels):
                    plane = image[..., channel]
                    to[..., channel] = self._resized(plane if is_bytes else plane.astype("float32"))
        return made

    def _resized(self, image: np.ndarray) -> Any:
        from PIL import Image

        resized = Image.fromarray(image).resize((self.width, self.height), Image.Resampling[self.method.upper()])
        return np.asarray(resized)


def build(
    size: int | list[int],
    method: Literal["bilinear", "nearest", "bicubic", "lanczos", "box"] = "bilinear",
) -> Resize:
    """Images of `size` [height, width], or one number for both; the ratio of the sides is not kept. By Pillow, which
    averages when it makes smaller.
    """
    try:
        import PIL.Image  # noqa: F401  # told here, once, and not by each thread
    except ImportError:
        raise MissingLibrary("resize needs Pillow", "pip install pillow") from None
    return Resize(*size_of(size, "resize"), method)
