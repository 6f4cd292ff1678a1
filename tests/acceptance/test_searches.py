"""Searches through the real command line, killed and gone on with."""

from __future__ import annotations

import random
import sqlite3
import time
from pathlib import Path

import pytest

from .project import Project, kill, wait_for

SPEC = """\
version: 1
name: found
objective: {maximize: score}
seeds: 2
search: {method: tpe, configs: 30, seed: 3, first: [{model.rate: 0.05}]}
model:
  function: job.py:train
  rate: {log_uniform: [1e-3, 1]}
  one_of: [{a: {uniform: [0, 1]}}, {b: {range: [1, 5, 1]}, as: bee}]
exclude: [{model.rate: {gt: 0.9}}]
"""

JOB = """\
import time

def train(trial):
    time.sleep(0.05)
    return {"score": -(trial.params["rate"] - 0.3) ** 2 - (trial.params.get("a", 0) - 0.5) ** 2}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "project")
    project.write(found_yaml=SPEC, job_py=JOB)
    return project


def test_a_search_that_is_killed_goes_on_with_the_same_history(project: Project) -> None:
    chance = random.Random(20261128)
    before: list[tuple[object, ...]] = []
    for _ in range(4):
        sweep = project.start("sweep", "found.yaml", "--json")
        time.sleep(chance.uniform(1.0, 4.0))
        kill(sweep)
        sweep.communicate()
        wait_for(lambda: not project.workers(), 10)
        if (project.root / "data" / "blueno.db").exists():
            found = proposals(project)
            assert found[: len(before)] == before
            before = found
            assert project.json("verify")["ok"]
    ledger = project.json("sweep", "found.yaml")
    assert ledger["adds_up"]
    assert ledger["succeeded"] == ledger["planned"] == 60
    found = proposals(project)
    assert found[: len(before)] == before
    assert [row[0] for row in found] == list(range(len(found)))
    new = [row for row in found if row[2] == "new"]
    assert len(new) == len({row[1] for row in new}) == 30
    assert not project.processes()
    rows = project.json("results")["rows"]
    assert rows[0]["mean"] > -0.05
    assert project.json("sweep", "found.yaml")["succeeded"] == 60


def proposals(project: Project) -> list[tuple[object, ...]]:
    db = sqlite3.connect(project.root / "data" / "blueno.db")
    try:
        return db.execute("SELECT number, config, kind, picks FROM proposals ORDER BY number").fetchall()
    finally:
        db.close()


NETWORKS = """\
version: 1
name: pruned
objective: {maximize: val_accuracy}
search: {method: random, configs: 12, seed: 1}
prune: {method: asha, after: 1, factor: 2}
data: {source: {sklearn: digits}, split: {test: 0.2, validation: 0.2}}
model: {architecture: mlp, hidden: [16]}
train: {learning_rate: {log_uniform: [1e-5, 1e-2]}, epochs: 12}
"""


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["fit", "fused"])
def test_networks_are_searched_and_pruned_by_both_engines(engine: str, project: Project) -> None:
    if engine == "fused":
        pytest.importorskip("jax")
    project.write(pruned_yaml=NETWORKS)
    ledger = project.json("sweep", "pruned.yaml", "--engine", engine)
    assert ledger["adds_up"] and ledger["finished"]
    assert ledger["pruned"] >= 3
    assert ledger["pruned"] + ledger["succeeded"] == ledger["planned"] == 12
    rows = project.json("results", "--by", "trial")["rows"]
    done = [row for row in rows if row["state"] == "succeeded"]
    assert {project.json("show", row["id"])["engine"] for row in done} == {engine}
    pruned = [project.json("show", row["id"]) for row in rows if row["state"] == "pruned"]
    assert all(1 <= each["pruned"][0]["epoch"] < 12 for each in pruned)
    left = {path.parts[-3] for path in (project.root / "models").rglob("*") if path.is_file() and len(path.name) > 1}
    assert not left & {each["id"] for each in pruned}, "what was pruned has left files"


BOTH = """\
version: 1
name: both
objective: {maximize: val_accuracy}
seeds: 2
search: {method: tpe, configs: 9, seed: 1, startup: 4}
prune: {method: asha, after: 2, factor: 2}
data: {source: {sklearn: iris}, split: {test: 0.2, validation: 0.2}}
preprocess: [scale]
model: {architecture: mlp, hidden: [8], dropout: {uniform: [0.1, 0.5]}}
train: {learning_rate: {log_uniform: [1e-4, 1e-1]}, epochs: 10}
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("engine", ["fit", "fused"])
def test_a_pruned_search_of_networks_is_killed_and_goes_on(engine: str, project: Project) -> None:
    if engine == "fused":
        pytest.importorskip("jax")
    project.write(both_yaml=BOTH)
    before: list[tuple[object, ...]] = []
    for most in (0, 4):
        kill_after(project, engine, most)
        found = proposals(project)
        assert found[: len(before)] == before, "what was proposed is not changed"
        before = found
        assert project.json("verify")["ok"]
    assert before
    told = project.run("sweep", "both.yaml", "--engine", engine)
    assert "tpe: 9 of 9 configs tried" in told and "best so far: " in told
    ledger = project.json("sweep", "both.yaml", "--engine", engine)
    assert ledger["adds_up"] and ledger["finished"]
    assert ledger["pruned"] >= 2
    assert ledger["pruned"] + ledger["succeeded"] == ledger["planned"] == 18
    found = proposals(project)
    assert found[: len(before)] == before
    assert [row[0] for row in found] == list(range(len(found)))
    assert len({row[1] for row in found if row[2] == "new"}) == 9
    rows = project.json("results", "--by", "trial")["rows"]
    done = [row for row in rows if row["state"] == "succeeded"]
    assert {project.json("show", done[0]["id"])["engine"], project.json("show", done[-1]["id"])["engine"]} == {engine}
    assert not project.processes()


def kill_after(project: Project, engine: str, most: int) -> None:
    """Begins the sweep, and kills it when more trials than that have ended."""
    sweep = project.start("sweep", "both.yaml", "--engine", engine, "--json")
    wait_for(lambda: sweep.poll() is not None or ended(project) > most)
    kill(sweep)
    sweep.communicate()
    wait_for(lambda: not project.workers(), 30)


def ended(project: Project) -> int:
    """How many trials have ended, by themselves or pruned."""
    path = project.root / "data" / "blueno.db"
    if not path.exists():
        return 0
    db = sqlite3.connect(path)
    try:
        return int(db.execute("SELECT (SELECT count(*) FROM results) + (SELECT count(*) FROM prunings)").fetchone()[0])
    except sqlite3.OperationalError:  # it is just being made
        return 0
    finally:
        db.close()
