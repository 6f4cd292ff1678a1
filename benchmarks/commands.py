"""Whole processes, measured from outside: their time, the CPU time of all that they started, and their memory."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from types import MappingProxyType
from typing import NamedTuple

import psutil

REPOSITORY = Path(__file__).parent.parent
SPECS = Path(__file__).parent / "specs"
EVERY_S = 0.1  # how often a process that is watched is looked at

Watch = Callable[[psutil.Process], None]


class Run(NamedTuple):
    """What a process took."""

    wall_s: float
    cpu_s: float  # user and system, of the process and of all that it waited for
    output: str


class CommandFailed(Exception):
    """A command that is measured did not end well; the message is its output."""


def run(
    arguments: Sequence[str | Path], watch: Watch | None = None, variables: Mapping[str, str] = MappingProxyType({})
) -> Run:
    """Runs a command in the repository to its end, and measures it. Raises CommandFailed.

    `watch` is called with the process every tenth of a second; `variables` are added to its environment.
    """
    command = [str(argument) for argument in arguments]
    with tempfile.TemporaryFile("w+") as output:
        begun = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env={**os.environ, **variables},
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
        status, cpu_s = _wait(process.pid, watch)
        wall_s = time.perf_counter() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise CommandFailed(f"{' '.join(command)} exited {process.returncode}:\n{text}")
    return Run(wall_s, cpu_s, text)


def _wait(pid: int, watch: Watch | None) -> tuple[int, float]:
    """A child's exit status and CPU time."""
    ended = 0
    while not ended:
        ended, status, usage = os.wait4(pid, os.WNOHANG if watch else 0)
        if watch and not ended:
            _look(pid, watch)
            time.sleep(EVERY_S)
    return status, usage.ru_utime + usage.ru_stime


def _look(pid: int, watch: Watch) -> None:
    try:
        watch(psutil.Process(pid))
    except psutil.Error:
        pass  # it is just ending


def python(*arguments: str | Path) -> list[str | Path]:
    """The command that runs this interpreter."""
    return [sys.executable, *arguments]


def blueno(*arguments: str | Path) -> list[str | Path]:
    """The `blueno` command of this interpreter's environment."""
    return [Path(sys.executable).with_name("blueno"), *arguments]


@contextmanager
def temporary_root() -> Iterator[Path]:
    """A fresh project folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="blueno-benchmark-") as folder:
        yield Path(folder)


def interleaved(arms: Mapping[str, Callable[[], Run]], rounds: int) -> dict[str, list[Run]]:
    """Every arm once, then every arm again, ...: what else the machine does meanwhile falls on all of them."""
    runs: dict[str, list[Run]] = {name: [] for name in arms}
    for number in range(rounds):
        for name, arm in arms.items():
            found = arm()
            runs[name].append(found)
            sys.stderr.write(f"  round {number + 1} of {rounds}, {name}: {found.wall_s:.2f} s\n")
    return runs


def median_wall_s(runs: Sequence[Run]) -> float:
    return median(each.wall_s for each in runs)


def median_cpu_s(runs: Sequence[Run]) -> float:
    return median(each.cpu_s for each in runs)
