"""When something is wrong with a whole sweep, or the machine: sweeps are paused, and it is said why."""

from __future__ import annotations

from typing import Any

from ..errors import TrialFailed
from ..messages import Message
from ..store import ledger, preparations, transitions
from ..store.transitions import Binding, Claimed
from .state import Scheduler, Worker

FIRST_FAILURES = 3  # so many first trials that fail alike pause a sweep (or one for each worker, if there are more)
FAILED_STARTS = 3  # so many workers in a row that never got ready pause the sweeps they were started for


def triage(s: Scheduler, trial: Claimed, result: Message, now: float) -> None:
    """Pauses a sweep whose first trials all fail alike: the other three hundred would, too."""
    groups = _first(s, trial.sweep)
    if groups is None or (result["error"] and result["error"]["type"] == TrialFailed.__name__):
        return  # who raises TrialFailed means this point only
    if result["state"] != "failed" or (groups and result["error"]["group"] != groups[0]):
        s.first[trial.sweep] = None
        return
    groups.append(result["error"]["group"])
    if len(groups) >= max(FIRST_FAILURES, len(s.slots)):
        _pause(s, trial.sweep, f"its first {len(groups)} trials failed alike: {_words(result['error'])}", now)


def failed_dataset(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    """A dataset cannot be built. Where nothing can be done without it, few trials fail with it, and the sweeps that
    wait for it are paused; first datasets that all fail alike pause their sweep, too.
    """
    error, waiting = message["error"], preparations.waiting_for(s.db, message["dataset"])
    vital = not any(waiting.values())
    if not preparations.built(s.db, message, worker.id, now, FIRST_FAILURES if vital else -1):
        return
    s.tell(f"a dataset cannot be built: {error['message']}")
    for sweep in waiting:
        if vital and preparations.wanted(s.db, message["dataset"]):
            _pause(s, sweep, f"its data cannot be prepared: {_words(error)}", now)
        elif not vital:
            _count_dataset(s, sweep, error, now)


def _count_dataset(s: Scheduler, sweep: int, error: dict[str, Any], now: float) -> None:
    groups = _first(s, sweep)
    if groups is None or (groups and error["group"] != groups[0]):
        s.first[sweep] = None
        return
    groups.append(error["group"])
    if len(groups) >= FIRST_FAILURES and ledger.has(s.db, sweep, "queued"):
        _pause(s, sweep, f"its first {len(groups)} datasets failed alike: {_words(error)}", now)


def _first(s: Scheduler, sweep: int) -> list[str] | None:
    """The groups of the sweep's first failures, as long as it has nothing but failures that are alike."""
    if sweep not in s.first:
        s.first[sweep] = None if transitions.has_done(s.db, sweep) else []
    return s.first[sweep]


def _pause(s: Scheduler, sweep: int, why: str, now: float) -> None:
    s.first[sweep] = None
    transitions.pause(s.db, sweep, why, now)
    s.tell(f"paused: {why}")


def _words(error: dict[str, str]) -> str:
    return f"{error['type']}: {error['message'].partition(chr(10))[0]}"


def disk_full(s: Scheduler, trial: Claimed, error: dict[str, str], now: float) -> None:
    transitions.release(s.db, trial.id, trial.attempt, now, error["message"])
    pause_all(s, "the disk is full", now)


def pause_all(s: Scheduler, why: str, now: float) -> None:
    while (sweep := transitions.next_sweep(s.db)) is not None:  # pausing one may hand its trials over to another
        transitions.pause(s.db, sweep, why, now)
    s.tell(f"paused: {why}")


def pause_bound(s: Scheduler, binding: Binding, why: str, now: float) -> None:
    """Pauses the sweeps whose trials need workers of `binding`."""
    paused = False
    while (sweep := transitions.next_sweep(s.db, binding)) is not None:
        transitions.pause(s.db, sweep, why, now)
        paused = True
    if paused:
        s.tell(f"paused: {why}")


def failed_start(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    s.failed_starts += 1
    if s.failed_starts >= FAILED_STARTS:
        s.failed_starts = 0
        last = message["output"].strip().rpartition("\n")[2]
        why = f"workers end before they are ready: {message['reason']}" + (f": {last}" if last else "")
        pause_bound(s, worker.binding, f"{why} (see logs/workers, and `blueno doctor`)", now)
