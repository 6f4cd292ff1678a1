"""Splits by time: cuts are points in time, scikit-learn's where each sample has a time of its own."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit

from blueno.errors import DataError
from blueno.etl.time_split import time_parts

TIME = {"time": "day", "test": 0.0, "validation": 0.0, "folds": None, "gap": 0, "group": None, "stop": None}
DAYS = np.datetime64("2020-01-01", "ns") + np.arange(40) * np.timedelta64(1, "D")


def parts(times: Any, fold: int | None = None, **changes: Any) -> dict[str, list[int]]:
    made = time_parts(np.asarray(times), TIME | changes, fold)
    return {name: rows.tolist() for name, rows in made.items()}


@pytest.mark.parametrize("gap", [0, 2])
def test_folds_are_those_of_scikit_learn_where_no_two_samples_have_one_time(gap: int) -> None:
    shuffled = np.random.default_rng(0).permutation(40)
    order = np.argsort(shuffled)
    for fold, (train, held_out) in enumerate(TimeSeriesSplit(4, gap=gap).split(np.arange(40))):
        made = parts(shuffled, fold, folds=4, gap=gap)
        assert made == {"train": order[train].tolist(), "validation": order[held_out].tolist()}


def test_the_later_part_is_the_last() -> None:
    made = parts(np.arange(20)[::-1], test=0.2, validation=0.1, stop=0.25)
    assert {name: [19 - row for row in rows] for name, rows in made.items()} == {
        "train": list(range(10)), "stop": list(range(10, 14)), "validation": [14, 15], "test": [16, 17, 18, 19],
    }  # fmt: skip


def test_samples_of_one_time_stay_together() -> None:
    made = parts([1, 1, 2, 2, 2, 3, 3, 3, 4, 4], test=0.1, validation=0.2)
    assert made == {"train": [0, 1, 2, 3, 4], "validation": [5, 6, 7], "test": [8, 9]}


def test_every_group_is_cut_at_the_same_times() -> None:
    times = np.tile(np.arange(10), 3)  # three patients, ten days each
    made = parts(times, test=0.2, validation=0.2)
    assert {name: sorted(set(times[rows].tolist())) for name, rows in made.items()} == {
        "train": [0, 1, 2, 3, 4, 5], "validation": [6, 7], "test": [8, 9],
    }  # fmt: skip
    assert len(made["test"]) == 6


def test_a_gap_counts_points_in_time_or_is_a_duration() -> None:
    days = np.repeat(DAYS, 2)
    by_points = parts(days, test=0.1, validation=0.1, gap=3)
    by_duration = parts(days, test=0.1, validation=0.1, gap={"seconds": 3 * 86400.0})
    assert by_points == by_duration
    assert days[by_points["validation"]].max() == DAYS[32]
    assert days[by_points["train"]].max() == DAYS[25]
    assert len(np.concatenate(list(by_points.values()))) == 80 - 2 * 2 * 3


def test_a_gap_of_hours() -> None:
    hours = np.datetime64("2020-01-01", "ns") + np.arange(10) * np.timedelta64(3600, "s")
    assert parts(hours, test=0.2, gap={"seconds": 3600.0})["train"] == list(range(7))
    assert parts(hours, test=0.2, gap={"seconds": 3601.0})["train"] == list(range(7))
    assert parts(hours, test=0.2, gap={"seconds": 7200.0})["train"] == list(range(6))


@settings(max_examples=60, deadline=None)
@given(
    times=st.lists(st.integers(0, 30), min_size=20, max_size=60),
    gap=st.integers(0, 3),
    stop=st.sampled_from([None, 0.2]),
    folds=st.sampled_from([None, 2]),
)
def test_nothing_is_later_than_what_it_is_tested_on(
    times: list[int], gap: int, stop: float | None, folds: int | None
) -> None:
    shares = {"test": 0.1, "validation": 0.0 if folds else 0.2, "gap": gap, "stop": stop, "folds": folds}
    try:
        made = parts(times, 1 if folds else None, **shares)
    except DataError as error:
        assert error.fix
        return
    order = [made[name] for name in ("train", "stop", "validation", "test") if name in made]
    values = np.array(times)
    for earlier, later in pairwise(order):
        before, after = values[earlier].max(), values[later].min()
        assert before < after
        assert len({time for time in times if before < time < after}) >= gap
    used = [row for rows in order for row in rows]
    assert len(used) == len(set(used))


@pytest.mark.parametrize(
    ("times", "changes", "message"),
    [
        ([1] * 10, {"test": 0.2}, "nothing is left to train on before the test part"),
        (range(10), {"test": 0.5, "validation": 0.4, "gap": 3}, "before the validation part"),
        (range(10), {"test": 0.2, "gap": 8}, "before the test part"),
        (range(10), {"test": 0.2, "gap": {"seconds": 60.0}}, "a duration, and the column day holds numbers"),
        (range(3), {"folds": 5}, "3 samples make no 5 folds in time"),
        ([1, 1, 1, 1, 2, 2, 2, 3], {"folds": 4}, "3 different times, too few or too uneven for 4 folds"),
        (range(9), {"folds": 2, "gap": 4}, "fold 0 has nothing to train on"),
    ],
)
def test_what_cannot_be_split_says_why(times: Any, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        parts(list(times), 0 if "folds" in changes else None, **changes)
    assert caught.value.fix
