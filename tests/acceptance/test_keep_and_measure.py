"""What stays of a real sweep, and metrics that are asked for afterwards, through the command line and `kill -9`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from .project import Project, kill, wait_for

SPEC = """\
version: 1
name: flowers
objective: {maximize: val_accuracy}
data: {source: {sklearn: iris}, split: {validation: 0.4, stratify: true}}
model: {estimator: sklearn.naive_bayes:GaussianNB, var_smoothing: {logspace: [1e-9, 10, 24]}}
keep: {weights: best 3, logs: none}
"""

METRICS = """\
metrics: [jaccard, own.py:half, {cohen_kappa: {weights: quadratic, as: qwk}}, train_accuracy]
"""

OWN = """\
import time


def half(target, scores):
    time.sleep(0.1)
    return 0.5
"""

BAD = """\
def half(target, scores):
    return len(target) / 0
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "project")
    project.write(flowers_yaml=SPEC, own_py=OWN)
    return project


def files(project: Project, name: str) -> int:
    return len(list((project.root / "models").glob(f"??/*/*/{name}*")))


def trials(project: Project) -> list[str]:
    return [id for row in project.json("results")["rows"] for id in row["trials"]]


def shown(project: Project) -> list[dict[str, Any]]:
    return [project.json("show", id) for id in trials(project)[:3]]


def test_the_best_stay_and_one_that_was_let_go_is_made_again(project: Project) -> None:
    project.run("sweep", "flowers.yaml")
    assert (files(project, "estimator"), files(project, "predictions")) == (3, 24)
    assert project.run("verify").startswith("all is well")
    worst = trials(project)[-1]
    document = project.json("show", worst)
    assert document["let_go"] == {"weights": "keep.weights: best 3", "logs": "keep.logs: none"}
    assert "was let go: keep.logs: none" in (project.run("logs", worst) or project.errors)
    again = project.json("debug", worst, "--save", "out")
    assert again["metrics"] == again["recorded"] == document["metrics"]
    assert sorted(path.name for path in (project.root / "out").iterdir()) == ["estimator.skops", "predictions.npz"]
    assert files(project, "estimator") == 3
    project.write(flowers_yaml=SPEC.replace("best 3", "all"))
    project.run("sweep", "flowers.yaml")
    assert "weights of 21 were not kept" in project.errors


def test_metrics_come_later_without_training_through_kill_9(project: Project) -> None:
    project.run("sweep", "flowers.yaml")
    before = [project.json("show", id)["ended"] for id in trials(project)[:3]]
    project.write(flowers_yaml=SPEC + METRICS)
    sweep = project.start("sweep", "flowers.yaml")
    wait_for(lambda: 0 < project.json("status", "flowers")["measuring"] < 20)
    kill(sweep)
    sweep.communicate()
    left = project.json("status", "flowers")["measuring"]
    assert 0 < left < 24
    wait_for(lambda: not project.workers())
    project.run("sweep", "flowers.yaml")
    assert f"metrics of {left} that are done" in project.errors
    found = shown(project)
    assert [one["ended"] for one in found] == before
    assert all(one["attempts"] == 1 and one["metrics"]["val_half"] == 0.5 for one in found)
    assert all({"val_jaccard", "val_qwk"} <= one["metrics"].keys() for one in found)
    assert all("train_accuracy is left out" in " ".join(one["notes"]) for one in found)
    assert project.run("sweep", "flowers.yaml") and "that are done" not in project.errors


def test_a_metric_that_fails_is_said_and_measured_when_it_is_mended(project: Project) -> None:
    project.run("sweep", "flowers.yaml")
    project.write(flowers_yaml=SPEC + METRICS, own_py=BAD)
    project.run("sweep", "flowers.yaml")
    assert project.errors.count("cannot be measured: ZeroDivisionError") == 1
    assert "val_half is not measured: ZeroDivisionError" in " ".join(shown(project)[0]["notes"])
    assert "val_jaccard" in shown(project)[0]["metrics"]
    project.write(own_py=OWN)
    project.run("sweep", "flowers.yaml")
    assert shown(project)[0]["metrics"]["val_half"] == 0.5
