"""The original's grid on machines that share a bucket: each preparation is made once, wherever it is made."""

from __future__ import annotations

import json
import signal
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from blueno.cache.gcs import GcsCache
from blueno.cache.google import storage_client
from blueno.cache.outbox import made, noted, outbox_of
from tests.gcs_server import Server
from tests.proxy import Proxy

from .project import Project, kill, wait_for

PREPARATIONS, CONFIGS = 9, 36
PATIENCE_S = 300.0
GRID = f"""\
version: 1
name: grid
objective: {{maximize: val_accuracy}}
data: {{source: {{sklearn: digits}}, split: {{test: 0.2, validation: 0.2}}}}
preprocess:
  - clip: {{high: {{grid: [8, 12, 16]}}}}
  - pca: {{components: {{grid: [4, 8, 16]}}}}
model:
  estimator: sklearn.naive_bayes:GaussianNB
  var_smoothing: {{grid: [{", ".join(f"1.0e-{n}" for n in range(1, CONFIGS + 1))}]}}
"""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]


def project(root: Path) -> Project:
    made = Project(root)
    made.write(grid_yaml=GRID)
    return made


def events(root: Path) -> list[tuple[str, str]]:
    """What became of datasets, in order: (id, state)."""
    with closing(sqlite3.connect(root / "data" / "blueno.db")) as db:
        return db.execute("SELECT detail, after FROM events WHERE kind = 'dataset' ORDER BY seq").fetchall()


def sent(root: Path) -> bool:
    """Whether all is in the bucket that was made here."""
    return noted(outbox_of(root)) == []


def keys(bucket: str, root: Path) -> list[str]:
    """What is in the bucket, beside the announcements of what each store wants."""
    client = storage_client(root)
    found = list(GcsCache(bucket, root / "scratch", client).list(""))
    client.close()
    return [key for key in found if not key.startswith("wants/")]


def test_324_trials_over_9_preparations_on_two_machines(tmp_path: Path, bucket: str) -> None:
    first, second = project(tmp_path / "first"), project(tmp_path / "second")
    sweeps = [first.start("sweep", "grid.yaml", "--json", BLUENO_CACHE=bucket) for _ in range(4)]
    ended: list[dict[str, Any]] = [json.loads(sweep.communicate(timeout=1000)[0]) for sweep in sweeps]
    assert {(counts["planned"], counts["succeeded"]) for counts in ended} == {(PREPARATIONS * CONFIGS,) * 2}
    assert [state for _, state in events(first.root)].count("built") == PREPARATIONS
    wait_for(lambda: sent(first.root), PATIENCE_S)
    in_the_bucket = keys(bucket, first.root)
    assert sum(key.startswith("datasets/") for key in in_the_bucket) == PREPARATIONS
    assert (
        sum(key.startswith("nodes/") for key in in_the_bucket) == 4
    )  # the source, and the source clipped in three ways

    second.run("sweep", "grid.yaml", timeout_s=1000, BLUENO_CACHE=bucket)
    assert second.errors.count("came from gs://") == PREPARATIONS
    assert not list((second.root / "data" / "cache").glob("nodes/*"))  # nothing was computed, so none was asked for
    assert not made(outbox_of(second.root))
    wait_for(lambda: sent(second.root), PATIENCE_S)
    assert keys(bucket, first.root) == in_the_bucket
    assert second.json("status", "grid")["succeeded"] == PREPARATIONS * CONFIGS


def small(root: Path) -> Project:
    made = Project(root)
    made.write(grid_yaml=GRID.replace("[8, 12, 16]", "[8]").replace("[4, 8, 16]", "[4, 8]"))
    return made


def test_a_bucket_that_is_down_stops_nothing_and_is_caught_up(tmp_path: Path, bucket: str, gcs_server: Server) -> None:
    machine = small(tmp_path / "machine")
    gcs_server.kill()
    try:
        machine.run("sweep", "grid.yaml", timeout_s=1000, BLUENO_CACHE=bucket)
        assert "it cannot be reached" in machine.errors
        assert "still on its way" in machine.errors
        assert not sent(machine.root)
    finally:
        gcs_server.start()
    wait_for(lambda: not machine.processes(), PATIENCE_S)
    machine.run("sweep", "grid.yaml", timeout_s=1000, BLUENO_CACHE=bucket)  # nothing to train, but what waited is sent
    wait_for(lambda: sent(machine.root), PATIENCE_S)
    assert sum(key.startswith("datasets/") for key in keys(bucket, machine.root)) == 2


def test_a_sweep_killed_while_it_sends(tmp_path: Path, bucket: str, gcs_server: Server) -> None:
    machine, proxy = small(tmp_path / "machine"), Proxy(gcs_server.port)
    proxy.holds = 100_000
    sweep = machine.start("sweep", "grid.yaml", BLUENO_CACHE=bucket, STORAGE_EMULATOR_HOST=proxy.url)
    publishers = wait_for(lambda: machine.processes("blueno.cache.publisher"), PATIENCE_S)
    proxy.wait_until_held()
    kill(publishers[0])
    kill(sweep)
    proxy.drop()
    proxy.close()
    sweep.communicate()
    assert sweep.returncode in (-signal.SIGKILL, 0)
    wait_for(lambda: not machine.processes(), PATIENCE_S)
    machine.run("sweep", "grid.yaml", timeout_s=1000, BLUENO_CACHE=bucket)
    wait_for(lambda: sent(machine.root), PATIENCE_S)
    other = small(tmp_path / "other")
    other.run("sweep", "grid.yaml", timeout_s=1000, BLUENO_CACHE=bucket)
    assert other.errors.count("came from gs://") == 2


def test_without_the_setting_no_publisher_starts(tmp_path: Path) -> None:
    machine = small(tmp_path / "machine")
    machine.run("sweep", "grid.yaml")
    assert not (machine.root / "logs" / "cache.log").exists()
    assert not outbox_of(machine.root).exists()


def test_try_takes_what_another_machine_has_built_and_sends_nothing(tmp_path: Path, bucket: str) -> None:
    first, second = project(tmp_path / "first"), project(tmp_path / "second")
    values = ("preprocess.clip.high=8", "preprocess.pca.components=4", "model.var_smoothing=0.1")
    small = [word for value in values for word in ("--set", value)]
    for each in (first, second):
        each.write(blueno_toml=f'cache = "{bucket}"\n')
    assert "nothing fails so far" in first.run("try", "grid.yaml", *small)
    assert keys(bucket, first.root) == []
    first.run("sweep", "grid.yaml", *small)
    wait_for(lambda: sent(first.root), PATIENCE_S)
    assert "nothing fails so far" in second.run("try", "grid.yaml", *small)
    assert second.errors.count("came from gs://") == 1
    assert len(list((second.root / "data" / "cache" / "datasets").iterdir())) == 1  # and stays for the sweep
    other = second.run("try", "grid.yaml", *small, "--set", "preprocess.pca.components=8")
    assert "nothing fails so far" in other and second.errors.count("node") == 1  # clipped already, elsewhere
    assert not outbox_of(second.root).exists()
