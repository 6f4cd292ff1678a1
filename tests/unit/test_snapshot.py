"""Snapshots of user code: content-addressed, the same bytes every time, and never what was not planned."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from blueno.cache.folder import FolderCache
from blueno.canonical import digest
from blueno.errors import BluenoError
from blueno.planning.snapshot import Snapshot, snapshot_of, write_snapshot
from blueno.spec.modules import Folders


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    specs = tmp_path / "project" / "specs" / "deep"
    specs.mkdir(parents=True)
    (specs / "nets.py").write_text("import lib\n")
    (specs / "table.csv").write_text("1\n")
    (tmp_path / "project" / "lib.py").write_text("x = 1\n")
    (tmp_path / "project" / "unused.py").write_text("x = 1\n")
    return Folders(specs, tmp_path / "project")


def test_a_snapshot_holds_what_the_references_need(folders: Folders) -> None:
    snapshot = snapshot_of(["nets.py:build", "sklearn.svm:SVC"], ["*.csv"], folders)
    names = [name for name, _, _ in snapshot.files]
    assert names == ["lib.py", "specs/deep/nets.py", "specs/deep/table.csv"]
    assert snapshot.key == f"snapshots/{digest([[name, sha] for name, _, sha in snapshot.files])}.zip"
    assert snapshot.folder == "specs/deep"


def test_without_user_code_there_is_none(folders: Folders, tmp_path: Path) -> None:
    snapshot, cache = snapshot_of(["sklearn.svm:SVC"], [], folders), FolderCache(tmp_path / "cache")
    write_snapshot(snapshot, cache)
    assert snapshot == Snapshot("", (), "specs/deep")
    assert list(cache.list("")) == []


def test_a_spec_outside_of_the_root_is_its_own_base(folders: Folders, tmp_path: Path) -> None:
    (folders.spec / "nets.py").write_text("")
    snapshot = snapshot_of(["nets.py:build"], [], Folders(folders.spec, tmp_path / "elsewhere"))
    assert [name for name, _, _ in snapshot.files] == ["nets.py"]
    assert snapshot.folder == ""


def test_the_archive_is_made_of_the_bytes_that_were_hashed(folders: Folders, tmp_path: Path) -> None:
    snapshot = snapshot_of(["nets.py:build"], [], folders)
    one, other = FolderCache(tmp_path / "one"), FolderCache(tmp_path / "other")
    write_snapshot(snapshot, one)
    (folders.spec / "nets.py").touch()
    write_snapshot(snapshot, other)
    assert one.get(snapshot.key).read_bytes() == other.get(snapshot.key).read_bytes()
    with zipfile.ZipFile(one.get(snapshot.key)) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == {
            "lib.py": b"x = 1\n",
            "specs/deep/nets.py": b"import lib\n",
        }


def test_a_file_that_changed_since_the_plan_is_refused(folders: Folders, tmp_path: Path) -> None:
    snapshot, cache = snapshot_of(["nets.py:build"], [], folders), FolderCache(tmp_path / "cache")
    (folders.root / "lib.py").write_text("x = 2\n")
    with pytest.raises(BluenoError, match=r"lib.py has changed since the plan was made"):
        write_snapshot(snapshot, cache)
    (folders.root / "lib.py").unlink()
    with pytest.raises(BluenoError, match=r"lib.py was there when the plan was made"):
        write_snapshot(snapshot, cache)
    assert list(cache.list("")) == []


def test_what_is_in_the_cache_is_not_written_again(folders: Folders, tmp_path: Path) -> None:
    snapshot, cache = snapshot_of(["nets.py:build"], [], folders), FolderCache(tmp_path / "cache")
    write_snapshot(snapshot, cache)
    (folders.root / "lib.py").unlink()
    write_snapshot(snapshot, cache)
    assert list(cache.list("")) == [snapshot.key]
