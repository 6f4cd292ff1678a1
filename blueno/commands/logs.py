"""`blueno logs`: the log of a trial, from the store when it has ended, from its file while it runs."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO

import click

from ..canonical import short
from ..errors import NotFound
from ..settings import Settings
from ..store import read, trace
from ..store.database import scheduler_runs
from ..worker.output import bounded, trial_log
from . import complete, need_store, options, print_json

LOOK_EVERY_S = 0.25


def logs(db: sqlite3.Connection, root: Path, trial: str, attempt: int | None = None) -> dict[str, Any]:
    """The document of `logs --json`. Without `attempt` it is the log of the newest one.

    Raises NotFound when that attempt left none.
    """
    row = read.trial(db, trial)
    kept = read.attempts(db, trial)
    file = trial_log(root, trial)
    at_work = row["state"] in ("queued", "running", "idle") and file.exists()
    if attempt is None:
        attempt = row["attempt"] if at_work or not kept else kept[-1]
    result = read.result(db, trial, attempt)
    if result is None and attempt != row["attempt"]:
        there = f"there are: {', '.join(map(str, kept))}" if kept else "it has not ended yet"
        raise NotFound(f"attempt {attempt} of trial {short(trial)} left no log", there)
    return {
        "trial": trial,
        "attempt": attempt or None,
        "state": row["state"],
        "log": bounded(file) if result is None else result["log"],
        "let_go": result["let_go"].get("logs") if result else None,
    }


def follow(db: sqlite3.Connection, root: Path, trial: str, pause: Callable[[], None]) -> Iterator[bytes]:
    """What a trial writes, as it comes, until it has ended or nothing runs it; `pause` is called between looks.

    The log that is open is read to its end even when the end of the trial has removed its name.
    """
    path = trial_log(root, trial)
    with ExitStack() as stack:
        file: BinaryIO | None = None
        shown = False
        while True:
            ended = _ended(db, root, trial)  # asked before reading: what is written until then is read below
            if file is None and path.exists():
                file = stack.enter_context(path.open("rb"))
            if file is not None and (text := file.read()):
                shown = True
                yield text
            if file is not None and _replaced(path, file):
                file = None
            elif ended:
                break
            else:
                pause()
    if not shown:
        yield logs(db, root, trial)["log"].encode()


def _ended(db: sqlite3.Connection, root: Path, trial: str) -> bool:
    """Whether nothing will be added: done, or neither is nor will be at work."""
    return trace.state_of(db, trial) not in ("queued", "running") or not scheduler_runs(root)


def _replaced(path: Path, file: BinaryIO) -> bool:
    """Whether the name now belongs to the log of a later attempt."""
    try:
        return os.stat(path).st_ino != os.fstat(file.fileno()).st_ino
    except FileNotFoundError:
        return False


@click.command("logs")
@click.argument("trial", shell_complete=complete.trials)
@click.option("--follow", "following", is_flag=True, help="Go on until the trial has ended.")
@click.option("--attempt", type=click.IntRange(1), help="An earlier attempt that left a result.")
@options
def command(settings: Settings, as_json: bool, trial: str, following: bool, attempt: int | None) -> int:
    """The log of TRIAL, named by the beginning of its id."""
    if following and attempt is not None:
        raise click.UsageError("--follow shows the newest attempt: leave out --attempt")
    db = need_store(settings.root)
    id = read.find_trial(db, trial)
    if following:
        for text in follow(db, settings.root, id, lambda: time.sleep(LOOK_EVERY_S)):
            if not as_json:
                click.echo(text, nl=False)
    document = logs(db, settings.root, id, attempt)
    if as_json:
        print_json(document)
    elif not following:
        click.echo(document["log"], nl=False)
    _remark(settings.root, document)
    return 0


def _remark(root: Path, document: dict[str, Any]) -> None:
    """Why there is nothing to see, on standard error."""
    name, state = short(document["trial"]), document["state"]
    if state in ("queued", "running") and not scheduler_runs(root):
        click.echo(f"trial {name} is {state}, and no scheduler runs: go on with `blueno sweep`", err=True)
    elif document["let_go"]:
        click.echo(f"the log of trial {name} was let go: {document['let_go']}", err=True)
    elif not document["log"]:
        click.echo(f"trial {name} is {state} and has no log" + (" yet" if state == "queued" else ""), err=True)
