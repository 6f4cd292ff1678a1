"""Raw data in a bucket, through the real command line: pinned, fetched once, and changed data is another dataset."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.gcs_server import Server

from .project import Project

SPEC = """\
version: 1
name: wards
objective: {maximize: val_accuracy}
data:
  source: {csv: "%s/tables/wards.csv"}
  target: ill
  split: {validation: 0.25, seed: 0}
model: {estimator: sklearn.linear_model:LogisticRegression, C: {grid: [0.1, 1.0]}}
"""


def table(shift: int) -> bytes:
    rows = [f"{age},{age % 7 + shift},{'yes' if age % 3 else 'no'}" for age in range(40)]
    return ("age,visits,ill\n" + "\n".join(rows) + "\n").encode()


@pytest.fixture
def project(tmp_path: Path, bucket: str) -> Project:
    made = Project(tmp_path / "project")
    made.write(spec_yaml=SPEC % bucket)
    return made


def put(server: Server, bucket: str, name: str, data: bytes) -> None:
    from urllib.request import Request, urlopen

    address = f"{server.url}/upload/storage/v1/b/{bucket.removeprefix('gs://')}/o?uploadType=media&name={name}"
    urlopen(Request(address, data=data, method="POST", headers={"Content-Type": "text/csv"})).close()


def dataset(project: Project) -> str:
    [found] = project.json("plan", "spec.yaml")["datasets"]
    return str(found["id"])


def test_a_sweep_over_an_object_that_changes(project: Project, gcs_server: Server, bucket: str) -> None:
    put(gcs_server, bucket, "tables/wards.csv", table(0))
    first = dataset(project)
    project.run("sweep", "spec.yaml")
    assert project.json("status", "wards")["succeeded"] == 2
    [fetched] = (project.root / "data" / "raw" / "sets").glob("*/wards.csv")
    assert fetched.read_bytes() == table(0)

    put(gcs_server, bucket, "tables/wards.csv", table(1))
    second = dataset(project)
    assert second != first
    project.run("sweep", "spec.yaml")
    assert len(list((project.root / "data" / "raw" / "sets").glob("*/wards.csv"))) == 2

    gcs_server.kill()
    try:
        plan = project.json("plan", "spec.yaml")
        assert [each["id"] for each in plan["datasets"]] == [second]
        assert "planned with what was listed at" in plan["warnings"][0]
        for file in (project.root / "data" / "cache").glob("*/*"):  # prepared data may be deleted at any time
            if file.parent.name in ("datasets", "nodes", "parts"):
                file.unlink()
        project.run("sweep", "spec.yaml", "--set", "data.split.seed=1")  # built from what was fetched, offline
        assert project.json("status", "wards")["succeeded"] == 2
    finally:
        gcs_server.start()


def test_what_try_fetches_stays(project: Project, gcs_server: Server, bucket: str) -> None:
    put(gcs_server, bucket, "tables/wards.csv", table(0))
    (project.root.parent / "disk").mkdir()
    (project.root / "data").symlink_to(project.root.parent / "disk")
    assert "nothing fails so far" in project.run("try", "spec.yaml")
    [fetched] = (project.root / "data" / "raw" / "sets").glob("*/wards.csv")
    assert fetched.read_bytes() == table(0)


def test_mistakes_are_marked_in_the_spec(project: Project, bucket: str) -> None:
    project.run("plan", "spec.yaml", code=1)
    assert f"spec.yaml:5:17: there is no object {bucket}/tables/wards.csv" in project.errors
    assert "fix: correct it, or upload it" in project.errors


def test_files_that_a_model_names(project: Project, gcs_server: Server, bucket: str) -> None:
    for fold in range(2):
        put(gcs_server, bucket, f"scores-{fold}.txt", str(fold + 0.5).encode())
    job = "def train(trial):\n    return {'score': float(open(trial.params['table']).read()) + trial.seed}\n"
    spec = "version: 1\nname: jobs\nobjective: {maximize: score}\nseeds: 2\n"
    model = f'model: {{function: "job.py:train", table: {{file: "{bucket}/scores-{{seed}}.txt"}}}}\n'
    project.write(job_py=job, jobs_yaml=spec + model)
    project.run("sweep", "jobs.yaml")
    assert "1.5" in project.run("results", "jobs")  # the mean of 0.5 and 2.5
    put(gcs_server, bucket, "scores-1.txt", b"9")
    assert project.json("plan", "jobs.yaml")["trial_states"] == {"new": 1, "done": 1}
