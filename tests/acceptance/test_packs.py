"""A family of networks trained as packs through the real command line: the results are those of `fit`."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from .project import Project, kill, wait_for

pytestmark = pytest.mark.slow

SPEC = """\
version: 1
name: packs
objective: {maximize: val_accuracy}
seeds: 4
keep: {weights: none, predictions: none}
data:
  source: {sklearn: iris}
  split: {validation: 0.3, stratify: true, seed: 0}
preprocess:
  - scale
model: {architecture: mlp, hidden: [16]}
train:
  optimizer: {adamw: {weight_decay: {grid: [0.001, 0.1]}}}
  learning_rate: {logspace: [1e-3, 1e-1, 5]}
  batch_size: 16
  epochs: 6
"""
LONG = SPEC.replace("epochs: 6", "epochs: 400")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "project")
    project.write(packs_yaml=SPEC)
    return project


def rows(project: Project, query: str) -> list[Any]:
    db = sqlite3.connect(f"file:{project.root / 'data' / 'blueno.db'}?mode=ro", uri=True)
    found = db.execute(query).fetchall()
    db.close()
    return found


def metrics(project: Project) -> dict[str, dict[str, float]]:
    return {trial: json.loads(text) for trial, text in rows(project, "SELECT trial, metrics FROM results")}


def test_packs_give_what_fit_gives(tmp_path: Path, project: Project) -> None:
    ledger = project.json("sweep", "packs.yaml", "--engine", "auto")
    assert ledger["succeeded"] == 40
    assert rows(project, "SELECT engine, notes, count(*) FROM results GROUP BY 1, 2") == [("fused", "[]", 40)]
    assert project.json("verify")["ok"]
    other = Project(tmp_path / "other")
    other.write(packs_yaml=SPEC)
    other.run("sweep", "packs.yaml", "--engine", "fit", KERAS_BACKEND="jax")
    assert rows(other, "SELECT DISTINCT engine FROM results") == [("fit",)]
    together, alone = metrics(project), metrics(other)
    assert together.keys() == alone.keys()
    for trial, values in alone.items():
        assert together[trial] == pytest.approx(values, abs=1e-4), trial


def test_a_worker_that_is_killed_over_a_pack_costs_no_trial(project: Project) -> None:
    project.write(packs_yaml=LONG)
    sweep = project.start("sweep", "packs.yaml", "--engine", "auto", "--json")
    on_a_pack = wait_for(lambda: _on_a_pack(project))
    time.sleep(0.5)
    kill(psutil.Process(on_a_pack))
    _, errors = sweep.communicate(timeout=200)
    assert sweep.returncode == 0, errors
    assert "queued again" in errors
    assert rows(project, "SELECT engine, state, count(*) FROM results GROUP BY 1, 2") == [("fused", "succeeded", 40)]
    lost = dict(rows(project, "SELECT lost, count(*) FROM trials GROUP BY 1"))
    assert set(lost) == {0, 1} and lost[1] >= 10
    assert project.json("verify")["ok"]
    assert not project.processes()


NETS = """\
import keras
import tensorflow as tf


class Clip(keras.layers.Layer):
    def call(self, x):
        return tf.clip_by_value(x, -1.0, 1.0)


def build(input_shape, output_units, output_activation, units: int = 8):
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, keras.layers.Dense(output_units, output_activation)(Clip()(inputs)))
"""
TWO_KINDS = """\
version: 1
name: kinds
objective: {maximize: val_accuracy}
seeds: 8
data:
  source: {sklearn: iris}
  split: {validation: 0.3, stratify: true, seed: 0}
model:
  one_of:
    - {architecture: mlp, hidden: [8]}
    - {architecture: "nets.py:build"}
train: {epochs: 2}
"""


def test_what_works_on_tensorflow_alone_is_trained_by_fit_beside_packs(project: Project) -> None:
    project.write(kinds_yaml=TWO_KINDS, nets_py=NETS)
    assert project.json("sweep", "kinds.yaml")["succeeded"] == 16
    assert "trained one at a time" in project.errors
    found = rows(project, "SELECT engine, count(*) FROM results GROUP BY 1 ORDER BY 1")
    assert found == [("fit", 8), ("fused", 8)]
    project.write(kinds_yaml=TWO_KINDS.replace("seeds: 8", "seeds: 9"))  # two more, each as those before
    assert project.json("sweep", "kinds.yaml")["succeeded"] == 18
    assert rows(project, "SELECT engine, count(*) FROM results GROUP BY 1 ORDER BY 1") == [("fit", 9), ("fused", 9)]


def _on_a_pack(project: Project) -> int | None:
    """The process of a worker that has begun ten trials and more."""
    query = (
        "SELECT pid FROM trials JOIN workers ON workers.id = trials.worker"
        " WHERE starts > 0 AND state = 'running' GROUP BY pid HAVING count(*) >= 10"
    )
    with suppress(sqlite3.OperationalError):  # the store is not made yet
        return next((row[0] for row in rows(project, query)), None)
    return None
