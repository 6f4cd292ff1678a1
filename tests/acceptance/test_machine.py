"""What machines do to a sweep: full and read-only disks, terminals that go away, odd names, lost caches."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .project import JOB, JOBS, Project, kill, wait_for

NOISY = """\
import time

def train(trial):
    print("noise")
    time.sleep({seconds})
    return {{"score": float(trial.params["x"])}}
"""

KEEPS = """\
def train(trial):
    (trial.folder / "model.bin").write_bytes(bytes(40_000))
    return {"score": float(trial.params["x"])}
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / 'a project\'s "own" ünï;$HOME?#%20')
    project.write(jobs_yaml=JOBS, job_py=NOISY.format(seconds=0.3))
    return project


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Project]:
    """A project on a disk of four megabytes; needs the right to mount one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True
    )
    if not mounted or mounted.returncode:
        pytest.skip("no right to mount a small disk")
    project = Project(folder / "project")
    project.write(jobs_yaml=JOBS, job_py=KEEPS)
    yield project
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_disk_that_fills_up_while_it_runs(small_disk: Project) -> None:
    project = small_disk
    project.write(jobs_yaml=JOBS.replace("[1, 12, 1]", "[1, 120, 1]"))  # 4.8 MB of models on 4 MB
    output = project.run("sweep", "jobs.yaml", "--json", code=None)
    assert "is full" in project.errors, output
    assert not project.processes()
    subprocess.run(["mount", "-o", "remount,size=20m", str(project.root.parent)], check=True)  # somebody makes room
    ledger = project.json("status", "jobs")
    assert ledger["adds_up"]
    assert ledger["failed"] == 0
    assert ledger["succeeded"] < 120
    assert project.json("sweep", "jobs.yaml")["succeeded"] == 120
    assert project.json("verify")["ok"]


@pytest.mark.parametrize("free_kb", [0, 8, 40, 150, 250])
def test_whatever_little_is_left_it_is_said_and_nothing_is_lost(small_disk: Project, free_kb: int) -> None:
    project = small_disk
    statistics = os.statvfs(project.root)
    filler = project.root.parent / "filler"
    filler.write_bytes(bytes(statistics.f_bavail * statistics.f_frsize - free_kb * 1024))
    for words in (["sweep", "jobs.yaml"], ["try", "jobs.yaml"], ["plan", "jobs.yaml"], ["status"], ["stop"], ["watch"]):
        process = project.start(*words)
        output, errors = process.communicate(timeout=120)
        assert process.returncode in (0, 1, 4), (words, process.returncode, output, errors)
        assert "bug" not in errors
        assert "damaged" not in errors
    filler.unlink()
    project.write(job_py=JOB)
    assert project.json("sweep", "jobs.yaml")["succeeded"] == 12
    assert project.json("verify")["ok"]


def test_a_read_only_disk_can_be_read(small_disk: Project) -> None:
    project = small_disk
    project.write(job_py=JOB)
    project.run("sweep", "jobs.yaml")
    subprocess.run(["mount", "-o", "remount,ro", str(project.root.parent)], check=True)
    assert len(project.json("results")["rows"]) == 12
    project.run("status")
    project.run("stop", code=1)
    assert "rights" in project.errors
    project.run("sweep", "jobs.yaml", code=1)
    assert "rights" in project.errors


def test_a_terminal_that_goes_away_keeps_what_can_end(project: Project) -> None:
    project.write(job_py=NOISY.format(seconds=0.8))
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(project.root)
        variables = {**os.environ, "BLUENO_ROOT": str(project.root)}
        os.execve(sys.executable, [sys.executable, "-m", "blueno", "sweep", "jobs.yaml"], variables)
    seen = b""
    while not re.search(rb"[1-9]/12 done", seen):
        seen += os.read(terminal, 1000)
    os.close(terminal)
    os.waitpid(pid, 0)
    wait_for(lambda: not project.processes(), 10)
    ledger = project.json("status", "jobs")
    assert ledger["running"] == ledger["failed"] == 0
    assert ledger["succeeded"] >= 2  # one was told of; those that ran when it happened were kept


@pytest.mark.parametrize("closing", ["2>&-", "2>&1 >/dev/null | head -1", ">&- 2>&-"])
def test_nobody_reads_what_it_says(project: Project, closing: str) -> None:
    command = f'"{sys.executable}" -m blueno sweep jobs.yaml {closing}'
    subprocess.run(
        ["sh", "-c", command], cwd=project.root, env={**os.environ, "BLUENO_ROOT": str(project.root)},
        stdout=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip
    assert project.json("status", "jobs")["succeeded"] == 12


def test_detached_it_does_not_take_the_users_modules_for_its_own(project: Project) -> None:
    project.write(click_py="raise RuntimeError('the user\\'s own')\n", job_py=JOB)
    sweep = subprocess.run(
        [sys.executable, "-P", "-m", "blueno", "sweep", "jobs.yaml", "--detach", "--root", "."], cwd=project.root
    )
    assert sweep.returncode == 0
    finished = [sys.executable, "-P", "-m", "blueno", "status", "--root", "."]
    wait_for(lambda: b"finished" in subprocess.run(finished, cwd=project.root, capture_output=True).stdout)
    wait_for(lambda: not project.processes())


def test_inline_prints_are_no_part_of_the_document(project: Project) -> None:
    project.write(job_py=NOISY.format(seconds=0))
    assert json.loads(project.run("sweep", "jobs.yaml", "--executor", "inline", "--json"))["succeeded"] == 12
    assert "noise" in project.errors
    project.write(job_py=NOISY.format(seconds=0) + "\nOTHER = 1\n")
    assert json.loads(project.run("try", "jobs.yaml", "--executor", "inline", "--json"))["ok"]


def test_inline_the_second_ctrl_c_ends_a_trial(project: Project) -> None:
    project.write(job_py=NOISY.format(seconds=1000).replace('print("noise")', 'open("began", "w").close()'))
    sweep = project.start("sweep", "jobs.yaml", "--executor", "inline")
    wait_for((project.root / "began").exists)
    sweep.send_signal(signal.SIGINT)
    time.sleep(0.2)
    sweep.send_signal(signal.SIGINT)
    output, _ = sweep.communicate(timeout=30)
    assert sweep.returncode == 130
    assert "nothing is lost" in output
    assert project.json("status", "jobs")["queued"] == 12


def test_code_that_the_cache_lost_is_kept_again_by_running_again(project: Project) -> None:
    """Lost between submission and run: by the time that a worker looks for it."""
    project.write(job_py=JOB)
    sweep = project.start("sweep", "jobs.yaml", "--json")
    snapshots = project.root / "data" / "cache" / "snapshots"
    wait_for(lambda: list(snapshots.glob("*.zip")))
    shutil.rmtree(snapshots)
    output, errors = sweep.communicate(timeout=60)
    assert sweep.returncode == 4, errors
    assert json.loads(output)["queued"] == 12
    assert "snapshot" in project.json("status", "jobs")["paused"]
    assert project.json("sweep", "jobs.yaml")["succeeded"] == 12


def test_a_removed_sweep_ends_those_who_follow_it(project: Project) -> None:
    project.write(job_py=NOISY.format(seconds=1000))
    sweep = project.start("sweep", "jobs.yaml")
    wait_for(lambda: (project.root / "data" / "blueno.db").exists() and project.json("status")["sweeps"])
    wait_for(lambda: project.json("status", "jobs")["running"])
    project.run("stop", "jobs", "--now")
    wait_for(lambda: project.run("rm", "jobs", "--yes", code=None).endswith("removed\n"))
    _, errors = sweep.communicate(timeout=30)
    assert sweep.returncode in (0, 1)  # by whether it saw the end or the removal first
    assert "bug" not in errors


def test_a_store_whose_maker_was_killed_at_once_is_none(project: Project) -> None:
    (project.root / "data").mkdir()
    (project.root / "data" / "blueno.db").touch()
    project.run("plan", "jobs.yaml")
    project.write(job_py=JOB)
    assert project.json("sweep", "jobs.yaml")["succeeded"] == 12


def test_many_at_once_make_one_store(project: Project) -> None:
    project.write(job_py=JOB)
    sweeps = [project.start("sweep", "jobs.yaml") for _ in range(6)]
    for sweep in sweeps:
        _, errors = sweep.communicate(timeout=120)
        assert sweep.returncode == 0, errors
    db = sqlite3.connect(project.root / "data" / "blueno.db")
    finals = db.execute("SELECT count(*) FROM events WHERE after = 'succeeded'").fetchone()[0]
    db.close()
    assert finals == 12


def test_killed_again_and_again_it_leaves_no_litter(project: Project) -> None:
    for _ in range(3):
        sweep = project.start("sweep", "jobs.yaml")
        wait_for(project.workers)
        time.sleep(0.8)
        kill(sweep)
        sweep.communicate()
        wait_for(lambda: not project.workers(), 10)
    project.run("sweep", "jobs.yaml")
    litter = [path for path in project.root.glob("logs/*/*") if path.is_file()]
    assert litter == []
    assert list((project.root / "models" / "tmp").iterdir()) == []


def test_removing_a_sweep_takes_its_checkpoints_along(project: Project) -> None:
    project.write(
        job_py="def train(trial):\n    (trial.checkpoint / 'big').touch()\n    raise ValueError(trial.params['x'])\n",
        other_yaml=JOBS.replace("name: jobs", "name: other").replace("[1, 12, 1]", "[1, 2, 1]"),
    )
    project.run("sweep", "jobs.yaml", code=4)
    project.run("sweep", "other.yaml", code=4)
    project.run("rm", "jobs", "--yes")
    left = list((project.root / "data" / "work" / "checkpoints").iterdir())
    assert len(left) == 2  # those of the trials which the other sweep has, too
