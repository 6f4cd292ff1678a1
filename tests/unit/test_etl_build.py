"""Datasets end to end: built once, whole or not at all, the same each time, and shared where they can be."""

from __future__ import annotations

import copy
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn import datasets, model_selection, preprocessing

from blueno.cache.folder import FolderCache
from blueno.cache.manifests import dataset_key, read_json
from blueno.canonical import canonical, digest
from blueno.errors import DataError, NotFound
from blueno.etl.build import build
from blueno.etl.dataset import check_dataset, open_dataset
from blueno.etl.lineage import node_recipe
from blueno.etl.nodes import Building, load_node
from blueno.usercode import CodeFolder

COLUMNS = dict.fromkeys(("target", "features", "drop", "id", "group", "time", "task", "positive", "target_scale"))
SHARES = {"test": 0.2, "validation": 0.2, "stratify": True, "group": None, "seed": 0, "stop": None}
FOLDS = {
    "folds": 3,
    "repeats": 1,
    "stratify": False,
    "group": None,
    "shuffle": True,
    "seed": 0,
    "test": None,
    "stop": None,
}


def step(name: str, columns: list[str] | None = None, **params: Any) -> dict[str, Any]:
    return {"name": name, "params": params, "columns": columns, "code": 1}


def digits(*steps: dict[str, Any], split: Any = SHARES, fold: int | None = None) -> dict[str, Any]:
    source = {"name": "sklearn", "params": {"name": "digits"}, "code": 1, "fingerprint": None}
    return {"columns": COLUMNS, "fold": fold, "source": source, "split": split, "steps": list(steps)}


@pytest.fixture
def cache(tmp_path: Path) -> FolderCache:
    return FolderCache(tmp_path / "cache")


# ---- what comes out


def test_digits_scaled_as_by_hand(cache: FolderCache) -> None:
    recipe = digits(step("scale", method="standard"))
    report = build(recipe, cache)
    dataset = open_dataset(digest(recipe), cache)
    x, y = datasets.load_digits(return_X_y=True)
    rest, test = model_selection.train_test_split(np.arange(1797), test_size=0.2, random_state=0, stratify=y)
    train, _ = model_selection.train_test_split(rest, test_size=360, random_state=0, stratify=y[rest])
    scaled = preprocessing.StandardScaler().fit(x[train]).transform(x)
    assert dataset.features.shape == (1797, 8, 8, 1)
    assert np.array_equal(dataset.features.reshape(1797, 64), scaled)
    assert dataset.parts["test"].tolist() == test.tolist()
    assert dataset.target.tolist() == y.tolist()
    assert (dataset.task, dataset.classes, dataset.positive) == ("multiclass", list(range(10)), None)
    assert report.summary["parts"] == {"train": 1077, "validation": 360, "test": 360}
    assert report.bytes > dataset.features.nbytes
    assert canonical(report.summary)


