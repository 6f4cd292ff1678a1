"""Data of another range of values than a network or a layer takes is told before it trains."""

from __future__ import annotations

import re

import numpy as np
import pytest

from blueno.errors import ModelError
from blueno.ml.value_range import WHOLE, check_range

from .ml_jobs import dataset


def checked(features: np.ndarray, expected: object = WHOLE) -> None:
    check_range(dataset(features, np.arange(len(features)) % 2, "binary"), "mobilenet", "input_range", expected)


@pytest.mark.parametrize(("low", "fix"), [(0.0, r"input_range: \[0, 1\]"), (-1.0, r"input_range: \[-1, 1\]")])
def test_small_values_where_bytes_are_taken(low: float, fix: str) -> None:
    with pytest.raises(ModelError, match="mobilenet takes values of 0 to 255") as caught:
        checked(np.linspace(low, 1.0, 90, dtype="float32").reshape(-1, 3))
    assert re.search(fix, caught.value.fix)


def test_values_that_fit() -> None:
    small = np.linspace(0.0, 1.0, 90, dtype="float32").reshape(-1, 3)
    checked(small, (0.0, 1.0))
    checked(small * 255)
    checked((small > 0.5).astype("uint8"))
    checked(np.zeros((30, 3), "float32"))
    checked(small, None)
