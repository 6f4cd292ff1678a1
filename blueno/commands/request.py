"""Asks the store's scheduler for something. Whoever finds that there is none works off what waits."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

from ..scheduler import take_over
from ..scheduler.afterwards import delete_files
from ..store import requests
from ..store.database import holder, scheduler_lock

ANSWER_WITHIN_S = 10.0
LOOK_EVERY_S = 0.1


def ask(
    db: sqlite3.Connection, root: Path, kind: str, arguments: dict[str, Any], within_s: float = ANSWER_WITHIN_S
) -> dict[str, Any] | None:
    """Appends a request and returns what was done about it; None when a scheduler runs and has not answered yet."""
    number = requests.append(db, kind, arguments, time.time())
    until = time.monotonic() + within_s
    while True:
        with scheduler_lock(root) as mine:
            if mine:
                work_off(db, root, time.time())
        answer = requests.answer(db, number)
        if answer is not None or time.monotonic() > until:
            return answer
        time.sleep(LOOK_EVERY_S)


def work_off(db: sqlite3.Connection, root: Path, now: float) -> None:
    """Works off what waits, with the scheduler's lock in hand; what a dead scheduler left running no longer runs."""
    take_over(db, root, now)
    for request in requests.waiting(db):
        requests.work_off(db, request, now)
    delete_files(db, root)


def unanswered(root: Path) -> str:
    """What to say when the scheduler has not answered in time."""
    return f"the scheduler (process {holder(root).get('pid', '?')}) is busy: the request waits for it"
