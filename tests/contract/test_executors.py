"""The executor contract on each implementation, and what only processes can get wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from blueno.executors import EXECUTORS, open_executor
from blueno.executors.inline import InlineExecutor
from blueno.executors.local import LocalExecutor, end_leftover
from blueno.testing import Desk, ExecutorContract

ROUGH = """
import ctypes, os, signal, subprocess, sys, time

def train(trial):
    child = [sys.executable, "-c", "import time; time.sleep(300)"]
    action = trial.params["action"]
    if action == "exit":
        os._exit(9)
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "segfault":
        print("the last words")
        ctypes.string_at(0)
    if action == "print":
        print("python")
        os.write(2, b"descriptor\\n")
        ctypes.CDLL(None).printf(b"library\\n")
        subprocess.run(["echo", "child"])
    if action == "children":
        grandchild = f"import subprocess; subprocess.Popen({child!r}, start_new_session=True).wait()"
        subprocess.Popen(child)
        subprocess.Popen([sys.executable, "-c", grandchild])
        time.sleep(1.0)
        trial.report(1, {"score": 0.0})
        time.sleep(300)
    if action == "forked":
        if os.fork() == 0:
            time.sleep(300)  # holds every descriptor of its parent open
        os._exit(0)
    if action == "stuck":
        subprocess.Popen(child)
        trial.report(1, {"score": 0.0})
        ctypes.PyDLL(None).sleep(300)  # with the interpreter's lock held: no thread of this process runs on
    if action == "hang":
        trial.report(1, {"score": 0.0})
        time.sleep(300)
    if action == "thread":
        import threading
        threading.Thread(target=time.sleep, args=(300,)).start()
    if action == "memory":
        raise MemoryError
    return {"score": 1.0}
"""

SCHEDULER = """
import json, sys, time
from pathlib import Path
from blueno.executors.local import LocalExecutor
from blueno.testing import Desk

job, root, action = sys.argv[1:]
desk = Desk(LocalExecutor(), Path(root), Path(job).read_text())
for id in ("a", "b"):
    desk.start(id)
    desk.train(id, action=action)
