"""A sink is fed beside a sweep, by the real command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from .project import Project, wait_for

SPEC = """\
version: 1
name: jobs
objective: {maximize: score}
model: {function: "job.py:train", x: {grid: [1, 2, 3, 4]}}
"""
JOB = """\
def train(trial):
    trial.report(5, {"score": trial.params["x"]})
"""


def test_trials_are_in_tensorboard_as_they_finish(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    project = Project(tmp_path)
    project.write(spec_yaml=SPEC, job_py=JOB, blueno_toml='sinks = ["tensorboard"]\n')
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "tensorboard").write_text("in the way")
    project.run("sweep", "spec.yaml")
    wait_for(lambda: not project.processes())
    assert project.json("status", "jobs")["succeeded"] == 4
    assert (tmp_path / "logs" / "sinks.log").read_text().count("tensorboard takes nothing") == 1
    (tmp_path / "logs" / "tensorboard").unlink()

    project.write(more_yaml=SPEC.replace("[1, 2, 3, 4]", "[1, 2, 5]").replace("jobs", "more"))
    project.run("sweep", "more.yaml")  # which catches up
    wait_for(lambda: not project.processes())
    runs = {path.parent.relative_to(tmp_path / "logs" / "tensorboard") for path in tmp_path.rglob("events*")}
    assert len({run for run in runs if run.parts[0] == "jobs"}) == 4
    assert len({run for run in runs if run.parts[0] == "more"}) == 3
    assert "Traceback" not in project.errors and "takes nothing" not in project.errors


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # of MLflow and SQLAlchemy
def test_trials_are_in_mlflow_as_they_finish(tmp_path: Path) -> None:
    pytest.importorskip("mlflow", reason="MLflow is not installed")
    from mlflow import MlflowClient

    from blueno.sinks.mlflow import uri_of

    project = Project(tmp_path)
    project.write(spec_yaml=SPEC, job_py=JOB, blueno_toml='sinks = ["mlflow"]\n')
    project.run("sweep", "spec.yaml")
    wait_for(lambda: not project.processes())
    client = MlflowClient(uri_of(tmp_path))
    experiment = client.get_experiment_by_name("jobs")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(each.data.metrics["final_score"] for each in runs) == [1.0, 2.0, 3.0, 4.0]
    assert {each.info.status for each in runs} == {"FINISHED"}
    assert "Traceback" not in project.errors and "takes nothing" not in project.errors
