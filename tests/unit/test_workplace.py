"""Folders that leave nothing behind, and datasets lent to them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest

from blueno.cache.folder import FolderCache
from blueno.cache.manifests import dataset_key
from blueno.canonical import digest
from blueno.errors import NotFound
from blueno.etl.build import build
from blueno.etl.dataset import check_dataset, open_dataset
from blueno.workplace import lend, workplace

IRIS = {
    "columns": dict.fromkeys(
        ("target", "features", "drop", "id", "group", "time", "task", "positive", "target_scale")
    ),
    "fold": None,
    "source": {"name": "sklearn", "params": {"name": "iris"}, "code": 1, "fingerprint": None},
    "split": {"test": 0.2, "validation": 0.2, "stratify": True, "group": None, "seed": 0, "stop": None},
    "steps": [{"name": "scale", "params": {"method": "standard"}, "columns": None, "code": 1}],
}  # fmt: skip


def test_nothing_is_left(tmp_path: Path) -> None:
    with workplace(tmp_path / "project", "try") as folder:
        (folder / "deep").mkdir()
        (folder / "deep" / "file").write_text("text")
        assert (tmp_path / "project") in folder.parents
    assert not (tmp_path / "project").exists()


def test_what_was_there_stays(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.csv").write_text("a,b")
    with pytest.raises(KeyboardInterrupt), workplace(tmp_path, "try"):
        raise KeyboardInterrupt
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["mine.csv"]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    work = tmp_path / "data" / "work"
    of_nobody, of_somebody = work / "try-999999999", work / f"try-{os.getppid()}"
    for folder in (of_nobody, of_somebody):
        folder.mkdir(parents=True)
        (folder / "file").write_text("text")
    with workplace(tmp_path, "try"):
        assert not of_nobody.exists()
    assert of_somebody.exists()


def test_a_dataset_is_lent_whole_and_stays_with_its_owner(tmp_path: Path) -> None:
    ours, id = FolderCache(tmp_path / "cache"), digest(IRIS)
    build(IRIS, ours)
    with workplace(tmp_path, "try") as folder:
        theirs = FolderCache(folder / "cache")
        assert lend(dataset_key(id), ours, theirs)
        assert not lend(dataset_key("0" * 64), ours, theirs)
        assert check_dataset(id, theirs) == []
        assert build(IRIS, theirs).computed == []
        lent = np.array(open_dataset(id, theirs).features)
    assert check_dataset(id, ours) == []
    assert np.array_equal(lent, open_dataset(id, ours).features)


def test_a_damaged_dataset_is_built_anew_and_its_owner_keeps_it(tmp_path: Path) -> None:
    ours, theirs, id = FolderCache(tmp_path / "ours"), FolderCache(tmp_path / "theirs"), digest(IRIS)
    build(IRIS, ours)
    ours.delete(json.loads(ours.get(f"datasets/{id}.json").read_text())["features"]["key"])
    lend(dataset_key(id), ours, theirs)
    with pytest.raises(NotFound):
        open_dataset(id, theirs)
    assert id in build(IRIS, theirs).computed
    assert check_dataset(id, theirs) == []
    assert check_dataset(id, ours) != []
