"""`blueno plan`: what it shows of a spec, of the cache and of the store; and that it changes nothing."""

from __future__ import annotations

import io
import json
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blueno.cache.folder import FolderCache
from blueno.cli import run
from blueno.commands.plan import compiled, reading, reasons, standing
from blueno.planning import Plan
from blueno.planning.describe import about_plan
from blueno.store.database import open_store, store_path
from blueno.store.submit import submit
from blueno.store.transitions import DONE

SPEC = """\
version: 1
name: small
objective: {maximize: val_accuracy}
seeds: 2
data: {source: {sklearn: iris}, split: {validation: 0.2}}
preprocess: [{scale: {method: {grid: [standard, minmax]}}}]
model: {estimator: "sklearn.tree:DecisionTreeClassifier", max_depth: {grid: [1, 2, 3]}}
exclude:
  - {model.max_depth: 3, preprocess.scale.method: minmax}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "specs" / "small.yaml"
    path.parent.mkdir()
    path.write_text(SPEC)
    return path


def plan_json(spec: Path, capsys: pytest.CaptureFixture[str], *more: str) -> dict[str, Any]:
    assert run(["plan", str(spec), "--root", str(spec.parent.parent), "--json", *more]) == 0
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return document


def submitted(spec: Path) -> Plan:
    root = spec.parent.parent
    plan = compiled(spec, [], root)
    db = open_store(root, time.time())
    submit(db, plan, about_plan(plan), "", time.time())
    db.close()
    return plan


def set_states(root: Path, states: dict[str, str]) -> None:
    """Puts trials into states, as if they had been tried once."""
    db = open_store(root, time.time())
    db.executemany("UPDATE trials SET state = ?, attempt = 1 WHERE id = ?", ((s, id) for id, s in states.items()))
    db.close()


def set_failure(root: Path, trial: str, kind: str) -> None:
    db = open_store(root, time.time())
    db.execute(
        "INSERT INTO results (trial, attempt, state, engine, metrics, nonfinite, artefacts, notes, ended, duration_s,"
        " peak_memory_bytes, error_class, history, log)"
        " VALUES (?, 1, 'failed', '', '{}', '[]', '{}', '[]', '', 0, 0, ?, '', '')",
        (trial, kind),
    )
    db.close()


def tree(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != "fingerprints.json":
            yield str(path), path.read_bytes()


def test_what_would_run(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(spec), "--root", str(spec.parent.parent)]) == 0
    said = capsys.readouterr().out
    assert "small: maximize val_accuracy" in said
    assert "5 configs, 10 trials, 1 excluded" in said
    assert "datasets: 2 (0 cached, 2 to build)" in said
    assert "10 new, 0 done" in said


def test_the_document(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = plan_json(spec, capsys)
    assert (document["configs"], document["trials"], document["excluded"]) == (5, 10, 1)
    assert document["trial_states"] == {"new": 10, "done": 0}
    assert [dataset["state"] for dataset in document["datasets"]] == ["to_build", "to_build"]
    assert "trial_list" not in document


def test_every_trial(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = plan_json(spec, capsys, "--trials")
    assert len(document["trial_list"]) == 10
    assert document["trial_list"][0]["params"]["model"]["max_depth"] == 1
    assert run(["plan", str(spec), "--root", str(spec.parent.parent), "--trials"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-10].split()[1:] == ["standard", "1", "0", "-", "new"]


def test_values_can_be_overridden(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plan_json(spec, capsys, "--set", "seeds=5")["trials"] == 25


def test_nothing_is_made(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = spec.parent.parent
    before = dict(tree(root))
    plan_json(spec, capsys, "--trials")
    assert dict(tree(root)) == before
    assert not store_path(root).exists()


def test_the_store_is_only_read(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    submitted(spec)
    before = store_path(spec.parent.parent).read_bytes()
    assert plan_json(spec, capsys)["trial_states"] == {"new": 0, "done": 0, "queued": 10}
    assert store_path(spec.parent.parent).read_bytes() == before


def test_datasets_in_the_cache(spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = tmp_path / "manifest.json"
    manifest.write_text("{}")
    plan = compiled(spec, [], tmp_path)
    FolderCache(tmp_path / "data" / "cache").put_if_absent(f"datasets/{plan.datasets[0].id}.json", manifest)
    assert [dataset["state"] for dataset in plan_json(spec, capsys)["datasets"]] == ["cached", "to_build"]


def test_why_others_are_not_done(spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ids = [trial.id for trial in submitted(spec).trials]
    states = ["succeeded", "diverged", "failed", "failed", "failed", "idle", "running", "queued", "queued", "queued"]
    set_states(tmp_path, dict(zip(ids, states, strict=True)))
    for id, kind in zip(ids[2:5], ["user_code", "timeout", "lost"], strict=True):
        set_failure(tmp_path, id, kind)
    found = standing(compiled(spec, [], tmp_path), tmp_path)
    assert found.failures == Counter(["user_code", "timeout", "lost"])
    assert reasons(found) == [
        "  4 queued or running, for a sweep that is not finished",
        "  1 taken back by `blueno stop`: the next `blueno sweep` runs them",
        "  1 failed by the machine's fault: the next `blueno sweep` runs them",
        "  2 failed (timeout, user_code): wait for `blueno retry`",
        "  1 diverged, which counts as done: `blueno retry --cause diverged` runs them",
    ]
    assert plan_json(spec, capsys)["trial_states"]["done"] == sum(state in DONE[:2] for state in states)
    assert run(["plan", str(spec), "--root", str(tmp_path)]) == 0
    assert "  2 failed (timeout, user_code): wait for `blueno retry`" in capsys.readouterr().out


def test_errors_of_a_spec(spec: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec.write_text(SPEC.replace("seeds: 2", "seeds: two").replace("max_depth", "max_dept"))
    assert run(["plan", str(spec), "--root", str(spec.parent.parent), "--json"]) == 1
    captured = capsys.readouterr()
    errors = json.loads(captured.out)["errors"]
    assert [error["line"] for error in errors] == sorted(error["line"] for error in errors)
    assert {error["line"] for error in errors} >= {4, 7}
    assert f"{spec}:4:8: seeds: " in captured.err


def test_a_spec_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", str(tmp_path / "none.yaml"), "--root", str(tmp_path)]) == 1
    assert "none.yaml" in capsys.readouterr().err


def test_large_files_are_told_of_now_and_then() -> None:
    stream, now = io.StringIO(), iter([0.0, 0.5, 1.5, 1.5, 1.6])
    progress = reading(stream, lambda: next(now))
    progress(Path("a/scans.npz"), 10**9, 60 * 10**9)
    progress(Path("a/scans.npz"), 2 * 10**9, 60 * 10**9)
    progress(Path("a/scans.npz"), 3 * 10**9, 60 * 10**9)
    progress(Path("a/labels.csv"), 1000, 1000)
    assert stream.getvalue() == "reading scans.npz: 2.0 GB of 60.0 GB (once, then it is remembered)\n"
