"""Hashed dropout masks: of the rate that was asked for, independent of each other, and drawn as Keras draws.

Each figure is a z-score: about normal when masks are random. The limit of 5 is passed by chance once in 2 million, and
there are some thousand of them; seeds are fixed. Keras's own masks pass the same examination, and poor ones fail it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from jax import lax
from keras.src import backend

from blueno.ml.engines.fused.masks import bits, hashed_dropout
from blueno.ml.engines.fused.numbers import Number, pairs

LIMIT = 5.0
Bits = Callable[[jax.Array, tuple[int, ...]], jax.Array]  # (key, shape) -> uint32


def keys_of(seeds: np.ndarray, steps: int) -> jax.Array:
    """As Keras's seed generators hand them out: (seeds, steps, 2) uint32, (seed, number of the draw)."""
    grid = np.stack(np.meshgrid(seeds, np.arange(steps), indexing="ij"), -1)
    return jnp.asarray(grid, jnp.uint32)


def drawn(function: Bits, seeds: np.ndarray, steps: int, units: int) -> np.ndarray:
    """(seeds, steps, units) uint32."""
    every = jax.jit(jax.vmap(jax.vmap(lambda key: function(key, (units,)))))
    return np.asarray(every(keys_of(seeds, steps)))


def z_of_share(mask: np.ndarray, rate: float, axes: tuple[int, ...] | None = None) -> np.ndarray:
    """How far the share of what is kept is from binomial, in standard deviations, over the axes (None: all)."""
    size = mask.size if axes is None else math.prod(mask.shape[axis] for axis in axes)
    return (mask.mean(axis=axes) - (1 - rate)) / math.sqrt(rate * (1 - rate) / size)


def z_of_correlation(a: np.ndarray, b: np.ndarray, rate: float) -> float:
    """Correlation of two equally shaped masks of known rate, in standard deviations."""
    return float(((a - (1 - rate)) * (b - (1 - rate))).mean() / (rate * (1 - rate)) * math.sqrt(a.size))


def z_of_counts(values: np.ndarray, kinds: int) -> float:
    """Chi-square of equally likely values 0..kinds-1, made a z-score."""
    counts = np.bincount(values.ravel(), minlength=kinds)
    expected = values.size / kinds
    return float(((counts - expected) ** 2 / expected).sum() - (kinds - 1)) / math.sqrt(2 * (kinds - 1))


def shares(function: Bits) -> Iterator[float]:
    """Of whole masks, of single units over seeds and steps, and of all."""
    seeds = np.random.default_rng(0).integers(1, 10**9, 64)
    values = drawn(function, seeds, 32, 512)
    for rate in (0.05, 0.2, 0.5, 0.9):
        mask = values < np.uint32((1 - rate) * 2**32)
        yield float(z_of_share(mask, rate))
        for axes in ((2,), (0, 1), (1, 2), (0, 2)):
            z = z_of_share(mask, rate, axes).ravel()
            yield from (float(np.abs(z).max()), float((np.square(z).sum() - z.size) / math.sqrt(2 * z.size)))


def neighbours(function: Bits) -> Iterator[float]:
    """Correlation with units, steps and seeds close by, a power of two apart, and a batch's row below."""
    values = drawn(function, np.arange(1, 65), 64, 640)  # seeds that follow each other
    for rate in (0.2, 0.5):
        mask = values < np.uint32((1 - rate) * 2**32)
        for axis, lags in ((0, (1, 2, 8, 32)), (1, (1, 2, 3, 8, 32)), (2, (1, 2, 3, 4, 8, 10, 16, 32, 64, 128, 256))):
            for lag in lags:
                length = mask.shape[axis] - lag
                first = np.take(mask, range(length), axis)
                yield z_of_correlation(first, np.take(mask, range(lag, lag + length), axis), rate)
        moved = mask[:-1, 1:]  # a seed's step against the next seed's step before
        yield z_of_correlation(moved, mask[1:, :-1], rate)


def patterns(function: Bits) -> Iterator[float]:
    """Pairs and eights of neighbouring units, the same unit in eight steps or seeds, and the highest byte."""
    values = drawn(function, np.arange(1, 65), 64, 640)
    half = (values >> np.uint32(31)).astype(np.int64)
    yield z_of_counts(half[..., ::2] * 2 + half[..., 1::2], 4)
    weights = 2 ** np.arange(8)
    yield z_of_counts(half.reshape(64, 64, 80, 8) @ weights, 256)
    yield z_of_counts(np.moveaxis(half.reshape(64, 8, 8, 640), 2, -1) @ weights, 256)
    yield z_of_counts(np.moveaxis(half.reshape(8, 8, 64, 640), 1, -1) @ weights, 256)
    yield z_of_counts((values >> np.uint32(24)).astype(np.int64), 256)
    fifths = (values / 2**32 * 5).astype(np.int64)
    yield z_of_counts(fifths[..., :-1:2] * 5 + fifths[..., 1::2], 25)


def linear(function: Bits) -> Iterator[float]:
    """Ranks over GF(2) of square matrices of masks: 64 steps of 64 units. Full in 28.9% of random ones."""
    values = drawn(function, np.random.default_rng(1).integers(1, 10**9, 400), 64, 64) >> np.uint32(31)
    full = np.array([rank(each) == 64 for each in values])
    yield float((full.mean() - 0.2888) / math.sqrt(0.2888 * 0.7112 / len(full)))


