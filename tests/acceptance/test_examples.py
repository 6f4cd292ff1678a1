"""The worked examples, as their READMEs say; and commands and functions that are killed, stopped or take too long."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .project import Project, kill, wait_for
from .test_cannot_be_killed import name, started

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"
LANGUAGE = ROOT / "specs" / "language"
pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


# ---- the examples


@pytest.fixture(scope="session")
def torch_python() -> str:
    """A Python that has PyTorch: what TORCH_PYTHON names, this one, or one that the system has."""
    places = [os.environ.get("TORCH_PYTHON"), sys.executable, shutil.which("python3"), "/usr/bin/python3"]
    for place in filter(None, places):
        tried = subprocess.run([place, "-c", "import torch, numpy"], capture_output=True)
        if tried.returncode == 0:
            return place
    missing = "no Python here has PyTorch: install python3-torch (Debian), or name one by TORCH_PYTHON"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)


def test_a_program_as_the_language_has_it(project: Project) -> None:
    shutil.copytree(LANGUAGE, project.root, dirs_exist_ok=True)
    project.run("sweep", "program.yaml")
    slow, quick = sorted(project.json("results")["rows"], key=lambda row: row["params"]["model"]["rate"])
    assert slow["states"] == quick["states"] == ["succeeded"]
    assert quick["mean"] < slow["mean"]
    shown = project.json("show", quick["trials"][0])
    assert len(shown["history"]["loss"]) == 3
    assert "guess.txt" in shown["artefacts"]


def copied(project: Project, example: str) -> None:
    shutil.copytree(EXAMPLES / example, project.root, dirs_exist_ok=True)


def test_pytorch_as_a_command(project: Project, torch_python: str) -> None:
    copied(project, "pytorch")
    project.run("sweep", "digits.yaml", TORCH_PYTHON=torch_python)
    table = project.json("results")
    assert [row["states"] for row in table["rows"]] == [["succeeded"] * 2] * 6
    assert table["rows"][0]["mean"] > 0.9
    shown = project.json("show", table["rows"][0]["trials"][0])
    assert shown["engine"] == "command"
    assert len(shown["history"]["val_accuracy"]) == shown["epoch"] == 6
    assert set(shown["metrics"]) == {"val_accuracy", "train_accuracy", "loss"}
    assert "net.pt" in shown["artefacts"]
    assert "epoch 6: loss" in project.run("logs", shown["id"])


def one_long_trial(project: Project) -> None:
    """The example, cut down to one config of one seed that takes a few seconds."""
    copied(project, "pytorch")
    text = (project.root / "digits.yaml").read_text()
    for before, after in (
        ("seeds: 2", "seeds: 1"), ("epochs: 6", "epochs: 40"), ("{grid: [[64], [128, 64]]}", "[64]"),
        ("      - {hidden: []} # softmax regression\n", ""), ("{grid: [0.003, 0.01]}", "0.003"),
    ):  # fmt: skip
        assert before in text
        text = text.replace(before, after)
    (project.root / "digits.yaml").write_text(text)


def only_trial(project: Project) -> Any:
    [row] = project.json("results")["rows"]
    [trial] = row["trials"]
    return project.json("show", trial)


def reported(project: Project) -> list[str]:
    """The lines of metrics of the running trial."""
    found = list(project.root.glob("data/work/checkpoints/*/reported.jsonl"))
    return found[0].read_text().splitlines() if found else []


def test_pytorch_that_was_killed_ends_as_if_it_had_not_been(tmp_path: Path, torch_python: str) -> None:
    whole, killed = Project(tmp_path / "whole"), Project(tmp_path / "killed")
    for project in (whole, killed):
        one_long_trial(project)
    whole.run("sweep", "digits.yaml", TORCH_PYTHON=torch_python)
    sweep = killed.start("sweep", "digits.yaml", TORCH_PYTHON=torch_python)
    wait_for(lambda: len(reported(killed)) >= 5)
    victim, *_ = killed.workers()
    kill(victim)
    output, errors = sweep.communicate(timeout=120)
    assert sweep.returncode == 0, output + errors
    once, twice = only_trial(whole), only_trial(killed)
    assert twice["attempts"] == 2
    assert "going on after epoch" in killed.run("logs", twice["id"])
    assert twice["id"] == once["id"]
    assert twice["history"] == once["history"]
    assert twice["metrics"] == once["metrics"]
    assert not list(killed.root.glob("data/work/checkpoints/*"))  # it is done


def test_xgboost_as_an_estimator(project: Project) -> None:
    pytest.importorskip("xgboost")
    copied(project, "xgboost")
    project.run("sweep", "wine.yaml")
    table = project.json("results")
    assert len(table["rows"]) == 5
    assert all(set(row["states"]) == {"succeeded"} for row in table["rows"])
    best = table["rows"][0]
    assert best["params"]["model"]["estimator"] == "xgboost:XGBClassifier"
    trials = [project.json("show", trial) for trial in best["trials"]]
    assert len({trial["metrics"]["val_log_loss"] for trial in trials}) == 6  # folds and seeds matter
    assert list(project.root.glob("models/*/*/*/estimator.skops"))


# ---- a program's end is its worker's


SLEEPER = """\
import json, os, subprocess, sys, time
with open(os.environ["BLUENO_METRICS"], "a") as file:
    file.write(json.dumps({"epoch": 1, "score": 1.0}) + "\\n")
