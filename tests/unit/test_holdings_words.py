"""Datasets in words: what a person wrote, without defaults, with the names of files."""

from __future__ import annotations

from typing import Any

import pytest

from blueno.etl.lineage import node_recipe
from blueno.holdings.words import in_words, split_words

from .held_data import COLUMNS, recipe

SHA = "f" * 64


def source(kind: str, code: Any = 1, **params: Any) -> dict[str, Any]:
    return recipe() | {"source": {"name": kind, "params": params, "code": code, "fingerprint": SHA}, "split": None}


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (recipe(), "sklearn iris, validation 0.2 (stratified)"),
        (source("csv", path={"file": SHA}), "csv heart.csv, no split"),
        (source("csv", path={"file": "e" * 64}), "csv a file (eeeeeeeeeeeeeeee), no split"),
        (source("python", "c0de", function="own.py:load", rows=9), "python own.py:load (rows 9), no split"),
        (source("sklearn", name="iris") | {"columns": {**COLUMNS, "target": "y", "drop": ["a", "b"]}},
         "sklearn iris [target y, drop a, b], no split"),
        (recipe() | {"steps": [{"name": "scale", "params": {"method": "standard"}, "columns": None, "code": 1},
                               {"name": "own.py:Halve", "params": {"by": 2}, "columns": ["a"], "code": "c0de"}]},
         "sklearn iris > scale > Halve (by 2) of a, validation 0.2 (stratified)"),
    ],
)  # fmt: skip
def test_words(made: dict[str, Any], words: str) -> None:
    assert in_words(made, {SHA: "/data/heart.csv"}) == words


def test_a_node_has_no_split() -> None:
    assert in_words(node_recipe(recipe(steps=("scale",)), 1), {}) == "sklearn iris > scale"


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ({"folds": 5, "repeats": 1, "stratify": True, "seed": 0, "test": 0.2}, "fold 2 of 5, test 0.2 (stratified)"),
        ({"folds": 5, "repeats": 3, "seed": 7, "test": None, "group": "patient"}, "fold 2 of 5 x 3 (by group, seed 7)"),
        ({"validation": 0.2, "time": "day", "test": 0.0}, "validation 0.2 (time day)"),
        ({"column": "part"}, "as marked (column part)"),
    ],
)  # fmt: skip
def test_splits(split: dict[str, Any], words: str) -> None:
    assert split_words({"split": split, "fold": 2}) == words
