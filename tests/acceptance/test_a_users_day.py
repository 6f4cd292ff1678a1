"""What a researcher does with files of their own: a table with groups, a network, a folder called `ml`."""

from __future__ import annotations

import csv
import io
import random
from pathlib import Path

import pytest

from .project import JOB, JOBS, Project

PATIENTS = """\
version: 1
name: patients
objective: {maximize: val_roc_auc}
seeds: 2
data:
  source: {csv: patients.csv}
  target: died
  id: visit
  split: {folds: 3, group: patient, stratify: true, test: 0.2, seed: 1}
preprocess:
  - impute: {method: {grid: [mean, median]}}
  - one_hot
  - scale
model:
  one_of:
    - {architecture: ml/nets.py:build, width: {grid: [4, 8]}}
    - {estimator: sklearn.linear_model:LogisticRegression, C: {logspace: [0.1, 10, 3]}}
train: {epochs: 2, batch_size: 16}
"""

NETS = """\
import keras

from ml.blocks import block


def build(input_shape, output_units, *, width: int = 8):
    inputs = keras.Input(input_shape)
    x = block(keras.layers.Flatten()(inputs), width)
    return keras.Model(inputs, keras.layers.Dense(output_units, activation="sigmoid")(x))
"""

BLOCKS = """\
import keras


def block(x, width):
    return keras.layers.Dense(width, activation="relu")(x)
"""


def write_patients(path: Path, count: int = 180) -> None:
    """A table with gaps, text, and several visits of each patient."""
    chance = random.Random(0)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["visit", "patient", "age", "pressure", "ward", "died"])
        for i in range(count):
            age, ward = chance.randint(20, 90), chance.choice(["north", "south", "west"])
            died = chance.random() < (age - 20) / 80
            pressure = "" if chance.random() < 0.1 else round(chance.gauss(120, 15), 1)
            writer.writerow([f"v{i}", f"p{i // 3}", age, pressure, ward, "yes" if died else "no"])


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


@pytest.mark.slow
def test_a_table_with_groups_an_own_network_and_an_own_ml_folder(project: Project) -> None:
    project.write(patients_yaml=PATIENTS, ml__nets_py=NETS, ml__blocks_py=BLOCKS, etl____init___py="BROKEN = 1 / 0\n")
    write_patients(project.root / "patients.csv")
    plan = project.json("plan", "patients.yaml", "--trials")
    assert (plan["configs"], plan["trials"], len(plan["datasets"])) == (10, 4 * 2 * 3 + 6 * 2 * 3, 6)
    ledger = project.json("sweep", "patients.yaml")
    assert ledger["succeeded"] == ledger["planned"] == plan["trials"]
    rows = project.json("results", "patients")["rows"]
    assert len(rows) == plan["configs"] == 10
    assert all(0.4 < row["mean"] <= 1 for row in rows)
    assert all(row["replicates"] == len(row["trials"]) for row in rows)
    table = project.run("results", "patients", "--top", "3")
    assert "width" in table or "C" in table
    text = project.run("results", "patients", "--csv")
    assert len(list(csv.DictReader(io.StringIO(text)))) == 10
    shown = project.json("show", rows[0]["trials"][0])
    assert {"id", "config_id", "dataset_id", "state", "params", "resolved", "seed", "fold", "engine", "attempts",
            "metrics", "history", "artefacts", "environment", "error"} <= set(shown)  # fmt: skip
    assert all(Path(path).is_file() for path in shown["artefacts"].values())
    assert project.json("verify")["artefacts_checked"] >= plan["trials"]

    # A comment trains nothing; a change of what the network imports trains the network's trials, and `why` says so.
    project.write(ml__blocks_py="# a remark\n" + BLOCKS)
    assert project.json("plan", "patients.yaml")["trial_states"] == {"new": 0, "done": plan["trials"]}
    project.write(ml__blocks_py=BLOCKS.replace("relu", "tanh"))
    changed = project.json("plan", "patients.yaml")["trial_states"]
    assert changed["new"] == 4 * 2 * 3
    project.run("sweep", "patients.yaml")
    trials = project.json("plan", "patients.yaml", "--trials")["trial_list"]
    network = next(trial["id"] for trial in trials if "architecture" in trial["params"]["model"])
    assert "code" in project.run("why", network)


