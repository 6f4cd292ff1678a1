"""The seed of what draws from NumPy's global generator, so that a dataset is the same each time it is made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def seeded() -> Iterator[None]:
    """The global generator begins at seed 0 inside, and is afterwards what it was before."""
    before = np.random.get_state()
    np.random.seed(0)
    try:
        yield
    finally:
        np.random.set_state(before)
