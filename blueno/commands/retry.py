"""`blueno retry`: queues again what failed or diverged, by sweep, trial or cause."""

from __future__ import annotations

import sqlite3
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

import click

from ..canonical import short
from ..counting import counted
from ..errors import BluenoError, NotFound
from ..settings import Settings
from ..store import read, trace
from ..store.database import scheduler_runs
from . import complete, need_store, options, print_json
from .failures import ADVICE
from .request import ask, unanswered


class Target(NamedTuple):
    """A sweep, and those of its trials that were named; None for all of them."""

    sweep: read.Sweep
    trials: list[str] | None


def targets(db: sqlite3.Connection, words: tuple[str, ...]) -> list[Target]:
    """What words name: sweeps, and trials (each in the newest sweep that has it). No word is the latest sweep.

    Raises NotFound.
    """
    if not words:
        return [Target(read.find_sweep(db, None), None)]
    named = [_named(db, word) for word in words]
    whole = {sweep.number: Target(sweep, None) for sweep in named if isinstance(sweep, read.Sweep)}
    single: dict[int, list[str]] = {}
    for trial in (id for id in named if isinstance(id, str)):
        newest = trace.sweeps_of(db, "trial", trial)[-1]["number"]
        single.setdefault(newest, []).append(trial)
    parts = {number: Target(read.sweep_by_number(db, number), trials) for number, trials in single.items()}
    return list({**parts, **whole}.values())


def _named(db: sqlite3.Connection, word: str) -> read.Sweep | str:
    """The sweep, or the id of the trial, that a word names."""
    try:
        sweep = read.find_sweep(db, word)
    except NotFound as no_sweep:
        try:
            return read.find_trial(db, word)
        except NotFound as no_trial:
            raise NotFound(f"{no_sweep.message}, and {no_trial.message}", no_sweep.fix) from None
    if sweep.name != word and trace.begins_trial(db, word):
        raise NotFound(f"{word!r} begins the ids of a sweep and of a trial", "give more digits")
    return sweep


def check_cause(cause: str | None) -> None:
    """Raises BluenoError unless `cause` is a class of failure."""
    if cause is not None and cause not in ADVICE:
        near = get_close_matches(cause, ADVICE, 1)
        fix = f"did you mean {near[0]}? " if near else ""
        raise BluenoError(f"--cause {cause}: no such class of failure", f"{fix}there are: {', '.join(ADVICE)}")


def retry(db: sqlite3.Connection, root: Path, target: Target, cause: str | None) -> dict[str, Any]:
    """Queues again what failed or diverged of a target. `answered` is false while the scheduler has not obeyed."""
    sweep, trials = target
    answer = ask(db, root, "retry", {"sweep": sweep.number, "trials": trials, "cause": cause})
    return {
        "sweep": sweep.id,
        "name": sweep.name,
        "queued": answer["queued"] if answer else 0,
        "answered": answer is not None,
    }


def retry_text(db: sqlite3.Connection, root: Path, target: Target, document: dict[str, Any]) -> str:
    """How many wait again, and what runs them; why none does."""
    sweep, trials = target
    if not document["answered"]:
        return unanswered(root)
    if document["queued"]:
        runs = "the scheduler that runs takes them" if scheduler_runs(root) else f"run: blueno sweep {sweep.spec_file}"
        queued = counted(document["queued"], "trial")
        return f"{sweep.name}: {queued} queued again, with the code as it was submitted\n  {runs}"
    if trials:
        states = ", ".join(f"{short(id)} is {state}" for id, state in _states(db, trials).items())
        return f"{sweep.name}: nothing to retry: {states}"
    causes = ", ".join(f"{group['count']} {group['class']}" for group in read.failures(db, sweep.number))
    return f"{sweep.name}: nothing to retry" + (f"; it has failures of other causes: {causes}" if causes else "")


def _states(db: sqlite3.Connection, trials: list[str]) -> dict[str, str]:
    return {id: read.trial(db, id)["state"] for id in trials}


@click.command("retry")
@click.argument("names", nargs=-1, metavar="[SWEEP | TRIAL...]", shell_complete=complete.both)
@click.option("--cause", metavar="CLASS", help="Only failures of this class: user_code, out_of_memory, diverged, ...")
@options
def command(settings: Settings, as_json: bool, names: tuple[str, ...], cause: str | None) -> int:
    """Queue again what failed or diverged: of a sweep (by default the latest), or single trials by their ids.

    They run with the code as it was submitted; to run them with other code, submit the spec again.
    """
    check_cause(cause)
    db = need_store(settings.root)
    chosen = targets(db, names)
    documents = [retry(db, settings.root, target, cause) for target in chosen]
    if as_json:
        print_json({"queued": sum(document["queued"] for document in documents), "sweeps": documents})
    else:
        for target, document in zip(chosen, documents, strict=True):
            click.echo(retry_text(db, settings.root, target, document))
    return 0
