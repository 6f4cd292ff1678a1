"""The scheduler: a step over the store, the workers' messages and a clock that is passed in.

    step = receive what workers said, expire what ran too long, obey requests, claim work and send it

It is the only writer of what happened. What it holds in memory (who works on what) is lost with it, and rebuilt: a
new scheduler queues again whatever an earlier one left running.
"""

from __future__ import annotations

import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from math import ceil
from pathlib import Path
from typing import Any

from .canonical import digest
from .errors import TrialFailed
from .executors import Executor, Slot, WorkerSpec
from .executors.local import end_leftover
from .messages import Message
from .store import requests, transitions
from .store.database import transaction
from .store.transitions import Binding, Claimed, Preparation
from .worker.output import bounded, tail, trial_log, worker_log
from .worker.work import remove_leftovers

FIRST_FAILURES = 3  # so many first trials that fail alike pause a sweep (or one for each worker, if there are more)
FAILED_STARTS = 3  # so many workers in a row that never got ready pause the sweeps they were started for
AHEAD_S = 0.25  # a worker holds work for about so long beyond the trial it is on
MOST_HELD = 64


@dataclass
class Worker:
    """What the scheduler knows of a worker. It holds `trials`, in order, or builds `dataset`, under one lease."""

    id: str
    slot: Slot
    binding: Binding
    ready: bool = False
    finishing: bool = False
    trials: list[Claimed] = field(default_factory=list)
    dataset: str | None = None
    current: Claimed | None = None  # the one it said it began, `since` when
    since: float = 0.0  # by the stopwatch
    killed: str | None = None  # why we ended it: timeout, stopped

    def holds(self) -> bool:
        return bool(self.trials) or self.dataset is not None


@dataclass
class Scheduler:
    """Store, executor and clock, and who works on what."""

    db: sqlite3.Connection
    root: Path
    executor: Executor
    slots_for: Callable[[dict[str, Any]], list[Slot]]  # resources of a sweep -> slots of this machine
    clock: Callable[[], float]
    tell: Callable[[str], None]  # a line for people
    stopwatch: Callable[[], float] = time.monotonic  # for limits: nobody sets it, and it rests while the machine sleeps
    resources: str | None = None  # those that `slots` were made for
    slots: list[Slot] = field(default_factory=list)
    workers: dict[str, Worker] = field(default_factory=dict)
    mean_s: float | None = None  # smoothed duration of a trial
    first: dict[int, list[str] | None] = field(default_factory=dict)  # per sweep: groups of its first failures
    failed_starts: int = 0
    draining: bool = False


def step(s: Scheduler, timeout_s: float) -> None:
    """One turn of the loop; waits at most `timeout_s` for messages."""
    messages = s.executor.receive(timeout_s)
    now = s.clock()
    with transaction(s.db):
        for worker_id, message in messages:
            worker = s.workers.get(worker_id)
            if worker is not None:
                HANDLERS[message["kind"]](s, worker, message, now)
    expire(s)
    obey(s, now)
    if not s.draining:
        claim(s, now)


def idle(s: Scheduler) -> bool:
    """Whether nobody works and nothing can be started (all done, or all that waits is paused)."""
    return not any(worker.holds() for worker in s.workers.values()) and (
        s.draining or transitions.next_binding(s.db) is None
    )


def take_over(db: sqlite3.Connection, root: Path, now: float) -> int:
    """With the lock in hand: ends workers that an earlier scheduler left behind, removes what they left half made, and
    queues their trials again. Returns how many.
    """
    for row in db.execute("SELECT id, pid, created, environment FROM workers").fetchall():
        if row["pid"] is not None:
            end_leftover(row["pid"], row["created"])
        log = worker_log(root, row["id"])
        if row["environment"] or not tail(log):
            log.unlink(missing_ok=True)  # what it said before it was ready is kept
    remove_leftovers(root)
    return transitions.recover(db, now)


def end(s: Scheduler) -> None:
    """Ends all workers; what they held is queued again and counts as no attempt."""
    s.executor.close()
    now = s.clock()
    with transaction(s.db):
        for worker in list(s.workers.values()):
            _let_go(s, worker, now, "interrupted")
            _forget(s, worker)


# ---- what workers say


