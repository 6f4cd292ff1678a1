"""Which units dropout keeps, by a hash of their number instead of JAX's threefry, which costs a small network a third.

Two words are hashed from the key that Keras hands out for each mask, a seed and the number of the draw. A unit's bits
are the nested hash h(h(unit + first) ^ second) (nesting: Jarzynski & Olano 2020, "Hash Functions for GPU Rendering",
JCGT 9(3)), with Wellons' `lowbias32` as h (hash-prospector, 2018). tests/jax/test_masks.py examines the masks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from keras.src import backend
from keras.src.random.seed_generator import draw_seed

from .replacing import Function, Replacement, Traced, replaced

_PARAMETERS = ("inputs", "rate", "noise_shape", "seed")
_PRECISION = 24  # bits: as many as a float32 holds


def hashed_dropout() -> AbstractContextManager[Traced]:
    """While a program is traced: the masks of Keras's dropout are hashed.

    They are others than `fit` draws, of the same distribution; seeds advance as Keras's do. Not for two threads at
    once.
    """
    return replaced(backend.random, {"dropout": Replacement(_PARAMETERS, _hashing)})


def bits(key: jax.Array, shape: Sequence[int]) -> jax.Array:
    """uint32 of `shape`, hashed; key (2,) uint32 as Keras's seed generators give."""
    first, second = _words(key)
    units = lax.iota(jnp.uint32, math.prod(shape)).reshape(shape)
    return _lowbias32(_lowbias32(units + first) ^ second)


def _words(key: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Two words that differ from seed to seed and from draw to draw. (JAX's own generator would take a step of a small
    network a tenth longer: for two words it runs as many loops as for a thousand.)
    """
    seed, draw = key[0], key[1]
    first = _lowbias32(_lowbias32(seed + np.uint32(0x9E3779B9)) ^ draw)
    second = _lowbias32(_lowbias32(seed ^ np.uint32(0x85EBCA6B)) + (draw ^ np.uint32(0xC2B2AE35)))
    return first, second


def _hashing(stock: Function, traced: Traced) -> Function:
    def dropout(inputs: Any, rate: Any, noise_shape: Any = None, seed: Any = None) -> jax.Array:
        if rate == 0.0 or rate == 1.0:
            return stock(inputs, rate, noise_shape, seed)
        traced.replaced["dropout"] += 1
        key = seed if isinstance(seed, jax.Array) else draw_seed(seed)
        keep = jnp.asarray(1.0 - rate, jnp.float32)
        mask = jnp.broadcast_to(_kept(key, keep, _noise_shape(inputs, noise_shape)), inputs.shape)
        return jnp.where(mask, inputs / keep.astype(inputs.dtype), jnp.zeros((), inputs.dtype))

    return dropout


def _kept(key: jax.Array, keep: jax.Array, shape: Sequence[int]) -> jax.Array:
    """True with probability `keep`: (*shape) bool."""
    drawn = bits(key, shape) >> np.uint32(32 - _PRECISION)
    return drawn.astype(jnp.float32) < keep * np.float32(2**_PRECISION)


def _noise_shape(inputs: jax.Array, given: Sequence[int | None] | None) -> tuple[int, ...]:
    if given is None:
        return inputs.shape
    return tuple(length if each is None else each for length, each in zip(inputs.shape, given, strict=True))


def _lowbias32(x: jax.Array) -> jax.Array:
    x = (x ^ (x >> np.uint32(16))) * np.uint32(0x7FEB352D)
    x = (x ^ (x >> np.uint32(15))) * np.uint32(0x846CA68B)
    return x ^ (x >> np.uint32(16))
