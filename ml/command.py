"""Commands: any program, in any environment. It finds its trial in a file, and says metrics by appending lines to one.

It stays in the worker's process group, so that whatever ends the worker ends it, too.
"""

from __future__ import annotations

import os
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from select import select
from typing import BinaryIO

from blueno.errors import ModelError
from blueno.usercode import CodeFolder

from .handout import code_copy, write_trial
from .job import Job, Outcome, Report
from .program import end, failure, options, running, words_of
from .reported import (
    Reported,
    Values,
    check_objective,
    outcome_of,
    params_of,
    places_of,
    planned_epochs,
    read_line,
    reported_before,
    take,
)

POLL_S = 0.2  # how often new metrics are looked for
MAX_LINE_BYTES = 64 * 1024  # of metrics
CHUNK_BYTES = 64 * 1024
TAIL_BYTES = 4096  # of standard error, to say why it failed
SHOWN_BYTES = 80  # of a wrong line
STANDARD_ERROR = 2  # a descriptor, not sys.stderr: it points at the log of the trial
REMEMBERED_BYTES = 256  # of what was read last, to see whether it is still there
LINE_FIX = 'append lines such as {"epoch": 1, "val_accuracy": 0.9} to the file that $BLUENO_METRICS names'
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS")


def train(job: Job, report: Report) -> Outcome:
    """Runs the program to its end, or until `report` says stop. Files in its folder become artefacts.

    Raises ModelError when it cannot be started or its metrics are not as agreed, ProgramFailed when it fails (or
    MemoryError or OSError, where it says that memory or the disk was what failed).
    """
    command = job.recipe["model"]["command"]
    places = places_of(job)
    reported = reported_before(job, command, places.lines)
    code = code_copy(job)
    params = params_of(job.recipe["model"], "command")
    words = [*words_of(command, code), *options(params)]
    variables = _variables(job, code, write_trial(job, places), places.lines)
    with places.lines.open("rb") as lines:
        lines.seek(0, os.SEEK_END)
        said = _Said(reported, lines, planned_epochs(params, job.recipe["train"]), report)
        with running(words, code.root / code.folder, variables) as process:
            errors = _follow(process, said)
    if process.returncode and not said.is_stopped:
        raise failure(command, process.returncode, errors)
    return outcome_of(reported, said.final, places.folder, "command")


def _variables(job: Job, code: CodeFolder, trial: Path, lines: Path) -> dict[str, str]:
    """The worker's environment and what the program must know; Python finds the user's modules as functions do."""
    folders = dict.fromkeys((str(code.root / code.folder), str(code.root)))
    found = [*folders, *filter(None, [os.environ.get("PYTHONPATH")])]
    told = {"BLUENO_TRIAL": str(trial), "BLUENO_METRICS": str(lines), "PYTHONPATH": os.pathsep.join(found)}
    return {"PYTHONUNBUFFERED": "1", **os.environ, **dict.fromkeys(THREADS, str(job.threads)), **told}


# ---- while it runs


@dataclass
class _Said:
    """What the program says, and whom that is told to."""

    reported: Reported
    lines: BinaryIO
    epochs: int  # that it means to train, 0 if unknown
    report: Report
    final: Values = field(default_factory=dict)
    rest: bytes = b""  # of a line that is not whole yet
    last: bytes = b""  # what was read last
    number: int = 0  # of the line
    is_stopped: bool = False


@dataclass
class _Errors:
    """Its standard error, which is passed on to ours."""

    stream: int
    tail: bytes = b""
    is_open: bool = True


def _follow(process: subprocess.Popen[bytes], said: _Said) -> str:
    """Listens to the program until it ends, which it is made to once it is to stop; the end of its standard error."""
    assert process.stderr is not None, "BUG: standard error is no pipe"
    errors = _Errors(process.stderr.fileno())
    while process.poll() is None:
        if errors.is_open:
            _pass_on(errors, POLL_S)
        else:
            with suppress(subprocess.TimeoutExpired):
                process.wait(POLL_S)
        _listen(said)
        if said.is_stopped:
            end(process)
    while errors.is_open and _pass_on(errors, 0.0):
        pass
    _listen(said)
    if process.returncode == 0:
        _hear(said, said.rest)  # the last line may lack its newline
    return errors.tail.decode(errors="replace")


def _pass_on(errors: _Errors, wait_s: float) -> bool:
    """Copies what comes within `wait_s`, or meets the end; False if nothing came."""
    if not select([errors.stream], [], [], wait_s)[0]:
        return False
    chunk = os.read(errors.stream, CHUNK_BYTES)
    errors.is_open = bool(chunk)
    errors.tail = (errors.tail + chunk)[-TAIL_BYTES:]
    os.write(STANDARD_ERROR, chunk)
    return True


def _listen(said: _Said) -> None:
    """Takes in the lines that were added."""
    _check_appended(said)
    while chunk := said.lines.read(CHUNK_BYTES):
        said.last = chunk[-REMEMBERED_BYTES:]
        *lines, said.rest = (said.rest + chunk).split(b"\n")
        for line in lines:
            _hear(said, line)
        _check_length(said.rest, said.number + 1)


def _check_appended(said: _Said) -> None:
    """ModelError when the file was written anew or is another one now: lines may be lost that were never read."""
    file, place = said.lines.fileno(), said.lines.tell()
    is_there = os.pread(file, len(said.last), place - len(said.last)) == said.last
    if not is_there or not os.fstat(file).st_nlink:
        raise ModelError("the file of its metrics was written anew, not appended to", LINE_FIX)


def _hear(said: _Said, line: bytes) -> None:
    said.number += 1
    _check_length(line, said.number)
    if not line.strip():
        return
    try:
        epoch, values = read_line(line)
    except ValueError as error:
        found = line[:SHOWN_BYTES].decode(errors="replace")
        raise ModelError(f"line {said.number} of its metrics: {error}, found {found!r}", LINE_FIX) from error
    if epoch is not None:
        take(said.reported, epoch, values)
        said.is_stopped |= said.report(epoch, said.epochs, values)
        return
    if not said.reported.is_checked:
        check_objective(said.reported, values)
    said.final |= values


def _check_length(line: bytes, number: int) -> None:
    if len(line) > MAX_LINE_BYTES:
        raise ModelError(f"line {number} of its metrics has more than {MAX_LINE_BYTES} bytes", LINE_FIX)
