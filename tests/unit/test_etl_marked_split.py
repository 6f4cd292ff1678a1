"""Splits that a column of the data says."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from blueno.errors import DataError
from blueno.etl.marked_split import marked_parts
from blueno.etl.samples import Samples
from blueno.etl.split import make_parts

COLUMN = {"column": "part", "folds": None, "stop": None}


def parts(marks: list[str], fold: int | None = None, groups: Any = None, **changes: Any) -> dict[str, list[int]]:
    made = marked_parts(np.array(marks), groups, COLUMN | changes, fold)
    return {name: rows.tolist() for name, rows in made.items()}


def test_marks_name_parts_in_any_case() -> None:
    made = parts(["Train", "val", "TEST", "valid", "stop", "Validation ", "training"])
    assert made == {"train": [0, 6], "validation": [1, 3, 5], "test": [2], "stop": [4]}


@pytest.mark.parametrize("first", [0, 1])
def test_numbers_are_folds(first: int) -> None:
    marks = [str(first + number % 3) for number in range(9)] + ["test"]
    for fold in range(3):
        assert parts(marks, fold, folds=3) == {
            "train": [row for row in range(9) if row % 3 != fold],
            "validation": [fold, fold + 3, fold + 6],
            "test": [9],
        }


def test_a_share_of_the_training_part_is_held_back_for_stopping() -> None:
    marks = np.array(["train"] * 20 + ["val"] * 5)
    groups = np.repeat(np.arange(5), 5)
    samples = Samples(np.zeros((25, 1)), np.zeros(25), marks, groups, None, "regression", None, {}, [], marks=marks)
    made = make_parts(samples, COLUMN | {"stop": 0.25}, None)
    assert sorted([*made["train"], *made["stop"]]) == list(range(20))
    assert len(made["stop"]) == 5
    assert len(set(groups[made["stop"]])) == 1
    assert made["validation"].tolist() == list(range(20, 25))


@pytest.mark.parametrize(
    ("marks", "changes", "message", "fix"),
    [
        (["train", "dev"], {}, "the column part holds 'dev', which names no part", "train, validation"),
        (["val", "test"], {}, "no sample is marked train", "write folds"),
        (["0", "1", "2"], {}, r"numbers of folds \(0, 1, 2\)", "write split: {column: part, folds: 3}"),
        (["1", "2", "test"], {}, r"numbers of folds \(1, 2\)", "folds: 2}"),
        (["0", "1", "2"], {"folds": 5}, "holds the folds 0, 1, 2, and the spec says 5", "correct data.split.folds"),
        (["0", "2", "4"], {"folds": 3}, "holds the folds 0, 2, 4", "mark each sample 0 to 2 or 1 to 3"),
        (["0", "1", "train"], {"folds": 2}, "'train', which is no number of a fold", "0 to 1, 1 to 2, or test"),
        (["train", "stop", "val"], {"stop": 0.2}, "marks a stop part already", "leave out data.split.stop"),
    ],
)
def test_marks_that_do_not_fit(marks: list[str], changes: dict[str, Any], message: str, fix: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        parts(marks, 0 if "folds" in changes else None, **changes)
    assert fix in caught.value.fix


def test_groups_must_not_straddle_what_is_marked() -> None:
    marks = ["train", "train", "val", "val"]
    assert parts(marks, groups=np.array([0, 0, 1, 1]))["validation"] == [2, 3]
    with pytest.raises(DataError, match="1 groups are in several parts, as the column part marks them"):
        parts(marks, groups=np.array([0, 0, 0, 1]))