def _ready(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    worker.ready = True
    s.failed_starts = 0
    transitions.worker_ready(s.db, worker.id, message["environment"])


def _started(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    if worker.killed is not None:
        return  # it was ended over the trial before; this one is not to blame
    if transitions.started(s.db, message["trial"], message["attempt"], worker.id):
        worker.current = next(t for t in worker.trials if t.id == message["trial"])
        worker.since = s.stopwatch()
        transitions.worker_at(s.db, worker.id, message["trial"])


def _epoch(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    transitions.worker_at(s.db, worker.id, message["trial"], message)


def _result(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    trial = next((t for t in worker.trials if (t.id, t.attempt) == (message["trial"], message["attempt"])), None)
    worker.current = None
    if trial is None:
        return
    worker.trials.remove(trial)
    error = message["error"]
    if error and error["class"] == "disk_full":
        _disk_full(s, trial, error, now)
    elif error and error["class"] == "dataset_missing":
        transitions.forget_dataset(s.db, json.loads(trial.recipe)["dataset"], now)
        transitions.release(s.db, trial.id, trial.attempt, now, error["message"])
    elif error and error["class"] == "snapshot_missing":
        transitions.release(s.db, trial.id, trial.attempt, now, error["message"])
        _pause_bound(s, worker.binding, error["message"], now)
    elif transitions.finish(s.db, message, worker.id, now):
        _smooth(s, message["duration_s"])
        _triage(s, trial, message, now)
        trial_log(s.root, trial.id).unlink(missing_ok=True)


def _built(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    worker.dataset = None
    error = message["error"]
    if error and error["class"] == "disk_full":
        transitions.release_dataset(s.db, message["dataset"], now)
        _pause_all(s, "the disk is full", now)
    elif error and error["class"] == "snapshot_missing":
        transitions.release_dataset(s.db, message["dataset"], now)
        _pause_bound(s, worker.binding, error["message"], now)
    elif transitions.built(s.db, message, worker.id, now):
        if error:
            s.tell(f"a dataset cannot be built: {error['message']}")
        for model_error in message["model_errors"].values():
            s.tell(f"an architecture cannot be built: {model_error['message']}")


def _gone(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    _forget(s, worker)
    if not worker.ready and worker.killed is None:
        _failed_start(s, worker, message, now)
    trial = _blamed(worker, message)
    if trial is not None:
        _over(s, worker, trial, message, now)
        worker.trials.remove(trial)
    if worker.dataset is not None and worker.killed is None:
        error = _error("lost", message["reason"], f"the worker that built it ended: {message['reason']}", message)
        transitions.dataset_lost(s.db, worker.dataset, worker.id, error, now)
        worker.dataset = None
    _let_go(s, worker, now, f"its worker ended: {message['reason']}")


HANDLERS: dict[str, Callable[[Scheduler, Worker, Message, float], None]] = {
    "ready": _ready, "started": _started, "epoch": _epoch, "result": _result, "built": _built, "gone": _gone,
}  # fmt: skip


def _failed_start(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    s.failed_starts += 1
    if s.failed_starts >= FAILED_STARTS:
        s.failed_starts = 0
        last = message["output"].strip().rpartition("\n")[2]
        why = f"workers end before they are ready: {message['reason']}" + (f": {last}" if last else "")
        _pause_bound(s, worker.binding, f"{why} (see logs/workers, and `blueno doctor`)", now)


def _blamed(worker: Worker, message: Message) -> Claimed | None:
    """The trial over which a worker ended: the one it was on; the next one, if it died before it could begin that
    (libraries are imported then); none, if that is no trial's fault.
    """
    if worker.killed == "stopped" or message["reason"] == "recycled":
        return None
    if worker.current is not None:
        return worker.current if worker.current in worker.trials else None
    return worker.trials[0] if worker.trials and worker.killed is None else None


def _over(s: Scheduler, worker: Worker, trial: Claimed, message: Message, now: float) -> None:
    """A worker ended over a trial: by our hand because it took too long, or by itself."""
    log = trial_log(s.root, trial.id)
    text = bounded(log)
    duration_s = s.stopwatch() - worker.since if worker.current else 0.0
    if worker.killed == "timeout":
        error = _error("timeout", "Timeout", f"it ran longer than {_limit_s(worker):g} s (resources.time)", message)
        result = transitions.failed_result(trial.id, trial.attempt, error, now, duration_s, text)
        transitions.finish(s.db, result, worker.id, now)
        _triage(s, trial, result, now)
    else:
        error = _error("lost", message["reason"], f"its process ended: {message['reason']}", message, text)
        result = transitions.failed_result(trial.id, trial.attempt, error, now, duration_s, text)
        if transitions.lost(s.db, trial.id, trial.attempt, worker.id, result, now) != "failed":
            return
        _triage(s, trial, result, now)
    log.unlink(missing_ok=True)


def _error(kind: str, type: str, text: str, message: Message, log: str = "") -> dict[str, str]:
    """An Error for something that could not speak for itself; the traceback is what the process left behind."""
    traceback = log[-8000:] or message["output"][-8000:]
    return {"class": kind, "type": type, "message": text, "traceback": traceback, "group": digest([kind, type])}


def _let_go(s: Scheduler, worker: Worker, now: float, why: str) -> None:
    for trial in worker.trials:
        transitions.release(s.db, trial.id, trial.attempt, now, why)
    if worker.dataset is not None:
        transitions.release_dataset(s.db, worker.dataset, now)
    worker.trials, worker.dataset, worker.current = [], None, None


def _forget(s: Scheduler, worker: Worker) -> None:
    transitions.worker_ended(s.db, worker.id)
    s.workers.pop(worker.id, None)
    if worker.ready:
        worker_log(s.root, worker.id).unlink(missing_ok=True)  # what it said outside trials; kept if it never began


def _smooth(s: Scheduler, duration_s: float) -> None:
    s.mean_s = duration_s if s.mean_s is None else 0.8 * s.mean_s + 0.2 * duration_s


# ---- when something is wrong with a whole sweep


def _triage(s: Scheduler, trial: Claimed, result: Message, now: float) -> None:
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
        why = f"its first {len(groups)} trials failed alike: {error['type']}: {error['message']}"
        transitions.pause(s.db, trial.sweep, why, now)
        s.tell(f"paused: {why}")


def _disk_full(s: Scheduler, trial: Claimed, error: dict[str, str], now: float) -> None:
    transitions.release(s.db, trial.id, trial.attempt, now, error["message"])
    _pause_all(s, "the disk is full", now)


def _pause_all(s: Scheduler, why: str, now: float) -> None:
    while (sweep := transitions.next_sweep(s.db)) is not None:  # pausing one may hand its trials over to another
        transitions.pause(s.db, sweep, why, now)
    s.tell(f"paused: {why}")


def _pause_bound(s: Scheduler, binding: Binding, why: str, now: float) -> None:
    """Pauses the sweeps whose trials need workers of `binding`."""
    paused = False
    while (sweep := transitions.next_sweep(s.db, binding)) is not None:
        transitions.pause(s.db, sweep, why, now)
        paused = True
    if paused:
        s.tell(f"paused: {why}")


# ---- limits and requests


def expire(s: Scheduler) -> None:
    """Ends workers whose trial has run longer than its sweep allows."""
    now_s = s.stopwatch()
    for worker in s.workers.values():
        limit_s = _limit_s(worker)
        if worker.current and worker.killed is None and limit_s is not None and now_s - worker.since > limit_s:
            worker.killed = "timeout"
            s.executor.kill(worker.id)


def _limit_s(worker: Worker) -> float | None:
    return json.loads(worker.binding.resources).get("time_s")


def obey(s: Scheduler, now: float) -> None:
    """Works off what other commands asked for."""
    for request in requests.waiting(s.db):
        answer = requests.work_off(s.db, request, now)
        s.first.clear()
        for worker in s.workers.values():
            if worker.killed is None and _in_vain(s, worker, answer.get("ended", ())):
                worker.killed = "stopped"
                s.executor.kill(worker.id)


def _in_vain(s: Scheduler, worker: Worker, ended: Collection[str]) -> bool:
    """Whether nobody wants what a worker is on, or about to begin."""
    if worker.dataset is not None:
        return not transitions.dataset_wanted(s.db, worker.dataset)
    on = worker.current or next(iter(worker.trials), None)
    return on is not None and on.id in ended


# ---- claiming work and sending it


def claim(s: Scheduler, now: float) -> None:
    """Gives every slot something to do."""
    binding = transitions.next_binding(s.db)
    if binding is not None and not s.workers and s.resources != binding.resources:
        s.resources, s.slots = binding.resources, s.slots_for(json.loads(binding.resources))
    for worker in list(s.workers.values()):
        if worker.ready and not worker.finishing and worker.killed is None:
            _top_up(s, worker, binding, now)
    if binding is not None and binding.resources == s.resources:
        _start_workers(s, binding, now)


def _top_up(s: Scheduler, worker: Worker, next_binding: Binding | None, now: float) -> None:
    """Datasets first, so that what cannot work is known before the first trial; then trials; the end, when the work
    that is left needs another worker.
    """
    depth = _depth(s)
    if len(worker.trials) > depth // 2 or worker.dataset is not None:  # by halves: a claim for each would cost more
        return
    preparation = None if worker.trials else transitions.claim_dataset(s.db, worker.id, worker.binding, now)
    if preparation is not None:
        worker.dataset = preparation.dataset
        s.executor.send(worker.id, build_message(preparation, worker.binding))
        return
    for trial in transitions.claim_trials(s.db, worker.id, worker.binding, depth - len(worker.trials), now):
        worker.trials.append(trial)
        s.executor.send(worker.id, train_message(s.db, trial))
    if worker.holds():
        return
    if next_binding is not None and next_binding != worker.binding:
        worker.finishing = True
        s.executor.send(worker.id, {"kind": "finish"})


def _depth(s: Scheduler) -> int:
    """How many trials a worker may hold: one, and what keeps it busy while its result travels to us and back."""
    if s.mean_s is None or any(groups is not None for groups in s.first.values()):
        return 1  # the first trials may still pause their sweep
    fair = transitions.queued(s.db, MOST_HELD * len(s.slots)) // (2 * max(1, len(s.slots)))
    ahead = ceil(AHEAD_S / max(s.mean_s, 1e-4)) if s.mean_s < 4 * AHEAD_S else 0
    return 1 + min(MOST_HELD, fair, ahead)


def _start_workers(s: Scheduler, binding: Binding, now: float) -> None:
    """Starts workers in free slots, no more than there is work for."""
    taken = {worker.slot.name for worker in s.workers.values()}
    starting = sum(not worker.ready for worker in s.workers.values())
    wanted = transitions.queued(s.db, len(s.slots)) - starting
    for slot in [slot for slot in s.slots if slot.name not in taken][: max(0, wanted)]:
        worker = Worker(uuid.uuid4().hex[:12], slot, binding)
        s.workers[worker.id] = worker
        s.executor.start(WorkerSpec(worker.id, slot, s.root, binding.snapshot, binding.interpreter))
        transitions.worker_started(s.db, worker.id, slot.name, s.executor.process(worker.id), now)


def train_message(db: sqlite3.Connection, trial: Claimed) -> Message:
    """What a worker is told about a trial. Metrics are those of every sweep that wants it."""
    rows = db.execute(
        "SELECT number, snapshot, folder, files, metric, direction, metrics, keep FROM sweep_trials"
        " JOIN sweeps ON number = sweep WHERE trial = ? AND verdict = 'open'",
        (trial.id,),
    ).fetchall()
    own = next((row for row in rows if row["number"] == trial.sweep), rows[0])
    others = [row["metric"] for row in rows if row["metric"] != own["metric"]]
    wanted = [metric for row in rows for metric in json.loads(row["metrics"])] + others
    return {
        "kind": "train",
        "trial": trial.id,
        "attempt": trial.attempt,
        "recipe": json.loads(trial.recipe),
        "config": trial.config,
        "fold": trial.fold,
        "code": {"snapshot": own["snapshot"], "folder": own["folder"]},
        "files": files_of(trial.recipe, own["files"]),
        "objective": {"metric": own["metric"], "direction": own["direction"]},
        "metrics": [metric for i, metric in enumerate(wanted) if metric not in wanted[:i]],
        "keep": json.loads(own["keep"]),
    }


def build_message(preparation: Preparation, binding: Binding) -> Message:
    """What a worker is told about a dataset."""
    return {
        "kind": "build",
        "dataset": preparation.dataset,
        "recipe": json.loads(preparation.recipe),
        "code": {"snapshot": binding.snapshot, "folder": preparation.folder},
        "files": files_of(preparation.recipe, preparation.files),
        "models": preparation.models,
    }


def files_of(recipe: str, files: str) -> dict[str, str]:
    """Where the data files are that a recipe names; `files` is the sweep's table of all of them, as JSON."""
    return {sha: path for sha, path in json.loads(files).items() if sha in recipe}
