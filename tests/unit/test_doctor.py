"""`blueno doctor`: what it finds in sound projects and in broken ones."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from blueno.checks import Finding, examine
from blueno.cli import run
from blueno.commands.doctor import doctor_text, settings_in_force, verdict
from blueno.libraries import Library, optional, required, training
from blueno.settings import load_settings
from blueno.store.database import open_store, scheduler_lock, store_path
from blueno.tables import size


def found(root: Path, topic: str) -> list[Finding]:
    return [finding for finding in examine(load_settings(root, {})) if finding.topic == topic]


def test_an_empty_folder_is_ready_and_stays_empty(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = tmp_path / "project"
    root.mkdir()
    assert run(["doctor", "--root", str(root)]) == 0
    said = capsys.readouterr().out
    assert "none yet: the first sweep makes it" in said
    assert "executor = 'local' (default)" in said
    assert list(root.iterdir()) == []


def test_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["doctor", "--root", str(tmp_path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is True
    assert document["settings"]["cpus"] == {"value": 0, "from": "default"}
    topics = {finding["topic"] for finding in document["findings"]}
    assert {"python", "system", "library", "gpu", "cpu", "workers", "memory", "clock", "root", "store"} <= topics


def test_a_sound_store(tmp_path: Path) -> None:
    open_store(tmp_path, time.time()).close()
    [store] = found(tmp_path, "store")
    assert store.state == "ok"
    assert "0 sweeps, 0 trials" in store.text


@pytest.mark.parametrize("length", [100, 5000])
def test_a_damaged_store_is_a_problem(tmp_path: Path, length: int, capsys: pytest.CaptureFixture[str]) -> None:
    path = store_path(tmp_path)
    path.parent.mkdir()
    path.write_bytes(b"this is no database " * length)
    [store] = found(tmp_path, "store")
    assert store.state == "problem"
    assert "damaged" in store.text
    assert run(["doctor", "--root", str(tmp_path)]) == 1
    assert "1 of these prevent sweeping (marked !)" in capsys.readouterr().out


def test_a_store_of_a_newer_program_is_a_problem(tmp_path: Path) -> None:
    db = open_store(tmp_path, time.time())
    db.execute("PRAGMA user_version = 9999")
    db.close()
    [store] = found(tmp_path, "store")
    assert (store.state, store.fix) == ("problem", "update Blueno, or choose another --root")


def test_an_empty_file_is_no_store_yet(tmp_path: Path) -> None:
    store_path(tmp_path).parent.mkdir()
    store_path(tmp_path).touch()
    [store] = found(tmp_path, "store")
    assert store.state == "ok"


def test_who_is_the_scheduler(tmp_path: Path) -> None:
    assert found(tmp_path, "scheduler") == [Finding("scheduler", "ok", "none runs")]
    with scheduler_lock(tmp_path, {"host": "here"}):
        [finding] = found(tmp_path, "scheduler")
        assert f"process {os.getpid()} on here" in finding.text
        assert found(tmp_path, "workers") == []
    assert found(tmp_path, "scheduler") == [Finding("scheduler", "ok", "none runs")]


def test_a_clock_behind_the_store(tmp_path: Path) -> None:
    db = open_store(tmp_path, time.time())
    db.execute("INSERT INTO events (at, kind) VALUES ('2999-01-01T00:00:00.000Z', 'submitted')")
    db.close()
    [clock] = found(tmp_path, "clock")
    assert clock.state == "warning"
    assert "2999-01-01" in clock.text


def test_devices_that_are_not_there_are_a_problem(tmp_path: Path) -> None:
    (tmp_path / "blueno.toml").write_text('devices = "GPU-that-nobody-has"')
    [workers] = found(tmp_path, "workers")
    assert workers.state == "problem"
    assert workers.fix


def test_what_the_folders_hold(tmp_path: Path) -> None:
    (tmp_path / "models" / "ab").mkdir(parents=True)
    (tmp_path / "models" / "ab" / "weights").write_bytes(b"x" * 2500)
    assert Finding("files", "ok", "models: 2.5 kB in 1 file") in found(tmp_path, "files")


def test_where_settings_come_from(tmp_path: Path) -> None:
    (tmp_path / "blueno.toml").write_text('executor = "inline"\ncpus = 2')
    environment = {"BLUENO_CPUS": "3"}
    assert settings_in_force(load_settings(tmp_path, environment), environment) == {
        "executor": {"value": "inline", "from": "blueno.toml"},
        "engine": {"value": "auto", "from": "default"},
        "devices": {"value": "", "from": "default"},
        "per_device": {"value": 0, "from": "default"},
        "cpus": {"value": 3, "from": "BLUENO_CPUS"},
        "cache": {"value": "", "from": "default"},
        "cache_limit": {"value": "", "from": "default"},
        "cache_days": {"value": 30, "from": "default"},
        "publish": {"value": "none", "from": "default"},
        "checkpoint_s": {"value": 300, "from": "default"},
        "elastic_url": {"value": "", "from": "default"},
        "elastic_cloud_id": {"value": "", "from": "default"},
        "elastic_prefix": {"value": "blueno", "from": "default"},
        "elastic_ca": {"value": "", "from": "default"},
        "elastic_fingerprint": {"value": "", "from": "default"},
        "sinks": {"value": (), "from": "default"},
    }


def test_findings_are_marked_and_say_what_to_do() -> None:
    findings = [Finding("a", "ok", "fine"), Finding("b", "problem", "broken", "mend it")]
    assert doctor_text(findings, {}).splitlines()[:3] == [
        "  a          fine",
        "! b          broken",
        f"{'':13}fix: mend it",
    ]
    assert verdict(findings[:1]) == "ready to sweep"
    assert verdict([Finding("c", "warning", "slow")]) == "ready to sweep, but see the 1 marked ?"


def test_versions_are_compared_as_numbers() -> None:
    assert Library("a", "1.10", "1.9").will_do
    assert Library("a", "2", "2.0").will_do
    assert not Library("a", "1.9.9", "1.10").will_do
    assert not Library("a", None, "").will_do


def test_what_is_needed_is_what_the_package_declares() -> None:
    assert {"click", "numpy", "pyyaml", "scikit-learn"} <= {library.name for library in required()}
    assert not {"keras", "pytest"} & {library.name for library in required()}
    keras, backend = training({"KERAS_BACKEND": "torch"})
    assert (keras.name, backend.name) == ("keras", "torch")
    assert training({})[1].name in ("tensorflow", "tensorflow-cpu")


def test_what_only_some_parts_need(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert {"pillow", "matplotlib", "pyarrow", "openpyxl"} <= {library.name for library, _ in optional()}
    monkeypatch.setattr("blueno.checks.optional", lambda: [(Library("pillow", None, "10"), "pictures")])
    texts = [each.text for each in examine(load_settings(tmp_path, devices="cpu")) if each.topic == "library"]
    assert "pillow is not installed (for pictures: pip install -U 'pillow>=10')" in texts


def test_a_sink_that_is_set_needs_its_library(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "blueno.toml").write_text('sinks = ["tensorboard", "mlflow"]')
    assert [each.state for each in found(tmp_path, "sinks")] == ["ok", "ok"]
    monkeypatch.setattr("blueno.checks.find_spec", lambda name: None if name == "mlflow" else True)
    assert found(tmp_path, "sinks")[1:] == [
        Finding("sinks", "warning", "mlflow needs mlflow-skinny, not installed", "pip install mlflow-skinny")
    ]


def test_sizes_for_people() -> None:
    assert [size(count) for count in (0, 999, 1000, 2_500_000, 3e9, 4e12, 5e15)] == [
        "0 B", "999 B", "1.0 kB", "2.5 MB", "3.0 GB", "4.0 TB", "5000.0 TB",
    ]  # fmt: skip


def test_the_store_is_only_read(tmp_path: Path) -> None:
    open_store(tmp_path, time.time()).close()
    before = store_path(tmp_path).read_bytes()
    examine(load_settings(tmp_path, {}))
    assert store_path(tmp_path).read_bytes() == before
    with closing(sqlite3.connect(store_path(tmp_path))) as db:
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
