"""Programs as processes: the words they are started with, how they are ended, and why they failed."""

from __future__ import annotations

import errno
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from string import Template
from typing import Any

import psutil

from blueno.errors import BluenoError, ModelError
from blueno.usercode import CodeFolder

GRACE_S = 10.0  # between asking a program to end and ending it
POLL_S = 0.05  # how often it is looked whether it has ended
SHOWN_LINES = 10  # of standard error, with a failure
MEMORY_WORDS = ("MemoryError", "OutOfMemoryError", "out of memory", "RESOURCE_EXHAUSTED", "std::bad_alloc")
MEND = "mend the program, then sweep again"
ELSEWHERE = "install it in that environment, or name another one's program by a variable: $MY_PYTHON train.py"
DISK_WORDS = ("No space left on device", "Disk quota exceeded")


class ProgramFailed(BluenoError):
    """A program ended with an exit code other than 0."""


def words_of(command: str, code: CodeFolder) -> list[str]:
    """The words of a command as it is run: the first names a program on PATH, or one in the snapshot (`./train.sh`).

    Variables in it (`$TORCH_PYTHON`) are filled in from the environment; `$BLUENO_PYTHON` is this interpreter. Raises
    ModelError when there is no such program or variable.
    """
    first, *others = shlex.split(command)
    if "$" in first:
        first, *more = _from_environment(first) or [""]
        others = [*more, *others]
    path = os.path.expanduser(first)
    if "/" in path:
        path = os.path.join(code.root / code.folder, path)
    found = shutil.which(path)
    if found is None:
        raise ModelError(f"there is no program {first!r}", "install it, put its folder on PATH, or write another")
    return [found, *others]


def _from_environment(word: str) -> list[str]:
    known = {**os.environ, "BLUENO_PYTHON": sys.executable}
    try:
        return shlex.split(Template(word).substitute(known))
    except (KeyError, ValueError) as error:
        name = error.args[0] if isinstance(error, KeyError) else "NAME"
        message = f"the environment has no {name}, which the command's {word} needs"
        raise ModelError(message, f"set it where the sweep is started: export {name}=/path/to/the/program") from None


def options(params: dict[str, Any]) -> list[str]:
    """Parameters as words: `--key value`, nested keys dotted, null left out, all but text as JSON.

    >>> options({"rate": 0.1, "net": {"width": 8, "layers": [1, 2]}, "fast": True, "name": "a b", "nothing": None})
    ['--rate', '0.1', '--net.width', '8', '--net.layers', '[1, 2]', '--fast', 'true', '--name', 'a b']
    """
    words: list[str] = []
    for key, value in params.items():
        if isinstance(value, dict) and value:
            words += options({f"{key}.{inner}": each for inner, each in value.items()})
        elif value is not None:
            words += [f"--{key}", value if isinstance(value, str) else json.dumps(value)]
    return words


@contextmanager
def running(words: list[str], folder: Path, variables: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """The process, which does not outlive the block. ModelError when it cannot be started."""
    try:
        process = subprocess.Popen(
            words, cwd=folder, env=variables, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE
        )  # fmt: skip
    except OSError as error:
        raise ModelError(f"{words[0]} cannot be started: {error.strerror}", "start it by hand to see why") from error
    with process:
        try:
            yield process
        finally:
            end(process)


# ---- its end


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends a program that still runs, and what it started: asks them to, and makes them after a time."""
    if process.poll() is not None:
        return
    tree = _tree(process.pid)
    _signal(tree, signal.SIGTERM)
    last_s = time.monotonic() + GRACE_S
    while time.monotonic() < last_s and (process.poll() is None or not all(map(_has_ended, tree))):
        time.sleep(POLL_S)
    _signal(tree, signal.SIGKILL)
    process.wait()


def _tree(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    return []


def _has_ended(process: psutil.Process) -> bool:
    """Whether a process has ended, even if nobody has taken its exit status."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _signal(processes: list[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def failure(command: str, code: int, errors: str) -> Exception:
    """What to raise for an exit code (below 0: the signal that killed it) and the end of standard error.

    Failures are alike if the last thing they said is, so the lines before it are a note. Where memory or the disk was
    what failed, it is Python's own MemoryError or OSError.
    """
    lines = [line for line in errors.splitlines() if line.strip()][-SHOWN_LINES:]
    how = f"was killed by {_signal_name(-code)}" if code < 0 else f"ended with exit code {code}"
    message = f"{command} {how}" + (f": {lines[-1].strip()}" if lines else "")
    is_missing = bool(lines) and lines[-1].startswith("ModuleNotFoundError")
    error = _of_the_machine(message, code, lines) or ProgramFailed(message, ELSEWHERE if is_missing else MEND)
    if lines:
        error.add_note("\n".join(["The last lines of its standard error:", *lines]))
    return error


def _of_the_machine(message: str, code: int, lines: list[str]) -> Exception | None:
    if any(words in line for line in lines for words in MEMORY_WORDS):
        return MemoryError(message)
    if code == -signal.SIGKILL:
        return MemoryError(f"{message}, as the kernel does when memory runs out")
    if any(words in line for line in lines for words in DISK_WORDS):
        return OSError(errno.ENOSPC, message)
    return None


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # real-time signals have no name
        return f"signal {number}"
