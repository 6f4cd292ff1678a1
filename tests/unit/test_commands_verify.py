"""verify: the ledger, the store, and every checksum."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blueno.cache.folder import FolderCache
from blueno.canonical import digest_file, short
from blueno.commands import verify
from blueno.store import ledger, requests

from .command_line import document, failed_sweep, model_files, output, with_model
from .test_scheduler import Bench, good


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.db.close()


def test_verify_of_a_sound_project(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1, 2), data=True)
    bench.submit(name="other", values=(3,))
    bench.run(with_model(bench))
    found = document(capsys, bench, "verify")
    assert (found["ok"], found["artefacts_checked"], found["problems"]) == (True, 3, [])
    assert [sweep["name"] for sweep in found["sweeps"]] == ["other", "small"]
    assert found["sweeps"][0]["adds_up"] is True
    assert document(capsys, bench, "verify", "other")["artefacts_checked"] == 1
    assert output(capsys, bench, "verify") == (
        "all is well: 2 sweeps add up, 3 files of models, 0 cached datasets are as recorded\n"
    )


def test_verify_finds_models_that_are_not_what_was_recorded(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1, 2, 3))
    bench.run(with_model(bench))
    missing, longer, other = (bench.root / "models" / key for key in model_files(bench))
    missing.unlink()
    for path, text in ((longer, "longer" * 20), (other, "x" * 64)):
        path.chmod(0o644)
        path.write_text(text)
    found = document(capsys, bench, "verify", code=1)
    assert found["ok"] is False
    assert found["artefacts_checked"] == 3
    assert sorted(problem.rpartition(") ")[2] for problem in found["problems"]) == [
        "has 120 bytes, not 64",
        "has another SHA-256",
        "is missing",
    ]
    assert output(capsys, bench, "verify", "small", code=1).startswith("3 problems (checked 3 files of models")


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        ("DELETE FROM results WHERE trial = (SELECT min(trial) FROM results)", "left no result"),
        (
            "UPDATE results SET state = 'failed' WHERE trial = (SELECT min(trial) FROM results)",
            "left the result failed",
        ),
        ("UPDATE trials SET recipe = recipe || ' ' WHERE number = 1", "is not the SHA-256 of its recipe"),
        ("UPDATE datasets SET recipe = '{}'", "the id of dataset"),
        ("UPDATE sweeps SET planned = 9", "does not add up: 9 is not 2 succeeded"),
        ("DELETE FROM datasets", "2 rows of the table trials refer to rows of datasets"),
    ],
)
def test_verify_finds_what_does_not_hold_in_the_store(damage: str, told: str, bench: Bench) -> None:
    bench.submit(values=(1, 2), data=True)
    bench.run(good)
    bench.db.execute("PRAGMA foreign_keys = OFF")
    bench.db.execute(damage)
    [problem] = verify.verify(bench.db, bench.root, None)["problems"]
    assert told in problem


def test_verify_reads_cached_datasets(bench: Bench) -> None:
    bench.submit(values=(1,), data=True)
    bench.run(good)
    cache = FolderCache(bench.root / "data" / "cache")
    [dataset] = bench.db.execute("SELECT id FROM datasets").fetchone()
    assert verify.verify(bench.db, bench.root, None)["datasets_checked"] == 0
    part = store_array(bench, cache)
    manifest = bench.root / "manifest"
    manifest.write_text(json.dumps({"id": dataset, "features": part}))
    cache.put_if_absent(f"datasets/{dataset}.json", manifest)
    found = verify.verify(bench.db, bench.root, None)
    assert (found["ok"], found["datasets_checked"]) == (True, 1)
    file = cache.get(part["key"])
    file.chmod(0o644)
    file.write_bytes(b"\0" * part["bytes"])
    [problem] = verify.verify(bench.db, bench.root, None)["problems"]
    assert f"dataset {short(dataset)}: {part['key']}: damaged" in problem
    assert "builds it again" in problem
    assert verify.verify(bench.db, bench.root, None, repair=True)["problems"][0].endswith(
        "deleted, and the next sweep builds it again"
    )
    assert cache.stat(part["key"]) is None
    assert verify.verify(bench.db, bench.root, None)["ok"]


def store_array(bench: Bench, cache: FolderCache) -> dict[str, Any]:
    """A part as etl stores it."""
    path = bench.root / "part.npy"
    np.save(path, np.zeros(3))
    checksum = digest_file(path)
    part: dict[str, Any] = {"key": f"parts/{checksum}.npy", "sha256": checksum, "bytes": path.stat().st_size}
    cache.put_if_absent(part["key"], path)
    return part


def test_verify_counts_trials_that_wait_as_no_problem(bench: Bench) -> None:
    sweep = failed_sweep(bench)
    requests.append(bench.db, "retry", {"sweep": sweep}, bench.now)
    bench.steps(1)
    assert ledger.ledger(bench.db, sweep).running
    assert verify.verify(bench.db, bench.root, None)["problems"] == []
