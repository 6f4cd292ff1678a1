"""Large arrays some samples at a time, in parallel threads, so that little memory is needed beyond the result."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np

CHUNK_BYTES = 2 * 2**20  # of what goes in: what comes between stays in the cores' caches, which halves the time


def in_chunks(function: Callable[[np.ndarray], np.ndarray], x: np.ndarray) -> np.ndarray:
    """`function(x)` for a function that treats each sample of (n, ...) by itself: some at a time, then put together.

    Each thread has one chunk in hand; NumPy and Pillow let others run meanwhile.
    """
    size = max(1, CHUNK_BYTES // max(1, x[:1].nbytes))
    if len(x) <= size:
        return function(x)
    first = function(x[:size])
    result = np.empty((len(x), *first.shape[1:]), first.dtype)
    result[:size] = first

    def fill(start: int) -> None:
        result[start : start + size] = function(x[start : start + size])

    with ThreadPoolExecutor(_num_cores()) as pool:
        list(pool.map(fill, range(size, len(x), size)))  # the list raises what a thread raised
    return result


def _num_cores() -> int | None:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
