"""A real sweep, killed in every way there is. Nothing is lost, nothing is recorded twice, nobody is left behind."""

from __future__ import annotations

import random
import signal
import sqlite3
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from .project import JOB, JOBS, Project, kill, wait_for

SLOW_JOB = """\
import time
from contextlib import suppress
from pathlib import Path

def train(trial):
    with open({log!r}, "a") as file:
        file.write(str(trial.params["x"]) + "\\n")
    time.sleep({seconds})
    return {{"score": float(trial.params["x"])}}
"""

ONE_BAD = """\
def train(trial):
    if trial.params["x"] == 5:
        {body}
    return {{"score": 1.0 * trial.params["x"]}}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "project")
    project.write(jobs_yaml=JOBS, job_py=JOB)
    return project


def slow(project: Project, seconds: float) -> Path:
    log = project.root.parent / "began.txt"
    project.write(job_py=SLOW_JOB.format(log=str(log), seconds=seconds))
    return log


def began(log: Path) -> list[str]:
    return log.read_text().split() if log.exists() else []


def test_killed_at_random_moments_it_adds_up_each_time(project: Project) -> None:
    log = slow(project, 0.15)
    chance = random.Random(20261120)
    for _ in range(12):
        sweep = project.start("sweep", "jobs.yaml", "--json")
        time.sleep(chance.uniform(0.3, 1.6))
        victims = [sweep, *project.workers()]
        kill(chance.choice(victims) if chance.random() < 0.6 else sweep)
        kill(sweep)
        sweep.communicate()
        wait_for(lambda: not project.workers(), 10)
        if (project.root / "data" / "blueno.db").exists():
            assert project.json("verify")["ok"]
    ledger = project.json("sweep", "jobs.yaml")
    assert ledger["adds_up"]
    assert ledger["succeeded"] == ledger["planned"] == 12
    verified = project.json("verify")
    assert verified["ok"], verified["problems"]
    rows = project.json("results")["rows"]
    assert [row["mean"] for row in rows] == [float(x) for x in range(12, 0, -1)]
    assert set(began(log)) == {str(x) for x in range(1, 13)}
    db = sqlite3.connect(project.root / "data" / "blueno.db")
    finals = db.execute("SELECT trial, count(*) FROM events WHERE after = 'succeeded' GROUP BY trial").fetchall()
    db.close()
    assert len(finals) == 12
    assert {count for _, count in finals} == {1}
    assert not project.processes()


def test_a_killed_scheduler_leaves_no_worker_even_one_that_hangs_in_a_child(project: Project) -> None:
    project.write(
        job_py="""\
import subprocess


def train(trial):
    subprocess.run(["sleep", "1000"])
    return {"score": 1.0}
"""
    )
    sweep = project.start("sweep", "jobs.yaml")
    sleeping = wait_for(lambda: [each for each in started(project) if name(each) == "sleep"])
    everyone = [*project.workers(), *sleeping]
    kill(sweep)
    sweep.communicate()
    wait_for(lambda: not any(name(process) for process in everyone), 10)


def started(project: Project) -> list[psutil.Process]:
    """What the workers started; one that ends while we look has started nothing."""
    found = []
    for worker in project.workers():
        with suppress(psutil.NoSuchProcess):
            found += worker.children(recursive=True)
    return found


def name(process: psutil.Process) -> str:
    """A process's name, "" if it has ended."""
    with suppress(psutil.NoSuchProcess):
        if process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
            return process.name()
    return ""


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("raise ValueError('bad width')", "user_code"),
        ("import os; os._exit(7)", "lost"),
        ("import ctypes; ctypes.string_at(0)", "lost"),
        ("raise MemoryError", "out_of_memory"),
        ("raise SystemExit(3)", "user_code"),
        ("raise OSError(28, 'No space left on device')", None),
    ],
)
def test_one_bad_trial_is_recorded_and_the_rest_go_on(project: Project, body: str, kind: str | None) -> None:
    project.write(job_py=ONE_BAD.format(body=body))
    ledger = project.json("sweep", "jobs.yaml", code=4)
    assert ledger["adds_up"]
    if kind is None:  # a full disk is nobody's failure: the sweep pauses, the trial waits
        assert ledger["failed"] == 0
        assert ledger["queued"] >= 1
        assert "disk is full" in project.json("status", "jobs")["paused"]
        return
    assert (ledger["failed"], ledger["succeeded"]) == (1, 11)
    [failure] = project.json("failures")["groups"]
    assert failure["class"] == kind
    shown = project.json("show", failure["trials"][0])
    assert shown["state"] == "failed"
    assert shown["attempts"] == (3 if kind == "lost" else 1)
    assert shown["error"]["class"] == kind
    if kind == "user_code" and "ValueError" in body:
        assert "job.py" in shown["error"]["traceback"]
        assert "bad width" in shown["error"]["message"]
    if "ctypes" in body:
        assert "SIGSEGV" in shown["error"]["message"]
        assert "job.py" in shown["error"]["traceback"]


