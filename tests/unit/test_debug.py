"""`blueno debug`: one trial again, in this process, and nothing recorded."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from blueno.cli import run
from blueno.commands.debug import trimmed

SPEC = """\
version: 1
name: jobs
objective: {maximize: score}
model: {function: job.py:train, x: {grid: [1, 0]}}
"""

JOB = """\
def train(trial):
    print("at work on", trial.params["x"])
    (trial.folder / "note.txt").write_text("left")
    secret = 41 + trial.params["x"]
    return {"score": 1 / trial.params["x"]}
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project whose first trial succeeded and whose second failed."""
    (tmp_path / "job.py").write_text(JOB)
    (tmp_path / "jobs.yaml").write_text(SPEC)
    assert run(["sweep", str(tmp_path / "jobs.yaml"), "--root", str(tmp_path), "--executor", "inline"]) == 4
    return tmp_path


def trial(root: Path, state: str, capsys: pytest.CaptureFixture[str]) -> str:
    capsys.readouterr()
    run(["results", "--root", str(root), "--json"])
    rows = json.loads(capsys.readouterr().out)["rows"]
    return next(row["trials"][0] for row in rows if row["states"] == [state])


def debug(root: Path, id: str, *more: str) -> int:
    return run(["debug", id[:12], "--root", str(root), "--devices", "cpu", *more])


def recorded(root: Path) -> dict[str, Any]:
    """Everything that a run could have changed."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for folder in ("models", "logs", "data/work/checkpoints")
        for path in (root / folder).rglob("*")
        if path.is_file()
    }


def test_it_shows_its_output_and_its_metrics_beside_the_recorded_ones(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    id, before = trial(project, "succeeded", capsys), recorded(project)
    assert debug(project, id) == 0
    shown = capsys.readouterr().out
    assert "at work on 1" in shown
    assert f"trial {id[:16]}: succeeded after" in shown and "(recorded: succeeded)" in shown
    assert "score          1    1        none" in shown
    assert shown.endswith("nothing was recorded\n")
    assert recorded(project) == before
    assert not list((project / "data" / "work").glob("debug-*"))


def test_its_code_is_that_of_its_sweep_and_its_output_no_part_of_a_document(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    id = trial(project, "succeeded", capsys)
    (project / "job.py").write_text("def train(trial):\n    raise SystemExit\n")
    command = [sys.executable, "-m", "blueno", "debug", id, "--root", str(project), "--devices", "cpu", "--json"]
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(process.stdout)
    assert (found["state"], found["metrics"], found["recorded"]) == ("succeeded", {"score": 1.0}, {"score": 1.0})
    assert "at work on 1" in process.stderr


def test_its_files_are_left_where_one_likes(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    id = trial(project, "succeeded", capsys)
    assert debug(project, id, "--save", str(project / "out")) == 0
    [path] = (project / "out").rglob("note.txt")
    assert path.read_text() == "left"
    assert f"left {path}" in capsys.readouterr().out


def test_what_fails_is_shown(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert debug(project, trial(project, "failed", capsys)) == 4
    shown = capsys.readouterr().out
    assert 'File "job.py", line 5, in train' in shown
    assert "ZeroDivisionError: division by zero" in shown


def test_the_debugger_begins_in_the_frame_of_the_users_code(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    id = trial(project, "failed", capsys)
    monkeypatch.setattr(sys, "stdin", io.StringIO("p secret\nlist\nquit\n"))
    assert debug(project, id, "--pdb") == 4
    shown = capsys.readouterr().out
    assert "ZeroDivisionError: division by zero\n" in shown
    assert "(Pdb) 41\n" in shown
    assert 'return {"score": 1 / trial.params["x"]}' in shown


def test_a_debugger_and_a_document_do_not_go_together(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert debug(project, trial(project, "failed", capsys), "--pdb", "--json") == 2


def test_a_traceback_ends_in_the_folder() -> None:
    try:
        json.loads("{")
    except ValueError as error:
        trace = error.__traceback__
    here = trimmed(trace, Path(__file__).parent)
    assert here is not None and here.tb_next is None
    assert here.tb_frame.f_code.co_name == "test_a_traceback_ends_in_the_folder"
    whole = trimmed(trace, None)
    assert whole is not None and whole.tb_next is not None
