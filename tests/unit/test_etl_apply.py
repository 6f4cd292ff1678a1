"""New samples are treated as a dataset's steps treated its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from blueno.cache.folder import FolderCache
from blueno.cache.manifests import dataset_key, read_json
from blueno.canonical import digest
from blueno.errors import DataError, NotFound
from blueno.etl.apply import prepare
from blueno.etl.build import build
from blueno.etl.dataset import Dataset, open_dataset
from blueno.planning import compile_spec
from blueno.spec import load
from blueno.usercode import CodeFolder

from .stepping import code_folder

ROOT = Path(__file__).parents[2]
BESIDE = ROOT / "specs" / "language"
COLUMNS = dict.fromkeys(("target", "features", "drop", "id", "group", "time", "task", "positive", "target_scale"))
SPLIT = {"test": 0.0, "validation": 0.3, "stratify": False, "group": None, "seed": 0, "stop": None}
DIGITS = {"name": "sklearn", "params": {"name": "digits"}, "code": 1, "fingerprint": None}

OWN = """
class Shift:
    def fit(self, x):
        self.mean = x.mean()
    def transform(self, x):
        return x - self.mean

def half(x):
    return x / 2
"""


def step(name: str, **params: Any) -> dict[str, Any]:
    return {"name": name, "params": params, "columns": None, "code": 1}


def made(cache: FolderCache, source: dict[str, Any], target: Any, *steps: Any, code: Any = None) -> Dataset:
    columns = COLUMNS | {"target": target}
    recipe = {"columns": columns, "fold": None, "source": source, "split": SPLIT, "steps": list(steps)}
    build(recipe, cache, code)
    return open_dataset(digest(recipe), cache)


def table(name: str) -> tuple[dict[str, Any], pd.DataFrame]:
    path = BESIDE / name
    return {"name": "csv", "params": {"path": str(path)}, "code": 1, "fingerprint": None}, pd.read_csv(path)


def test_steps_of_the_example_make_of_its_data_what_they_made(tmp_path: Path) -> None:
    plan, cache = compile_spec(load(BESIDE / "steps.yaml", root=ROOT), tmp_path), FolderCache(tmp_path / "cache")
    frames = {name: pd.read_csv(BESIDE / name) for name in ("patients.csv", "notes.csv")}
    count = 0
    for planned in plan.datasets:
        recipe, code = json.loads(planned.recipe), CodeFolder(BESIDE, "")
        name = next((Path(path).name for sha, path in plan.files.items() if sha in planned.recipe), "")
        if name not in frames:
            continue
        build(recipe, cache, code, files=plan.files)
        dataset = open_dataset(planned.id, cache)
        again = prepare(planned.id, frames[name].iloc[:, ::-1], cache, code, plan.files)
        known = dataset.parts["validation"] if "target_encode" in planned.recipe else slice(None)
        assert np.allclose(again[known], dataset.features[known], atol=1e-6)
        assert again.dtype == dataset.features.dtype
        count += 1
    assert count == 11


def test_a_few_samples_are_treated_as_many(tmp_path: Path) -> None:
    cache = FolderCache(tmp_path)
    dataset = made(cache, DIGITS, None, step("rescale", divide_by=16.0), step("scale"), step("pca", components=3))
    images = np.load(cache.get(read_json(f"nodes/{source_node(cache)}.json", cache)["features"]["array"]["key"]))
    assert np.allclose(prepare(dataset.id, images[:5], cache), dataset.features[:5], atol=1e-5)
    with pytest.raises(DataError, match=r"samples of shape \[64\], and the dataset has \[8, 8, 1\]"):
        prepare(dataset.id, images[:5].reshape(5, 64), cache)


def source_node(cache: FolderCache) -> str:
    found = [Path(key).stem for key in cache.list("nodes/")]
    return next(id for id in found if not read_json(f"nodes/{id}.json", cache)["recipe"]["steps"])


def test_kinds_of_columns_are_those_of_the_dataset(tmp_path: Path) -> None:
    source, frame = table("notes.csv")
    dataset = made(FolderCache(tmp_path), source, "topic", step("hash_words", features=8))
    short = frame.assign(note="heart pain")  # by itself this column would be a category
    assert prepare(dataset.id, short, FolderCache(tmp_path)).shape == (24, 8)


def test_what_could_not_be_stored_is_fitted_again(tmp_path: Path) -> None:
    cache, code = FolderCache(tmp_path / "cache"), code_folder(tmp_path, OWN)
    dataset = made(cache, DIGITS, None, step("own.py:half"), step("own.py:Shift"), step("scale"), code=code)
    images = np.ones((2, 8, 8, 1)) * 3
    first = prepare(dataset.id, images, cache, code)
    assert first.shape == (2, 8, 8, 1)
    manifest = read_json(dataset_key(dataset.id), cache)
    cache.delete(manifest["steps"][2]["file"]["key"])
    assert np.array_equal(prepare(dataset.id, images, cache, code), first)


def test_samples_that_do_not_fit_say_what_is_wrong(tmp_path: Path) -> None:
    cache = FolderCache(tmp_path)
    source, frame = table("patients.csv")
    dataset = made(cache, source, "outcome", step("impute"), step("one_hot"))
    assert prepare(dataset.id, frame.astype({"age": str}), cache).shape == dataset.features.shape
    with pytest.raises(DataError, match="lack columns of the dataset: ward"):
        prepare(dataset.id, frame.drop(columns="ward"), cache)
    with pytest.raises(DataError, match="the column age has 'old', which is no number"):
        prepare(dataset.id, frame.assign(age="old"), cache)
    with pytest.raises(DataError, match="the dataset is of a table"):
        prepare(dataset.id, np.zeros((2, 2)), cache)
    with pytest.raises(NotFound, match="not in the cache"):
        prepare("0" * 64, frame, cache)


def test_steps_that_change_samples_are_left_to_the_caller(tmp_path: Path) -> None:
    dataset = made(FolderCache(tmp_path), DIGITS, None, step("slabs", thickness=4))
    with pytest.raises(DataError, match="slabs makes other samples"):
        prepare(dataset.id, np.zeros((2, 8, 8, 1)), FolderCache(tmp_path))