def test_nan_is_a_result(project: Project) -> None:
    project.write(
        job_py="""\
def train(trial):
    x = trial.params["x"]
    return {"score": float("nan") if x == 3 else 1.0 * x}
"""
    )
    ledger = project.json("sweep", "jobs.yaml", code=4)
    assert (ledger["diverged"], ledger["succeeded"]) == (1, 11)
    rows = project.json("results")["rows"]
    assert rows[-1]["mean"] is None
    assert rows[-1]["params"]["model"]["x"] == 3


def test_a_trial_that_hangs_is_ended_after_its_time(project: Project) -> None:
    project.write(
        jobs_yaml=JOBS + "resources: {time: 2s}\n",
        job_py="""\
import time


def train(trial):
    if trial.params["x"] == 2:
        time.sleep(1000)
    return {"score": 1.0}
""",
    )
    ledger = project.json("sweep", "jobs.yaml", code=4)
    assert (ledger["failed"], ledger["succeeded"]) == (1, 11)
    [failure] = project.json("failures")["groups"]
    assert failure["class"] == "timeout"


def test_the_same_mistake_in_the_first_trials_pauses_the_sweep(project: Project) -> None:
    project.write(job_py="def train(trial):\n    return {'score': 1.0 / 0}\n")
    ledger = project.json("sweep", "jobs.yaml", code=4)
    assert 3 <= ledger["failed"] <= 4
    assert ledger["queued"] == 12 - ledger["failed"]
    project.write(job_py=JOB)
    ledger = project.json("sweep", "jobs.yaml")
    assert ledger["succeeded"] == 12  # the code is other code, so these are other trials


def test_ctrl_c_keeps_what_can_end_and_says_how_to_go_on(project: Project) -> None:
    log = slow(project, 0.4)
    sweep = project.start("sweep", "jobs.yaml")
    wait_for(lambda: len(began(log)) >= 3)
    sweep.send_signal(signal.SIGINT)
    output, errors = sweep.communicate(timeout=30)
    assert sweep.returncode == 130
    assert "blueno sweep jobs.yaml" in output + errors
    ledger = project.json("status", "jobs")
    assert ledger["running"] == 0
    assert ledger["succeeded"] >= 1
    assert ledger["failed"] == 0
    before = len(began(log))
    assert before == ledger["succeeded"]  # what had begun was kept
    assert project.json("sweep", "jobs.yaml")["succeeded"] == 12
    assert len(began(log)) == 12


def test_detached_it_goes_on_alone_and_can_be_stopped(project: Project) -> None:
    log = slow(project, 0.3)
    text = project.run("sweep", "jobs.yaml", "--detach")
    assert "blueno watch" in text
    assert "blueno stop" in text
    wait_for(lambda: len(began(log)) >= 2)
    project.run("stop", "jobs")
    wait_for(lambda: not project.processes(), 30)
    ledger = project.json("status", "jobs")
    assert ledger["adds_up"]
    assert ledger["finished"]
    assert ledger["cancelled"] > 0
    assert ledger["succeeded"] + ledger["cancelled"] == 12
    assert project.json("sweep", "jobs.yaml")["succeeded"] == 12


def test_two_at_once_share_and_never_collide(project: Project) -> None:
    log = slow(project, 0.2)
    project.write(other_yaml=JOBS.replace("name: jobs", "name: other").replace("[1, 12, 1]", "[7, 15, 1]"))
    sweeps = [project.start("sweep", name, "--json") for name in ("jobs.yaml", "other.yaml", "jobs.yaml")]
    for sweep in sweeps:
        _, errors = sweep.communicate(timeout=120)
        assert sweep.returncode == 0, errors
    assert sorted(map(int, began(log))) == list(range(1, 16))
    assert project.json("verify")["ok"]


def test_editing_while_it_runs_changes_nothing_in_it(project: Project) -> None:
    log = slow(project, 0.3)
    sweep = project.start("sweep", "jobs.yaml", "--json")
    wait_for(lambda: len(began(log)) >= 2)
    project.write(jobs_yaml=JOBS.replace("12", "2"), job_py="raise RuntimeError('edited')\n")
    sweep.communicate(timeout=60)
    assert sweep.returncode == 0
    assert project.json("status", "jobs")["succeeded"] == 12