subprocess.run(["sleep", "1000"])
"""
JOBS = """\
version: 1
name: jobs
objective: {maximize: score}
model: {command: $BLUENO_PYTHON job.py, x: {range: [1, 2, 1]}}
"""


def sleeping(project: Project) -> list[Any]:
    """The programs that run, and what they started."""
    found = [process for process in started(project) if name(process)]
    return found if sum(name(each) == "sleep" for each in found) >= 1 else []


def test_a_killed_worker_takes_its_program_along(project: Project) -> None:
    project.write(jobs_yaml=JOBS, job_py=SLEEPER)
    sweep = project.start("sweep", "jobs.yaml")
    victims = wait_for(lambda: sleeping(project))
    everyone = [*project.workers(), *victims]
    for worker in project.workers():
        kill(worker)
    wait_for(lambda: not any(name(process) for process in everyone), 10)
    again = wait_for(lambda: sleeping(project))  # another attempt
    kill(sweep)
    sweep.communicate()
    wait_for(lambda: not any(name(process) for process in again), 10)


def test_a_program_that_takes_too_long_is_ended(project: Project) -> None:
    project.write(jobs_yaml=JOBS + "resources: {time: 2s}\n", job_py=SLEEPER)
    ledger = project.json("sweep", "jobs.yaml", code=4)
    assert ledger["failed"] == 2
    [failure] = project.json("failures")["groups"]
    assert failure["class"] == "timeout"
    assert not project.processes()


def test_a_program_that_is_stopped_now_is_ended(project: Project) -> None:
    project.write(jobs_yaml=JOBS, job_py=SLEEPER)
    sweep = project.start("sweep", "jobs.yaml")
    victims = wait_for(lambda: sleeping(project))
    project.run("stop", "jobs", "--now")
    sweep.communicate(timeout=60)
    wait_for(lambda: not any(name(process) for process in victims), 10)
    assert project.json("status", "jobs")["running"] == 0


def test_programs_that_fail_alike_are_one_group(project: Project) -> None:
    project.write(
        jobs_yaml=JOBS.replace("[1, 2, 1]", "[1, 3, 1]"),
        job_py='import sys\nprint("at", sys.argv)\nraise ValueError(f"width {sys.argv[2]} is too small")\n',
    )
    ledger = project.json("sweep", "jobs.yaml", code=4)
    assert ledger["failed"] == 3
    [failure] = project.json("failures")["groups"]
    assert failure["class"] == "user_code"
    assert "ended with exit code 1: ValueError: width" in failure["message"]
    log = project.run("logs", failure["trials"][0])
    assert "at ['job.py', '--x'" in log
    assert 'File "' in log


# ---- functions


GOES_ON = """\
import os
from pathlib import Path

TEXT = Path(__file__).with_name("words.txt").read_text()


def train(trial):
    saved = trial.checkpoint / "epoch"
    done = int(saved.read_text()) if saved.exists() else 0
    for epoch in range(done + 1, 6):
        trial.report(epoch, {"score": epoch * len(TEXT)})
        saved.write_text(str(epoch))
        if epoch == 3 and not done:
            os.kill(os.getpid(), 9)
    print("began after", done)
    return {}
"""
FUNCTION = """\
version: 1
name: jobs
objective: {maximize: score}
model: {function: job.py:train, uses: ["words*"]}
"""


def test_a_killed_function_goes_on_and_what_it_uses_counts(project: Project) -> None:
    project.write(jobs_yaml=FUNCTION, job_py=GOES_ON, words_txt="four")
    project.run("sweep", "jobs.yaml")
    trial = only_trial(project)
    assert trial["attempts"] == 2
    assert trial["history"] == {"score": [4.0, 8.0, 12.0, 16.0, 20.0]}
    assert "began after 3" in project.run("logs", trial["id"])
    project.write(words_txt="seven..")
    project.run("sweep", "jobs.yaml")
    changed = only_trial(project)
    assert changed["id"] != trial["id"]
    assert changed["metrics"] == {"score": 35.0}
    assert json.loads(project.run("why", changed["id"], "--json"))
