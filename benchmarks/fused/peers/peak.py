"""The peak of this machine's cores: matrix products, all cores at once, each in a pinned single-threaded process.

`python -m benchmarks.fused.peers.peak` prints FLOP/s of all cores together: of each the best of NumPy and JAX, of
several sizes and repetitions.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from .pinned import cores, on_each_core

SIZES = (256, 512, 1024, 2048)
TRY_S = 0.5  # how long each size and library is tried


def best_flops(_: None) -> float:
    """FLOP/s of one core in float32."""
    product = jax.jit(jnp.matmul)
    return max(
        max(_best(np.matmul, np.ones((size, size), np.float32)) for size in SIZES),
        max(_best(lambda a, b: product(a, b).block_until_ready(), jnp.ones((size, size))) for size in SIZES),
    )


def _best(product: Callable[[Any, Any], Any], square: Any) -> float:
    product(square, square)
    least_s, begun = float("inf"), time.perf_counter()
    while (started := time.perf_counter()) < begun + TRY_S:
        product(square, square)
        least_s = min(least_s, time.perf_counter() - started)
    return 2 * len(square) ** 3 / least_s


if __name__ == "__main__":
    print(sum(on_each_core(best_flops, [None for _ in cores()])))
