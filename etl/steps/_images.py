"""What the steps on images have in common."""

from __future__ import annotations

from typing import Any

import numpy as np

from blueno.errors import DataError


def images(x: Any, step: str) -> np.ndarray:
    """`x` if it is images (n, height, width, channels); else a DataError that says which shape it has."""
    shape = np.shape(x)
    if isinstance(x, np.ndarray) and x.ndim == 4:
        return x
    if isinstance(x, np.ndarray) and x.ndim == 3:
        fix = f"put {{reshape: {{shape: [{shape[1]}, {shape[2]}, 1]}}}} before it"
    else:
        fix = "put {reshape: {shape: [height, width, channels]}} before it, or leave it out"
    message = f"{step} takes images of [height, width, channels], and these samples have the shape {list(shape[1:])}"
    raise DataError(message, fix)


def size_of(size: int | list[int], step: str) -> tuple[int, int]:
    """Height and width; one number stands for both."""
    sides = [size, size] if isinstance(size, int) else size
    if len(sides) != 2 or min(sides) < 1:
        raise DataError(f"{step}: size {size} is not a height and a width", f"write {{{step}: {{size: [64, 64]}}}}")
    return sides[0], sides[1]


def as_float(values: np.ndarray) -> np.ndarray:
    """Numbers with a fraction: float32, but for those that only float64 holds."""
    return values.astype(np.result_type(values.dtype, np.float32), copy=False)
