"""What a night produced does not die with the machine: files of its trials on another one, by the real command line."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.gcs_server import Server

from .project import Project, wait_for

SPEC = """\
version: 1
name: notes
objective: {maximize: score}
model: {function: "job.py:train", x: {grid: [1, 2]}}
"""
JOB = """\
def train(trial):
    (trial.folder / "note.txt").write_text(f"x is {trial.params['x']}")
    return {"score": float(trial.params["x"])}
"""


def on_its_way(project: Project) -> list[Path]:
    return list((project.root / "data" / "work" / "outbox").glob("trials~*"))


@pytest.fixture
def settings(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLUENO_CACHE", f"{bucket}/lab")
    monkeypatch.setenv("BLUENO_PUBLISH", "models")


@pytest.mark.usefixtures("settings")
def test_another_machine_has_what_this_one_trained(tmp_path: Path, gcs_server: Server) -> None:
    one, two = Project(tmp_path / "one"), Project(tmp_path / "two")
    one.write(spec_yaml=SPEC, job_py=JOB)
    gcs_server.kill()
    try:
        one.run("sweep", "spec.yaml")  # nothing waits for the bucket
    finally:
        gcs_server.start()
    assert len(on_its_way(one)) == 2
    assert one.json("status", "notes")["succeeded"] == 2
    one.write(more_yaml=SPEC.replace("[1, 2]", "[1, 2, 3]"))
    one.run("sweep", "more.yaml")  # which catches up
    wait_for(lambda: not on_its_way(one))
    models = one.root / "models"  # models/../TRIAL/ATTEMPT/files/note.txt
    [trial] = [file.relative_to(models).parts[1] for file in models.rglob("note.txt") if file.read_text() == "x is 1"]
    wait_for(lambda: not one.processes())  # the last one writes its log there
    shutil.rmtree(one.root)

    found = two.json("model", "pull", trial[:12])
    [file] = found["trials"][0]["files"]
    assert file["came_from"] == "cache"
    assert Path(file["path"]).is_relative_to(two.root / "models")
    assert Path(file["path"]).read_text() == "x is 1"
    assert "was here" in two.run("model", "pull", trial, "--to", "mine")
    assert (two.root / "mine" / trial[:16] / "files" / "note.txt").read_text() == "x is 1"
    two.run("model", "pull", "0000", code=1)
    assert "the shared cache has nothing of a trial 0000" in two.errors
