"""What follows when a trial is done: what no sweep keeps is let go, metrics that came up meanwhile are asked for, and
those that came up later are measured.
"""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from ..cache.outbox import outbox_of
from ..cache.trials import about_trial, note_trial
from ..canonical import short
from ..clock import iso
from ..messages import Message
from ..store import keeping, measuring
from ..store.measuring import Found
from ..store.read import meta
from ..store.transitions import Claimed
from ..worker.work import remove_artefact
from .orders import Asked
from .state import Scheduler, Worker


def afterwards(s: Scheduler, trial: Claimed, result: Message, asked: Asked | None, now: float) -> None:
    """A trial succeeded or diverged."""
    _note(s, trial, result, now)
    if result["state"] == "succeeded" and asked is not None:
        measuring.note_trained(s.db, result, asked.metrics)
        for sweep in set(keeping.sweeps_of(s.db, trial.id)) - asked.sweeps:
            measuring.want(s.db, sweep, trial.id)
    keeping.thin(s.db, s.rankings, trial.id, now)


def _note(s: Scheduler, trial: Claimed, result: Message, now: float) -> None:
    """Notes its files to be sent to the shared cache, in the transaction that records it: no kill forgets one."""
    if s.publish == "none":
        return
    about = about_trial(result, json.loads(trial.recipe), iso(now), meta(s.db)["store_id"])
    try:
        note_trial(outbox_of(s.root), s.publish, about, result["artefacts"])
    except OSError as error:  # a full disk: the trial counts all the same
        s.tell(
            f"what trial {short(trial.id)} left is not sent to the shared cache, it cannot be noted: {error.strerror}"
        )


def measured(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    """A worker says what came of measuring a trial's kept predictions."""
    told = (message["sweep"], message["trial"], message["attempt"])
    wish = next((wish for wish in worker.wishes if (wish.sweep, wish.trial, wish.attempt) == told), None)
    if wish is None:
        return
    worker.wishes.remove(wish)
    worker.since = s.stopwatch()
    found = Found(message["metrics"], message["notes"], message["errors"])
    if measuring.record(s.db, wish, found, worker.id, now):
        keeping.thin(s.db, s.rankings, wish.trial, now)
        for error in found.errors.values():
            _tell(s, wish.trial, error)


def _tell(s: Scheduler, trial: str, error: Message) -> None:
    """The first failure of each kind is said."""
    if error["group"] not in s.told:
        s.told.add(error["group"])
        first_line = error["message"].partition("\n")[0]
        s.tell(f"a metric of trial {short(trial)} cannot be measured: {error['type']}: {first_line}")


def over_wish(s: Scheduler, worker: Worker, why: str, now: float) -> None:
    """A worker ended while it measured."""
    wish = worker.wishes.pop(0)
    if measuring.lost(s.db, wish, why, now):
        s.tell(f"metrics are not measured, since it ends workers ({why}); sweep again to try it again")


def delete_files(db: sqlite3.Connection, root: Path) -> None:
    """Deletes the files that were let go of. Only for the holder of the scheduler's lock."""
    while files := keeping.pending(db):
        for each in files:
            remove_artefact(root, each.key)
        keeping.deleted(db, files)


def settle(s: Scheduler, now: float) -> None:
    """Says which metrics cannot be had, for lack of predictions."""
    for name, count in measuring.settle(s.db, now).items():
        s.tell(f"{name} of {count} trials is not measured: {measuring.NO_PREDICTIONS}")
