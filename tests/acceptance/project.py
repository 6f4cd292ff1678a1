"""A project in a temporary folder, used through the real command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

JOBS = """\
version: 1
name: jobs
objective: {maximize: score}
model: {function: job.py:train, x: {range: [1, 12, 1]}}
"""

JOB = """\
def train(trial):
    return {"score": float(trial.params["x"])}
"""


class Project:
    """Files, commands and processes of one project."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)

    def write(self, **files: str) -> None:
        """Writes files; `job_py` is job.py, `ml__nets_py` is ml/nets.py."""
        for name, text in files.items():
            path = self.root / (name.replace("__", "/")[::-1].replace("_", ".", 1)[::-1])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "blueno", *arguments],
            cwd=self.root,
            text=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**os.environ, "BLUENO_ROOT": str(self.root), **variables},
        )

    def run(self, *arguments: str, code: int | None = 0, timeout_s: float = 240, **variables: str) -> str:
        """Standard output of a command that ends with `code` (None: any)."""
        process = self.start(*arguments, **variables)
        output, errors = process.communicate(timeout=timeout_s)
        assert code is None or process.returncode == code, f"exit {process.returncode}\n{output}\n{errors}"
        assert "Traceback" not in errors, errors
        self.errors = errors
        return output

    def json(self, *arguments: str, code: int | None = 0) -> Any:
        return json.loads(self.run(*arguments, "--json", code=code))

    def json_with(self, variables: dict[str, str], *arguments: str, code: int | None = 0) -> Any:
        """What a command prints with --json in an environment with these variables, too."""
        return json.loads(self.run(*arguments, "--json", code=code, **variables))

    def senders(self) -> list[psutil.Process]:
        return self.processes("blueno.elastic.process")

    def workers(self) -> list[psutil.Process]:
        return self.processes("blueno.worker.process")

    def processes(self, word: str = "") -> list[psutil.Process]:
        """Every process that works for this project: schedulers, workers and what they started; with a word, those
        that have it in their command. One may end while it is looked at.
        """
        found = []
        for process in psutil.process_iter():
            try:
                words = process.cmdline()
                ours = any("blueno" in each for each in words) and (not word or word in words)
                mine = ours and process.environ().get("BLUENO_ROOT") == str(self.root) and process.pid != os.getpid()
                if mine and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.Error:
                continue
        return found


def wait_for(condition: Callable[[], Any], timeout_s: float = 240.0) -> Any:
    """What `condition` returns, once that is true."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"not within {timeout_s} s: {condition}")


def kill(process: Any) -> None:
    """`kill -9`, whether it is still there or not."""
    try:
        os.kill(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
