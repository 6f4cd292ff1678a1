"""The order of samples is fixed for ever: engines on other machines and later versions must find the same one."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from blueno.ml.batches import order, steps


def test_the_order_is_the_one_of_recipe_version_1() -> None:
    assert order(0, 1, 8).tolist() == [1, 5, 0, 7, 4, 3, 2, 6]
    assert order(7, 3, 8).tolist() == [3, 7, 2, 1, 6, 4, 0, 5]


@given(st.integers(-(2**70), 2**70), st.integers(1, 10_000), st.integers(0, 200))
def test_it_is_a_permutation(seed: int, epoch: int, samples: int) -> None:
    assert np.array_equal(np.sort(order(seed, epoch, samples)), np.arange(samples))


def test_it_changes_with_seed_and_epoch() -> None:
    orders = {tuple(order(seed, epoch, 50)) for seed in range(5) for epoch in range(1, 6)}
    assert len(orders) == 25


def test_it_is_uniform_enough() -> None:
    first = np.bincount([order(0, epoch, 4)[0] for epoch in range(1, 4001)])
    assert np.all(np.abs(first - 1000) < 100)  # 3.6 standard deviations


def test_the_last_partial_batch_is_a_step() -> None:
    assert (steps(64, 32), steps(65, 32), steps(1, 32), steps(65, 32, 2), steps(5, 32, 2)) == (2, 3, 1, 2, 1)
