"""What `show` says of a trial's data."""

from __future__ import annotations

from blueno.summaries import described


def test_a_table() -> None:
    summary = {
        "shape": [6],
        "dtype": "float32",
        "inputs": {"age": "numeric", "ward": "categorical", "dose": "numeric"},
        "parts": {"train": 6, "validation": 2, "test": 2},
        "in_no_part": 3,
        "task": "binary",
        "positive": "ill",
        "counts": {"train": {"well": 4, "ill": 2}, "validation": {"well": 1, "ill": 1}, "test": {"well": 2, "ill": 0}},
        "groups": 5,
        "dropped": {"the target is missing": 2, "they are copies of another row, id and all": 1},
        "remarks": ["blanks around 2 labels were removed"],
        "guessed": ["task: classification, since the target is labels"],
        "missing": {"age": 2, "dose": 1},
    }
    assert described(summary) == {
        "samples": "train 6, validation 2, test 2 (3 in no part)",
        "task": "binary, positive is ill",
        "classes": "well 7, ill 3",
        "groups": "5",
        "columns": "2 numeric: age, dose; 1 categorical: ward",
        "features": "6 numbers (float32), 3 values missing",
        "left out": "2: the target is missing; 1: they are copies of another row, id and all",
        "noticed": "blanks around 2 labels were removed",
        "chosen": "task: classification, since the target is labels",
    }


def test_many_columns_are_counted() -> None:
    columns = described({"inputs": {f"c{number}": "numeric" for number in range(40)}})["columns"]
    assert columns.startswith("40 numeric: c0, c1")
    assert columns.endswith("c11 and 28 more")


def test_nothing_is_said_of_data_that_was_not_built() -> None:
    assert described(None) == described({}) == {}
    assert described({"positive": 0, "task": "binary"}) == {"task": "binary, positive is 0"}
