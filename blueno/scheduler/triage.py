"""When something is wrong with a whole sweep, or the machine: sweeps are paused, and it is said why."""

from __future__ import annotations

from ..errors import TrialFailed
from ..messages import Message
from ..store import transitions
from ..store.transitions import Binding, Claimed
from .state import Scheduler, Worker

FIRST_FAILURES = 3  # so many first trials that fail alike pause a sweep (or one for each worker, if there are more)
FAILED_STARTS = 3  # so many workers in a row that never got ready pause the sweeps they were started for


def triage(s: Scheduler, trial: Claimed, result: Message, now: float) -> None:
    """Pauses a sweep whose first trials all fail alike: the other three hundred would, too."""
    if trial.sweep not in s.first:
        s.first[trial.sweep] = None if transitions.has_done(s.db, trial.sweep) else []
    groups = s.first[trial.sweep]
    if groups is None or (result["error"] and result["error"]["type"] == TrialFailed.__name__):
        return  # who raises TrialFailed means this point only
    if result["state"] != "failed" or (groups and result["error"]["group"] != groups[0]):
        s.first[trial.sweep] = None
        return
    groups.append(result["error"]["group"])
    if len(groups) >= max(FIRST_FAILURES, len(s.slots)):
        s.first[trial.sweep] = None
        error = result["error"]
        first_line = error["message"].partition("\n")[0]
        why = f"its first {len(groups)} trials failed alike: {error['type']}: {first_line}"
        transitions.pause(s.db, trial.sweep, why, now)
        s.tell(f"paused: {why}")


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
