"""Workers as processes of this machine, one socket each. A worker and what it started are one process group, and
end together, however they end.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from .. import environment
from ..messages import Message
from ..worker.output import open_log, tail, worker_log
from . import WorkerSpec

TICK_S = 0.25  # how often a worker whose socket a child of it keeps open is looked at
EXIT_S = 2.0  # a worker that closed its socket has so long to end by itself
CLOSE_S = 10.0  # a worker that was killed has so long to be gone
CHUNK_BYTES = 1024 * 1024


@dataclass
class _Process:
    id: str
    popen: subprocess.Popen[bytes]
    channel: socket.socket
    log: Path
    created_s: float  # when the process started, so that its pid is not taken for another's
    received: bytearray = field(default_factory=bytearray)
    unsent: bytearray = field(default_factory=bytearray)
    ready: bool = False
    reason: str = ""  # why it went, if it said so itself
    closed_s: float | None = None  # when its socket ended


class LocalExecutor:
    """An `Executor` that spawns `blueno.worker.process`."""

    def __init__(self) -> None:
        self._processes: dict[str, _Process] = {}
        self._said: list[tuple[str, Message]] = []
        self._selector = selectors.DefaultSelector()
        self._lifeline, self._lifeline_end = os.pipe()  # workers hold the first; the second ends with this process

    def start(self, worker: WorkerSpec) -> None:
        log = worker_log(worker.root, worker.id)
        try:
            process = _spawn(worker, log, self._lifeline)
        except OSError as error:
            self._say(worker.id, _gone(f"could not start: {error}", log))
            return
        self._processes[worker.id] = process
        self._selector.register(process.channel, selectors.EVENT_READ, process)

    def send(self, worker_id: str, message: Message) -> None:
        if process := self._processes.get(worker_id):
            process.unsent += json.dumps(message, allow_nan=False).encode() + b"\n"
            self._write(process)

    def receive(self, timeout_s: float) -> list[tuple[str, Message]]:
        end_s = time.monotonic() + timeout_s
        self._step(0.0)
        while not self._said and (left_s := end_s - time.monotonic()) > 0:
            self._step(min(left_s, TICK_S))
        said, self._said = self._said, []
        return said

    def kill(self, worker_id: str) -> None:
        if process := self._processes.get(worker_id):
            _end_tree(process.popen.pid)

    def process(self, worker_id: str) -> tuple[int, float] | None:
        process = self._processes.get(worker_id)
        return (process.popen.pid, process.created_s) if process else None

    def close(self) -> None:
        for process in list(self._processes.values()):
            _end_tree(process.popen.pid)
            with suppress(subprocess.TimeoutExpired):  # a driver that hangs may hold even a killed process
                process.popen.wait(CLOSE_S)
            self._forget(process)
        for fd in (self._lifeline, self._lifeline_end):
            with suppress(OSError):  # closing twice is closing
                os.close(fd)
        self._selector.close()

    # ---- one look at everything

    def _step(self, wait_s: float) -> None:
        for key, events in self._selector.select(wait_s):
            if events & selectors.EVENT_WRITE:
                self._write(key.data)
            if events & selectors.EVENT_READ:
                self._read(key.data)
        for process in list(self._processes.values()):
            self._look_after(process)

    def _look_after(self, process: _Process) -> None:
        """Reports a process that has ended, and ends one that no longer listens."""
        if _has_ended(process.popen.pid):
            while process.closed_s is None and self._read(process):
                pass  # what it said last; a child of it may hold the socket open, so its end may never come
            self._report_gone(process)
        elif process.closed_s is not None and time.monotonic() > process.closed_s + EXIT_S:
            _end_tree(process.popen.pid)

    def _report_gone(self, process: _Process) -> None:
        _kill_group(process.popen.pid)  # before its exit status is taken: until then the group's number stays its own
        code = process.popen.wait()
        reason = process.reason or _exit_words(code)
        self._say(process.id, _gone(reason if process.ready else f"could not start: {reason}", process.log))
        self._forget(process)

    def _forget(self, process: _Process) -> None:
        if process.closed_s is None:
            self._selector.unregister(process.channel)
        process.channel.close()
        del self._processes[process.id]

    # ---- the socket

    def _read(self, process: _Process) -> bool:
        """Takes in what is there; False if there was nothing, or the socket has ended."""
        try:
            chunk = process.channel.recv(CHUNK_BYTES)
        except BlockingIOError:
            return False
        except OSError:
            chunk = b""
        if not chunk:
            self._selector.unregister(process.channel)
            process.closed_s = time.monotonic()
            return False
        process.received += chunk
        if b"\n" in chunk:
            *lines, rest = process.received.split(b"\n")
            process.received = rest
            for line in lines:
                self._take(process, line)
        return True

    def _take(self, process: _Process, line: bytearray) -> None:
        try:
            message: Message = json.loads(line)
        except ValueError:
            process.reason = "sent what is no message"
            _end_tree(process.popen.pid)
            return
        if message["kind"] == "gone":
            process.reason = message["reason"]  # passed on when the process has really ended
            return
        process.ready = True
        self._say(process.id, message)

    def _write(self, process: _Process) -> None:
        if process.closed_s is not None:
            return
        try:
            del process.unsent[: process.channel.send(process.unsent)]
        except BlockingIOError:
            pass
        except OSError:  # it is gone, and will be reported when its last words are read
            process.unsent.clear()
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if process.unsent else 0)
        self._selector.modify(process.channel, events, process)

    def _say(self, worker_id: str, message: Message) -> None:
        self._said.append((worker_id, message))


# ---- processes


def _spawn(worker: WorkerSpec, log: Path, lifeline: int) -> _Process:
    output = open_log(log)
    ours, theirs = socket.socketpair()
    project = worker.project or worker.root
    told = json.dumps({
        "id": worker.id, "root": str(worker.root), "project": str(project), "slot": worker.slot,
        "engine": worker.engine,
    })  # fmt: skip
    variables = environment.variables(worker.slot, os.environ)
    if worker.engine == "fused":
        variables = environment.fused(worker.slot, variables)
    # -P: a blueno.py in the working folder is the user's, not ours
    command = [worker.interpreter or sys.executable, "-P", "-m", "blueno.worker.process", str(theirs.fileno()), told]
    try:
        popen = subprocess.Popen(
            command, stdin=lifeline, stdout=output, stderr=output, cwd=project,
            pass_fds=[theirs.fileno()], env=variables, start_new_session=True,
        )  # fmt: skip
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
        os.close(output)
    ours.setblocking(False)
    return _Process(worker.id, popen, ours, log, _created_s(popen.pid))


def _created_s(pid: int) -> float:
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:  # ended already; its zombie is ours, so the pid is taken by nobody else
        return time.time()


def _has_ended(pid: int) -> bool:
    """Whether a child of ours has ended. Leaves its exit status to be taken later."""
    try:
        return os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
    except ChildProcessError:
        return True


def _kill_group(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):  # nobody is left in it
        os.killpg(pid, signal.SIGKILL)


def _end_tree(pid: int) -> None:
    """Ends a worker's process group and those descendants that left the group."""
    try:
        descendants = psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        descendants = []
    _kill_group(pid)
    for process in descendants:
        with suppress(psutil.NoSuchProcess):
            process.kill()


def end_leftover(pid: int, created_s: float) -> bool:
    """Ends a worker that a dead scheduler left, known by `Executor.process`; False if it is gone already."""
    try:
        if abs(psutil.Process(pid).create_time() - created_s) > 1.0:
            return False
    except psutil.NoSuchProcess:
        return False
    _end_tree(pid)
    return True


def _exit_words(code: int) -> str:
    if code >= 0:
        return f"exited {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:  # real-time signals have no name
        return f"killed by signal {-code}"


def _gone(reason: str, log: Path) -> Message:
    return {"kind": "gone", "reason": reason, "output": tail(log)}
