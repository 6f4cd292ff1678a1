"""Splits: scikit-learn's to the digit, disjoint, whole, and never through a group."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from iterstrat import ml_stratifiers
from sklearn import model_selection

from blueno.errors import DataError
from blueno.etl.samples import Samples
from blueno.etl.split import make_parts as parts_of

SHARES = {"test": None, "validation": None, "stratify": False, "group": None, "seed": 0, "stop": None}
FOLDS = {
    "folds": 5,
    "repeats": 1,
    "stratify": False,
    "group": None,
    "shuffle": True,
    "seed": 0,
    "test": None,
    "stop": None,
}
CLASSES = np.arange(101) % 3
GROUPS = np.arange(101) // 4


def make_parts(
    num_samples: int, classes: Any, groups: Any, split: dict[str, Any] | None, fold: int | None
) -> dict[str, np.ndarray]:
    """The parts of samples that have these classes (None: a regression) and groups."""
    target = np.zeros(num_samples) if classes is None else np.asarray(classes)
    named = None if classes is None else np.unique(target).tolist()
    task = "regression" if classes is None else "multilabel" if target.ndim == 2 else "multiclass"
    ids = np.arange(num_samples).astype(str)
    samples = Samples(np.zeros((num_samples, 1)), target, ids, groups, named, task, None, {}, [])
    return parts_of(samples, split, fold)


def shares(**changes: Any) -> dict[str, Any]:
    return SHARES | changes


def folds(**changes: Any) -> dict[str, Any]:
    return FOLDS | changes


# ---- shares


def test_test_is_taken_first_then_validation_from_the_rest() -> None:
    parts = make_parts(101, CLASSES, None, shares(test=0.2, validation=0.1, stratify=True, seed=7), None)
    rest, test = model_selection.train_test_split(np.arange(101), test_size=0.2, random_state=7, stratify=CLASSES)
    train, validation = model_selection.train_test_split(rest, test_size=11, random_state=7, stratify=CLASSES[rest])
    assert parts["test"].tolist() == test.tolist()
    assert parts["validation"].tolist() == validation.tolist()
    assert parts["train"].tolist() == train.tolist()


@pytest.mark.parametrize("absent", [None, 0, 0.0])
def test_a_share_may_be_absent(absent: float | None) -> None:
    parts = make_parts(101, CLASSES, None, shares(test=absent, validation=0.25), None)
    train, validation = model_selection.train_test_split(np.arange(101), test_size=0.25, random_state=0)
    assert {name: rows.tolist() for name, rows in parts.items()} == {
        "train": train.tolist(),
        "validation": validation.tolist(),
    }


def test_with_groups_shares_count_groups() -> None:
    parts = make_parts(101, None, GROUPS, shares(test=0.2, validation=0.2), None)
    num_groups = len(np.unique(GROUPS))
    assert num_groups == 26
    assert len(np.unique(GROUPS[parts["test"]])) == 6
    assert len(np.unique(GROUPS[parts["validation"]])) == 6
    splitter = model_selection.GroupShuffleSplit(1, test_size=0.2, random_state=0)
    assert parts["test"].tolist() == next(splitter.split(np.arange(101), None, GROUPS))[1].tolist()


def test_groups_and_strata_take_the_first_stratified_group_fold() -> None:
    parts = make_parts(101, CLASSES, GROUPS, shares(test=0.25, stratify=True, seed=3), None)
    splitter = model_selection.StratifiedGroupKFold(4, shuffle=True, random_state=3)
    rest, test = next(splitter.split(np.arange(101), CLASSES, GROUPS))
    assert parts["test"].tolist() == test.tolist()
    assert parts["train"].tolist() == rest.tolist()


def test_stop_is_a_share_of_the_training_part_with_the_same_strata() -> None:
    parts = make_parts(101, CLASSES, None, shares(validation=0.2, stop=0.25, stratify=True), None)
    whole = make_parts(101, CLASSES, None, shares(validation=0.2, stratify=True), None)
    assert sorted([*parts["train"], *parts["stop"]]) == sorted(whole["train"])
    assert len(parts["stop"]) == 20
    assert np.bincount(CLASSES[parts["stop"]]).tolist() in ([7, 7, 6], [7, 6, 7], [6, 7, 7])
    assert parts["validation"].tolist() == whole["validation"].tolist()


def test_without_a_split_all_is_training() -> None:
    assert make_parts(3, None, None, None, None)["train"].tolist() == [0, 1, 2]


# ---- folds


SPLITTERS = [
    ({}, model_selection.KFold(5, shuffle=True, random_state=0)),
    ({"seed": 9}, model_selection.KFold(5, shuffle=True, random_state=9)),
    ({"shuffle": False}, model_selection.KFold(5)),
    ({"stratify": True}, model_selection.StratifiedKFold(5, shuffle=True, random_state=0)),
    ({"stratify": True, "shuffle": False}, model_selection.StratifiedKFold(5)),
    ({"repeats": 2}, model_selection.RepeatedKFold(n_splits=5, n_repeats=2, random_state=0)),
    (
        {"repeats": 2, "stratify": True},
        model_selection.RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0),
    ),
]


@pytest.mark.parametrize(("changes", "splitter"), SPLITTERS, ids=[str(changes) for changes, _ in SPLITTERS])
def test_folds_are_those_of_scikit_learn(changes: dict[str, Any], splitter: Any) -> None:
    expected = list(splitter.split(np.arange(101), CLASSES))
    assert len(expected) == 5 * changes.get("repeats", 1)
    for fold, (train, held_out) in enumerate(expected):
        parts = make_parts(101, CLASSES, None, folds(**changes), fold)
        assert parts["train"].tolist() == train.tolist()
        assert parts["validation"].tolist() == held_out.tolist()


@pytest.mark.parametrize("stratify", [False, True])
def test_repeated_group_folds_are_seeded_by_seed_and_repeat(stratify: bool) -> None:
    kind = model_selection.StratifiedGroupKFold if stratify else model_selection.GroupKFold
    for fold in range(10):
        splitter = kind(5, shuffle=True, random_state=4 + fold // 5)
        _, held_out = list(splitter.split(np.arange(101), CLASSES, GROUPS))[fold % 5]
        parts = make_parts(101, CLASSES, GROUPS, folds(repeats=2, stratify=stratify, seed=4), fold)
        assert parts["validation"].tolist() == held_out.tolist()


def test_group_folds_in_the_order_of_the_data() -> None:
    expected = list(model_selection.GroupKFold(5).split(np.arange(101), None, GROUPS))
    for fold, (_, held_out) in enumerate(expected):
        parts = make_parts(101, None, GROUPS, folds(shuffle=False), fold)
        assert parts["validation"].tolist() == held_out.tolist()


def test_a_test_part_is_the_same_for_every_fold() -> None:
    all_parts = [make_parts(101, CLASSES, None, folds(test=0.2, stratify=True), fold) for fold in range(5)]
    assert {tuple(parts["test"]) for parts in all_parts} == {tuple(all_parts[0]["test"])}
    held_out = np.concatenate([parts["validation"] for parts in all_parts])
    assert sorted([*held_out, *all_parts[0]["test"]]) == list(range(101))


def test_without_shuffling_test_and_stop_are_the_last_in_order() -> None:
    parts = make_parts(20, None, None, folds(shuffle=False, test=0.25, stop=0.25, folds=3), 0)
    assert parts["test"].tolist() == [15, 16, 17, 18, 19]
    assert parts["validation"].tolist() == [0, 1, 2, 3, 4]
    assert parts["train"].tolist() == [5, 6, 7, 8, 9, 10, 11]
    assert parts["stop"].tolist() == [12, 13, 14]


# ---- several labels at once


LABELS = (np.random.default_rng(3).random((200, 4)) < [0.5, 0.3, 0.1, 0.05]).astype("int64")


def rates(rows: np.ndarray) -> np.ndarray:
    return LABELS[rows].mean(axis=0)


def test_labels_are_spread_by_iterative_stratification() -> None:
    parts = make_parts(200, LABELS, None, shares(test=0.2, validation=0.2, stop=0.25, stratify=True), None)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(200))
    for rows in parts.values():
        assert np.abs(rates(rows) - LABELS.mean(axis=0)).max() < 0.03
    splitter = ml_stratifiers.MultilabelStratifiedShuffleSplit(1, test_size=40, random_state=0)
    assert parts["test"].tolist() == next(splitter.split(LABELS, LABELS))[1].tolist()


@pytest.mark.parametrize("repeats", [1, 2])
def test_folds_of_labels_are_those_of_the_library(repeats: int) -> None:
    if repeats == 1:
        splitter = ml_stratifiers.MultilabelStratifiedKFold(5, shuffle=True, random_state=0)
    else:
        splitter = ml_stratifiers.RepeatedMultilabelStratifiedKFold(n_splits=5, n_repeats=2, random_state=0)
    for fold, (train, held_out) in enumerate(splitter.split(LABELS, LABELS)):
        parts = make_parts(200, LABELS, None, folds(repeats=repeats, stratify=True), fold)
        assert parts["train"].tolist() == train.tolist()
        assert parts["validation"].tolist() == held_out.tolist()


def test_labels_and_groups_cannot_both_be_kept() -> None:
    with pytest.raises(DataError, match="several labels cannot be spread evenly") as caught:
        make_parts(200, LABELS, np.arange(200) // 4, shares(test=0.2, stratify=True), None)
    assert "stratify: false" in caught.value.fix
    parts = make_parts(200, LABELS, np.arange(200) // 4, shares(test=0.2), None)
    assert len(parts["test"]) == 40


# ---- always


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    num_samples=st.integers(40, 120),
    num_groups=st.one_of(st.none(), st.integers(12, 30)),
    stratify=st.booleans(),
    seed=st.integers(0, 1000),
    test=st.sampled_from([None, 0.2]),
    stop=st.sampled_from([None, 0.2]),
    fold=st.one_of(st.none(), st.integers(0, 5)),
)
def test_parts_are_disjoint_cover_all_and_keep_groups_whole(
    num_samples: int,
    num_groups: int | None,
    stratify: bool,
    seed: int,
    test: float | None,
    stop: float | None,
    fold: int | None,
) -> None:
    random = np.random.default_rng(seed)
    classes = np.arange(num_samples) % 2
    groups = None if num_groups is None else random.permutation(np.arange(num_samples) % num_groups)
    common = {"stratify": stratify, "seed": seed, "test": test, "stop": stop}
    split = shares(validation=0.2, **common) if fold is None else folds(folds=3, repeats=2, **common)
    parts = make_parts(num_samples, classes, groups, split, fold)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(num_samples))
    assert set(parts) == {"train", "validation"} | ({"test"} if test else set()) | ({"stop"} if stop else set())
    if groups is not None:
        found = [set(groups[rows]) for rows in parts.values()]
        assert sum(len(one) for one in found) == len(set(groups))
    again = make_parts(num_samples, classes, groups, split, fold)
    assert all(again[name].tolist() == rows.tolist() for name, rows in parts.items())


# ---- what cannot be


@pytest.mark.parametrize(
    ("num_samples", "classes", "groups", "split", "message"),
    [
        (10, None, None, shares(validation=0.2, stratify=True), "a regression has none"),
        (10, [0] * 9 + [1], None, shares(validation=0.2, stratify=True), "cannot be split like this"),
        (10, None, None, shares(test=0.5, validation=0.5), "cannot be split like this"),
        (10, None, [0] * 10, shares(validation=0.2), "cannot be split like this"),
        (4, None, None, folds(), "4 samples make no 5 folds"),
        (10, None, [0, 1] * 5, folds(), "2 groups make no 5 folds"),
        (10, [0] * 7 + [1] * 3, None, folds(stratify=True), "the rarest class has 3 samples"),
        (1, None, None, shares(test=0.2), "cannot be split like this"),
    ],
)
def test_what_cannot_be_split_says_why(
    num_samples: int, classes: Any, groups: Any, split: dict[str, Any], message: str
) -> None:
    arrays = [None if values is None else np.array(values) for values in (classes, groups)]
    with pytest.raises(DataError, match=message) as caught:
        make_parts(num_samples, arrays[0], arrays[1], split, 0)
    assert caught.value.fix


def test_fewer_groups_than_a_share_needs_give_one_group() -> None:
    groups, classes = np.repeat([0, 1, 2], 4), np.array([0, 1] * 6)
    parts = make_parts(12, classes, groups, shares(validation=0.2, stratify=True), None)
    assert len(set(groups[parts["validation"]])) == 1