desk.hear("epoch", count=2)
print(json.dumps([desk.pid(id) for id in ("a", "b")]), flush=True)
time.sleep(300)
"""


def below(pid: int) -> list[psutil.Process]:
    """A process and all its descendants."""
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that still run; a zombie does not."""
    return [p for p in processes if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def wait_for_end(processes: list[psutil.Process], patience_s: float = 5.0) -> None:
    end_s = time.monotonic() + patience_s
    while (left := _still(processes)) and time.monotonic() < end_s:
        time.sleep(0.05)
    assert not left


def _still(processes: list[psutil.Process]) -> list[psutil.Process]:
    try:
        return alive(processes)
    except psutil.NoSuchProcess:  # between the two questions
        return _still([p for p in processes if p.is_running()])


class TestInline(ExecutorContract):
    @pytest.fixture
    def executor(self) -> InlineExecutor:
        return InlineExecutor()

    def test_ctrl_c_is_not_a_failed_trial(self, executor: InlineExecutor, tmp_path: Path) -> None:
        desk = Desk(executor, tmp_path, "def train(trial):\n    raise KeyboardInterrupt\n")
        desk.start()
        desk.train()
        with pytest.raises(KeyboardInterrupt):
            desk.hear("result")

    def test_it_works_in_this_process(self, executor: InlineExecutor, tmp_path: Path) -> None:
        desk = Desk(executor, tmp_path, "import os\ndef train(trial):\n    return {'score': float(os.getpid())}\n")
        desk.start()
        desk.train()
        assert desk.last("result")["metrics"]["score"] == os.getpid()


class TestLocal(ExecutorContract):
    @pytest.fixture
    def executor(self) -> LocalExecutor:
        return LocalExecutor()


class TestProcesses:
    @pytest.fixture
    def desk(self, tmp_path: Path) -> Iterator[Desk]:
        desk = Desk(LocalExecutor(), tmp_path / "project", ROUGH)
        desk.start()
        yield desk
        desk.executor.close()

    @pytest.mark.parametrize(
        ("action", "reason"),
        [("exit", "exited 9"), ("kill", "killed by SIGKILL"), ("segfault", "killed by SIGSEGV")],
    )
    def test_a_sudden_end_is_told(self, desk: Desk, action: str, reason: str) -> None:
        desk.train(action=action)
        said = desk.hear("gone")
        assert [m["kind"] for _, m in said] == ["ready", "started", "gone"]
        assert said[-1][1]["reason"] == reason

    def test_a_stop_that_comes_too_late_is_passed_over(self, desk: Desk) -> None:
        desk.executor.send("w1", {"kind": "stop", "trial": "t" * 64, "attempt": 1})
        desk.train(action="print")
        assert desk.last("result")["state"] == "succeeded"

    def test_a_segmentation_fault_leaves_its_traceback(self, desk: Desk) -> None:
        trial = desk.train(action="segfault")
        desk.hear("gone")
        log = (desk.root / "logs" / "trials" / f"{trial}.log").read_text()
        assert "the last words" in log
        assert "Segmentation fault" in log
        assert "job.py" in log

    def test_all_that_a_trial_prints_is_in_its_log(self, desk: Desk) -> None:
        desk.train(action="print")
        log = desk.last("result")["log"]
        assert log.startswith("--- attempt 1, worker w1, ")
        assert sorted(log.splitlines()[1:]) == ["child", "descriptor", "library", "python"]

    def test_what_a_trial_started_ends_with_its_worker(self, desk: Desk) -> None:
        desk.train(action="children")
        desk.hear("epoch")
        processes = below(desk.pid())
        assert len(processes) >= 4
        desk.executor.kill("w1")
        assert desk.last("gone")["reason"] == "killed by SIGKILL"
        wait_for_end(processes)

    def test_closing_leaves_nothing(self, desk: Desk) -> None:
        desk.train(action="children")
        desk.hear("epoch")
        processes = below(desk.pid())
        desk.executor.close()
        wait_for_end(processes)
        desk.executor.close()

    def test_a_child_that_holds_the_socket_does_not_hide_the_end(self, desk: Desk) -> None:
        desk.train(action="forked")
        begun_s = time.monotonic()
        assert desk.last("gone")["reason"] == "exited 0"
        assert time.monotonic() - begun_s < 10

    def test_a_hanging_worker_can_be_killed(self, desk: Desk) -> None:
        desk.train(action="stuck")
        desk.hear("epoch")
        desk.executor.kill("w1")
        assert desk.last("gone")["reason"] == "killed by SIGKILL"

    def test_a_thread_that_was_left_does_not_hold_the_worker_up(self, desk: Desk) -> None:
        desk.train(action="thread")
        desk.executor.send("w1", {"kind": "finish"})
        assert desk.last("gone")["reason"] == "exited 0"

    def test_a_worn_out_worker_ends_after_its_list(self, desk: Desk) -> None:
        desk.train(action="memory")
        desk.train(action="end")
        said = [m for _, m in desk.hear("gone")]
        results = [m for m in said if m["kind"] == "result"]
        assert results[0]["error"]["class"] == "out_of_memory"
        assert [r["state"] for r in results][1:] in (["succeeded"], [])  # [] if it came after the worker looked
        assert said[-1]["reason"] == "recycled"

    def test_ctrl_c_belongs_to_the_scheduler(self, desk: Desk) -> None:
        desk.hear("ready")
        os.kill(desk.pid(), signal.SIGINT)
        desk.train(action="end")
        assert desk.last("result")["state"] == "succeeded"

    def test_an_interpreter_that_is_not_there(self, desk: Desk) -> None:
        desk.start("w2", interpreter="/nowhere/python")
        gone = [m for id, m in desk.hear("gone") if id == "w2"][-1]
        assert gone["reason"].startswith("could not start: ")

    def test_an_interpreter_that_ends_at_once(self, desk: Desk, tmp_path: Path) -> None:
        broken = tmp_path / "python"
        broken.write_text("#!/bin/sh\necho no such module >&2\nexit 1\n")
        broken.chmod(0o755)
        desk.start("w2", interpreter=str(broken))
        gone = [m for id, m in desk.hear("gone") if id == "w2"][-1]
        assert (gone["reason"], gone["output"]) == ("could not start: exited 1", "no such module\n")

    def test_a_leftover_is_known_by_its_start(self, desk: Desk) -> None:
        desk.hear("ready")
        process = desk.executor.process("w1")
        assert process is not None
        pid, created_s = process
        assert end_leftover(pid, created_s - 100) is False
        assert end_leftover(pid, created_s) is True
        assert desk.last("gone")["reason"] == "killed by SIGKILL"
        assert end_leftover(pid, created_s) is False

    def test_a_blueno_of_the_users_own_is_not_ours(self, desk: Desk) -> None:
        desk.root.joinpath("blueno.py").write_text("raise SystemExit('the wrong one')\n")
        desk.start("w2")
        desk.train("w2", action="end")
        assert desk.last("result")["state"] == "succeeded"


@pytest.mark.parametrize("action", ["hang", "stuck", "children"])
def test_no_worker_outlives_its_scheduler(tmp_path: Path, action: str) -> None:
    job = tmp_path / "job.py"
    job.write_text(ROUGH)
    command = [sys.executable, "-c", SCHEDULER, str(job), str(tmp_path / "project"), action]
    scheduler = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert scheduler.stdout is not None
    pids = json.loads(scheduler.stdout.readline())
    processes = [process for pid in pids for process in below(pid)]
    in_group = [p for p in processes if os.getpgid(p.pid) in pids]
    os.kill(scheduler.pid, signal.SIGKILL)
    scheduler.wait()
    scheduler.stdout.close()
    wait_for_end(in_group)
    for process in alive([p for p in processes if p not in in_group]):
        process.kill()  # it left the group on purpose, and its scheduler is gone: nobody is there to look for it


def test_each_executor_opens() -> None:
    for name in EXECUTORS:
        executor = open_executor(name)
        assert executor.receive(0.0) == []
        executor.close()