def rank(matrix: np.ndarray) -> int:
    """Of a matrix of bits, by elimination on rows that are Python integers."""
    rows, found = [int("".join(map(str, row)), 2) for row in matrix.tolist()], 0
    while rows:
        pivot = rows.pop()
        if pivot:
            found += 1
            lowest = pivot & -pivot
            rows = [row ^ pivot if row & lowest else row for row in rows]
    return found


EXAMINATIONS = [shares, neighbours, patterns, linear]


def poor(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """A linear congruential generator that begins at the key."""
    units = lax.iota(jnp.uint32, math.prod(shape)).reshape(shape)
    return (units + key[0] + key[1]) * np.uint32(1664525) + np.uint32(1013904223)


@pytest.mark.parametrize("examine", EXAMINATIONS)
def test_hashed_masks_look_random(examine: Callable[[Bits], Iterator[float]]) -> None:
    assert np.abs(list(examine(bits))).max() < LIMIT


@pytest.mark.parametrize("examine", EXAMINATIONS)
def test_the_examination_passes_keras_own(examine: Callable[[Bits], Iterator[float]]) -> None:
    assert np.abs(list(examine(lambda key, shape: jax.random.bits(key, shape)))).max() < LIMIT


@pytest.mark.parametrize("examine", EXAMINATIONS)
def test_the_examination_fails_poor_masks(examine: Callable[[Bits], Iterator[float]]) -> None:
    assert np.abs(list(examine(poor))).max() > LIMIT


def test_no_two_masks_are_alike() -> None:
    values = drawn(bits, np.arange(1, 129), 64, 64) >> np.uint32(31)
    assert len(np.unique(values.reshape(-1, 64), axis=0)) == 128 * 64


# ---- as a replacement of Keras's dropout


def dropped(rate: float, shape: tuple[int, ...] = (64, 64), **options: object) -> np.ndarray:
    with hashed_dropout() as traced:
        result = np.asarray(keras.random.dropout(jnp.ones(shape), rate, **options))
    assert traced.replaced["dropout"] == 1 and not traced.left
    return result


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_what_is_kept_is_scaled(rate: float) -> None:
    got = dropped(rate, seed=7)
    assert set(np.unique(got)) == {np.float32(0), np.float32(1) / np.float32(1 - rate)}
    assert abs(float(z_of_share(got > 0, rate))) < LIMIT


def test_rates_of_0_and_1_are_keras_own() -> None:
    with hashed_dropout() as traced:
        assert np.asarray(keras.random.dropout(jnp.ones(5), 0.0)).all()
        assert not np.asarray(keras.random.dropout(jnp.ones(5), 1.0)).any()
    assert not traced.replaced


def test_noise_shape_is_shared_along_its_ones() -> None:
    got = dropped(0.5, (8, 20, 6), noise_shape=(None, 1, None), seed=3)
    assert (got == got[:, :1]).all() and 0 < (got > 0).mean() < 1


def test_a_seed_generator_advances_as_with_keras() -> None:
    generators = [keras.random.SeedGenerator(5) for _ in range(2)]
    with hashed_dropout():
        first, second = (np.asarray(keras.random.dropout(jnp.ones(100), 0.5, seed=generators[0])) for _ in range(2))
    for _ in range(2):
        keras.random.dropout(jnp.ones(100), 0.5, seed=generators[1])
    assert (first != second).any()
    np.testing.assert_array_equal(generators[0].state.value, generators[1].state.value)


def test_layers_of_a_model_drop_other_units() -> None:
    keras.utils.set_random_seed(0)
    layers = [keras.layers.Dropout(0.5), keras.layers.Dropout(0.5)]
    with hashed_dropout():
        a, b = (np.asarray(layer(jnp.ones((100, 100)), training=True)) > 0 for layer in layers)
    assert abs(z_of_correlation(a, b, 0.5)) < LIMIT


def test_lanes_have_rates_of_their_own() -> None:
    rates = np.array([0.0, 0.1, 0.5, 0.9])

    def lane(number: tuple[jax.Array, jax.Array], key: jax.Array) -> jax.Array:
        return keras.random.dropout(jnp.ones((100, 100)), Number(*number, like=0.3), seed=key)

    keys = keys_of(np.arange(1, 5), 1)[:, 0]
    with hashed_dropout():
        side_by_side = jax.jit(jax.vmap(lane))(pairs(rates), keys)
        one_by_one = jax.jit(lambda *lanes: lax.map(lambda own: lane(*own), lanes))(pairs(rates), keys)
    np.testing.assert_array_equal(side_by_side, one_by_one)
    assert np.asarray(side_by_side[0] == 1).all()
    for rate, each in zip(rates[1:], side_by_side[1:], strict=True):
        assert abs(float(z_of_share(np.asarray(each > 0), rate))) < LIMIT


def test_gradients_go_through_what_was_kept() -> None:
    with hashed_dropout():
        function = lambda x: keras.random.dropout(x, 0.25, seed=11)  # noqa: E731
        x = jnp.linspace(1, 2, 50)
        np.testing.assert_allclose(jax.grad(lambda x: function(x).sum())(x), function(x) / x, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_stays(dtype: str) -> None:
    with hashed_dropout():
        assert keras.random.dropout(jnp.ones(9, dtype), Number(*pairs(np.array(0.5)), like=0.5), seed=1).dtype == dtype


def test_put_back_whatever_happens() -> None:
    before = backend.random.dropout
    with pytest.raises(ZeroDivisionError), hashed_dropout():
        assert backend.random.dropout is not before
        raise ZeroDivisionError
    assert backend.random.dropout is before