def test_arrays_are_mapped_and_read_only(cache: FolderCache) -> None:
    recipe = digits()
    build(recipe, cache)
    dataset = open_dataset(digest(recipe), cache)
    assert isinstance(dataset.features, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        dataset.features[0] = 1


CSV = """scan,patient,age,site,pressure,outcome
s01,anna,41,Bern,120.5,well
s02,anna,41,Bern,,ill
s03,bob,,Graz,99,ill
s04,bob,60,,101.25,
s05,carl,33,Graz,130,well
s06,carl,33,Linz,128,well
s07,dora,29,Bern,140,ill
s08,emil,55,Bern,,well
s09,emil,55,Bern,111,ill
s10,fred,,Graz,117,well
s11,gina,47,Linz,122,ill
s12,gina,47,,119,well
"""


def scans(path: Path, *steps: dict[str, Any], fold: int = 0) -> dict[str, Any]:
    path.write_text(CSV)
    source = {"name": "csv", "params": {"path": str(path)}, "code": 1, "fingerprint": None}
    columns = COLUMNS | {"target": "outcome", "id": "scan", "positive": "ill"}
    split = FOLDS | {"group": "patient"}
    return {"columns": columns, "fold": fold, "source": source, "split": split, "steps": list(steps)}


def test_a_table_of_ones_own(cache: FolderCache, tmp_path: Path) -> None:
    recipe = scans(tmp_path / "scans.csv", step("impute", indicator=True), step("one_hot"), step("scale", ["age"]))
    summary = build(recipe, cache).summary
    dataset = open_dataset(digest(recipe), cache)
    assert summary["columns"] == [
        "age",
        "pressure",
        "missingindicator_age",
        "missingindicator_pressure",
        "site_Bern",
        "site_Graz",
    ]
    assert (dataset.classes, dataset.positive, summary["dropped"]) == (
        ["well", "ill"],
        "ill",
        {"the target is missing": 1},
    )
    assert dataset.ids.tolist() == [f"s{number:02d}" for number in (1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12)]
    assert dataset.features.dtype == np.dtype("float64")
    assert not np.isnan(dataset.features).any()
    patients = np.array([line.split(",")[1] for line in CSV.splitlines()[1:] if not line.endswith(",")])
    train, validation = (set(patients[dataset.parts[name]]) for name in ("train", "validation"))
    assert not train & validation
    assert summary["groups"] == 7


def test_gaps_and_text_at_the_end(cache: FolderCache, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no numbers: site"):
        build(scans(tmp_path / "scans.csv"), cache)
    summary = build(scans(tmp_path / "scans.csv", step("one_hot")), cache).summary
    assert summary["has_missing"] is True
    assert summary["missing"] == {"age": 2, "pressure": 2}


def test_a_step_that_found_nothing_to_do_is_told(cache: FolderCache, tmp_path: Path) -> None:
    summary = build(scans(tmp_path / "scans.csv", step("one_hot"), step("one_hot")), cache).summary
    assert "one_hot did nothing, since no column is categorical" in summary["guessed"]


def test_values_outside_training_change_no_training_row(cache: FolderCache, tmp_path: Path) -> None:
    steps = [step("impute"), step("one_hot"), step("scale"), step("pca", components=2)]
    recipe = scans(tmp_path / "scans.csv", *steps)
    build(recipe, cache)
    before = open_dataset(digest(recipe), cache)
    held_out = set(before.ids[before.parts["validation"]])
    lines = [
        line.replace("Bern", "Rome").replace("1", "7") if line.split(",")[0] in held_out else line
        for line in CSV.splitlines()
    ]
    lines = [
        f"{old[:3]}{new[3:]}" if new.startswith("s") else new for old, new in zip(CSV.splitlines(), lines, strict=True)
    ]
    changed = scans(tmp_path / "other.csv", *steps)
    (tmp_path / "other.csv").write_text("\n".join(lines))
    build(changed, cache)
    after = open_dataset(digest(changed), cache)
    train = before.parts["train"]
    assert after.parts["train"].tolist() == train.tolist()
    assert np.array_equal(after.features[train], before.features[train])
    assert not np.array_equal(after.features, before.features)


# ---- once

COUNTED = """
import os, time
import numpy as np

def load(log):
    with open(log, "a") as file:
        file.write("load\\n")
    time.sleep(0.1)
    return np.arange(40.0).reshape(20, 2), [0, 1] * 10

def half(x, *, log):
    if len(x) == 20:
        with open(log, "a") as file:
            file.write("half\\n")
    return x / 2

class Shift:
    def fit(self, x, y):
        self.published = {"shift": float(x.mean())}
    def transform(self, x):
        return x - self.published["shift"]
"""


@pytest.fixture
def code(tmp_path: Path) -> CodeFolder:
    (tmp_path / "own.py").write_text(COUNTED)
    return CodeFolder(tmp_path, "")


def counted(log: Path, *more: dict[str, Any], fold: int | None = None) -> dict[str, Any]:
    params = {"function": "own.py:load", "log": str(log)}
    source = {"name": "python", "params": params, "code": "c0de", "fingerprint": None}
    steps = [step("own.py:half", log=str(log)), *more]
    split = SHARES if fold is None else FOLDS
    return {"columns": COLUMNS, "fold": fold, "source": source, "split": split, "steps": steps}


def test_a_dataset_is_built_once(cache: FolderCache, code: CodeFolder, tmp_path: Path) -> None:
    recipe = counted(tmp_path / "log")
    first, second = build(recipe, cache, code), build(recipe, cache, code)
    assert len(first.computed) == 3
    assert first.computed[-1] == digest(recipe)
    assert second == first._replace(computed=[])


def test_shared_prefixes_are_computed_once(cache: FolderCache, code: CodeFolder, tmp_path: Path) -> None:
    log = tmp_path / "log"
    recipes = [counted(log, step("scale"), fold=fold) for fold in range(3)]
    recipes += [counted(log, step("reshape", shape=[2, 1])), counted(log, step("pca", components=1))]
    for recipe in recipes:
        build(recipe, cache, code)
    assert log.read_text().split() == ["load", "half"]


def test_what_does_not_depend_on_the_fold_is_stored_once(cache: FolderCache) -> None:
    for fold in range(3):
        build(digits(split=FOLDS, fold=fold), cache)
    manifests = [read_json(key, cache) for key in cache.list("datasets/")]
    assert len({manifest["features"]["key"] for manifest in manifests}) == 1
    assert len({manifest["parts"]["train"]["key"] for manifest in manifests}) == 3


def test_of_many_that_want_it_at_once_one_computes(cache: FolderCache, code: CodeFolder, tmp_path: Path) -> None:
    log = tmp_path / "log"
    recipes = [counted(log), counted(log), counted(log, step("scale")), counted(log, step("scale"))]
    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(lambda recipe: build(recipe, cache, code), recipes))
    assert log.read_text().split() == ["load", "half"]
    computed = [id for report in reports for id in report.computed]
    assert len(computed) == len(set(computed)) == 4


def test_fitted_steps_publish_and_are_kept(cache: FolderCache, code: CodeFolder, tmp_path: Path) -> None:
    recipe = counted(tmp_path / "log", step("own.py:Shift"), step("scale"))
    build(recipe, cache, code)
    dataset = open_dataset(digest(recipe), cache)
    assert dataset.published == {
        "shift": pytest.approx(float((np.arange(40.0) / 2).reshape(20, 2)[dataset.parts["train"]].mean()))
    }
    plain, own, scale = read_json(dataset_key(dataset.id), cache)["steps"]
    assert (plain["file"], own["file"]) == (None, None)
    scaler = skops.io.load(cache.get(scale["file"]["key"]))
    shifted = np.arange(40.0).reshape(20, 2) / 2 - dataset.published["shift"]
    assert np.allclose(scaler.transform(shifted), dataset.features, atol=1e-6)


def test_the_same_bytes_each_time(tmp_path: Path) -> None:
    recipe = digits(step("scale"), step("pca", components=8))
    keys = []
    for name in ("one", "two"):
        cache = FolderCache(tmp_path / name)
        build(recipe, cache)
        keys.append([key for key in cache.list("") if not key.endswith(".skops")])
    assert keys[0] == keys[1]


def test_progress_says_what_is_done(cache: FolderCache) -> None:
    said: list[str] = []
    build(digits(step("reshape", shape=[64]), step("scale")), cache, progress=said.append)
    assert said == ["source sklearn", "step reshape", "step scale"]
    build(digits(step("reshape", shape=[64]), step("scale", method="minmax")), cache, progress=said.append)
    assert said[3:] == ["step scale"]


def test_a_node_read_back_is_what_was_computed(cache: FolderCache, tmp_path: Path) -> None:
    for recipe in (scans(tmp_path / "scans.csv"), digits()):
        building = Building(cache, None, lambda _: None, [])
        computed, found = (load_node(node_recipe(recipe, 0), building) for _ in "12")
        assert len(building.computed) == 1
        assert pd.DataFrame(flat(computed.features)).equals(pd.DataFrame(flat(found.features)))
        assert type(computed.features) is type(found.features) or isinstance(found.features, np.memmap)
        assert computed.ids.tolist() == found.ids.tolist()
        assert (computed.groups is None) == (found.groups is None)
        assert computed[4:] == found[4:]


def flat(features: Any) -> Any:
    return features if isinstance(features, pd.DataFrame) else features.reshape(len(features), -1)


# ---- never half


def test_nothing_but_keys_is_left(cache: FolderCache) -> None:
    build(digits(step("scale")), cache)
    assert list(cache.scratch.iterdir()) == []


def test_an_unknown_or_incomplete_dataset_is_not_found(cache: FolderCache) -> None:
    with pytest.raises(NotFound, match="not in the cache"):
        open_dataset("0" * 64, cache)
    recipe = digits()
    build(recipe, cache)
    cache.delete(read_json(dataset_key(digest(recipe)), cache)["target"]["key"])
    with pytest.raises(NotFound, match="incomplete"):
        open_dataset(digest(recipe), cache)
    assert build(recipe, cache).computed != []
    assert open_dataset(digest(recipe), cache).target.shape == (1797,)


def test_damage_is_found_and_what_is_cut_short_is_mended(cache: FolderCache) -> None:
    recipe = digits(step("scale"))
    build(recipe, cache)
    id = digest(recipe)
    assert check_dataset(id, cache) == []
    key = read_json(dataset_key(id), cache)["features"]["key"]
    path = cache.get(key)
    path.chmod(0o644)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    assert check_dataset(id, cache) == [f"{key}: damaged (its checksum is another)"]
    path.write_bytes(content[:1000])
    build(recipe, cache)
    assert check_dataset(id, cache) == []
    cache.delete(key)
    assert check_dataset(id, cache) == [f"{key}: missing"]
    cache.delete(dataset_key(id))
    assert check_dataset(id, cache) == [f"{dataset_key(id)}: missing or unreadable"]


def test_a_failing_build_leaves_no_dataset(cache: FolderCache, tmp_path: Path) -> None:
    recipe = scans(tmp_path / "scans.csv", step("pca", components=3))
    with pytest.raises(DataError):
        build(recipe, cache)
    assert list(cache.list("datasets/")) == []
    assert list(cache.scratch.iterdir()) == []


BUILDER = """
import json, sys
from pathlib import Path
from blueno.cache.folder import FolderCache
from blueno.etl.build import build
recipe = json.loads(sys.argv[2])
print("ready", flush=True)
for seed in range(100_000):
    build({**recipe, "split": {**recipe["split"], "seed": seed}}, FolderCache(Path(sys.argv[1])))
"""


def test_a_killed_build_leaves_whole_datasets_and_can_be_repeated(tmp_path: Path) -> None:
    recipe = digits(step("scale"), step("pca", components=8))
    cache = FolderCache(tmp_path / "cache")
    command = [sys.executable, "-c", BUILDER, str(cache.root), canonical(recipe)]
    for milliseconds in (130, 390):
        with subprocess.Popen(command, stdout=subprocess.PIPE) as builder:
            assert builder.stdout is not None
            builder.stdout.readline()
            with pytest.raises(subprocess.TimeoutExpired):
                builder.wait(milliseconds / 1000)
            builder.kill()
        for key in cache.list("datasets/"):
            assert check_dataset(Path(key).stem, cache) == []
    build(recipe, cache)
    assert check_dataset(digest(recipe), cache) == []


def test_the_recipe_is_left_as_it_was(cache: FolderCache) -> None:
    recipe = digits(step("scale"))
    before = copy.deepcopy(recipe)
    build(recipe, cache)
    assert recipe == before