def test_adding_a_value_runs_only_the_new_slice(project: Project) -> None:
    project.write(jobs_yaml=JOBS, job_py=JOB)
    project.run("sweep", "jobs.yaml")
    project.write(jobs_yaml=JOBS.replace("12", "14"))
    assert project.json("plan", "jobs.yaml")["trial_states"] == {"new": 2, "done": 12}
    project.run("sweep", "jobs.yaml")
    assert "2 to run" in project.errors
    assert "12 succeeded" in project.errors
    assert project.json("status", "jobs")["planned"] == 14


@pytest.mark.slow
def test_the_same_trial_gives_the_same_numbers_whatever_ran_before_or_beside_it(tmp_path: Path) -> None:
    spec = """\
version: 1
name: same
objective: {minimize: val_loss}
data: {source: {sklearn: iris}, split: {test: 0.2, validation: 0.2, stratify: true}}
preprocess: [scale]
model: {architecture: mlp, hidden: [8], dropout: {grid: [0.1, 0.2, 0.3]}}
train: {epochs: 3, learning_rate: 0.01}
"""
    values = []
    for name, text, flags in (
        ("all", spec, ["--per-device", "2"]),
        ("reversed", spec.replace("[0.1, 0.2, 0.3]", "[0.3, 0.2, 0.1]"), ["--per-device", "1"]),
        ("alone", spec.replace("{grid: [0.1, 0.2, 0.3]}", "0.3"), ["--per-device", "2"]),
    ):
        project = Project(tmp_path / name)
        project.write(same_yaml=text, blueno_toml="cpus = 2\n")
        project.run("sweep", "same.yaml", *flags)
        rows = project.json("results")["rows"]
        [trial] = next(row for row in rows if row["params"]["model"]["dropout"] == 0.3)["trials"]
        shown = project.json("show", trial)
        values.append((trial, shown["metrics"], shown["history"], shown["environment"].get("threads")))
    by_threads = {value[3] for value in values}
    assert values[0][:3] == values[2][:3]
    assert values[0][0] == values[1][0]
    if len(by_threads) == 1:
        assert values[0][:3] == values[1][:3]


def test_mistakes_are_told_and_cost_nothing(project: Project) -> None:
    project.write(jobs_yaml=JOBS.replace("model:", "modle:").replace("maximize", "maximise"), job_py=JOB)
    project.run("sweep", "jobs.yaml", code=1)
    assert "jobs.yaml:3:13" in project.errors
    assert "did you mean" in project.errors or "maximize" in project.errors
    assert "jobs.yaml:4:1" in project.errors
    errors = project.json("plan", "jobs.yaml", code=1)["errors"]
    assert {error["line"] for error in errors} >= {3, 4}
    assert not (project.root / "data" / "blueno.db").exists()
    project.run("sweep", "nowhere.yaml", code=1)
    assert "nowhere.yaml" in project.errors
    assert "jobs.yaml" in project.errors
    project.run("run", "jobs.yaml", code=2)
    assert "blueno sweep" in project.errors
    project.run("sweep", "jobs.yaml", "--dry-run", code=2)
    assert "blueno plan" in project.errors
    project.run("results", code=1)
    assert "nothing was swept" in project.errors


def test_set_changes_a_value_for_this_sweep(project: Project) -> None:
    project.write(jobs_yaml=JOBS, job_py=JOB)
    project.run("sweep", "jobs.yaml", "--set", "model.x={grid: [3, 4]}")
    assert [row["mean"] for row in project.json("results")["rows"]] == [4.0, 3.0]


def test_inline_runs_the_same(project: Project) -> None:
    project.write(jobs_yaml=JOBS, job_py=JOB)
    ledger = project.json("sweep", "jobs.yaml", "--executor", "inline")
    assert ledger["succeeded"] == 12
