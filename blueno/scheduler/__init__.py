"""The scheduler: a step over the store, the workers' messages and a clock that is passed in.

    step = receive what workers said, expire what ran too long, obey requests, claim work and send it

It is the only writer of what happened. What it holds in memory (who works on what) is lost with it, and rebuilt: a
new scheduler queues again whatever an earlier one left running.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Collection
from math import ceil
from pathlib import Path

from ..canonical import short
from ..clock import words
from ..executors import WorkerSpec
from ..executors.local import end_leftover
from ..store import measuring, preparations, requests, transitions, workers
from ..store.database import transaction
from ..store.transitions import Binding
from ..worker.output import tail, worker_log
from ..worker.work import remove_leftovers
from .afterwards import delete_files, settle
from .hearing import HANDLERS, limit_s_of
from .orders import build_message, measure_message, train_message
from .state import Scheduler, Worker, forget, let_go

AHEAD_S = 0.25  # a worker on shorter trials holds work for about so long beyond the one it is on
MOST_HELD = 64
MOST_WISHES = 32  # trials whose metrics a worker measures before it is asked again
LONG_BUILD_S = 1800.0  # a dataset that takes longer is told of: it may hang, or wait for a slow disk


def step(s: Scheduler, timeout_s: float) -> None:
    """One turn of the loop; waits at most `timeout_s` for messages."""
    messages = s.executor.receive(timeout_s)
    now = s.clock()
    with transaction(s.db):
        for worker_id, message in messages:
            worker = s.workers.get(worker_id)
            if worker is not None:
                HANDLERS[message["kind"]](s, worker, message, now)
    delete_files(s.db, s.root)
    expire(s)
    obey(s, now)
    if not s.draining:
        claim(s, now)


def idle(s: Scheduler) -> bool:
    """Whether nobody works and nothing can be started (all done, or all that waits is paused)."""
    return not any(worker.holds() for worker in s.workers.values()) and (s.draining or next_binding(s.db) is None)


def next_binding(db: sqlite3.Connection) -> Binding | None:
    """What the next piece of work needs: trials and their datasets first, then metrics that are lacking."""
    return transitions.next_binding(db) or measuring.next_binding(db)


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
    delete_files(db, root)
    return workers.recover(db, now)


def end(s: Scheduler) -> None:
    """Ends all workers; what they held is queued again and counts as no attempt."""
    s.executor.close()
    now = s.clock()
    with transaction(s.db):
        for worker in list(s.workers.values()):
            let_go(s, worker, now, "interrupted")
            forget(s, worker)


# ---- limits and requests


def expire(s: Scheduler) -> None:
    """Ends workers whose trial (or whose measuring of one) has run longer than its sweep allows. A dataset may take
    long; it is told once.
    """
    for worker in s.workers.values():
        limit_s, taken_s = limit_s_of(worker), s.stopwatch() - worker.since
        if worker.dataset is not None:
            _tell_long_build(s, worker, taken_s)
        elif (worker.current or worker.wishes) and worker.killed is None and limit_s is not None and taken_s > limit_s:
            worker.killed = "timeout"
            s.executor.kill(worker.id)


def _tell_long_build(s: Scheduler, worker: Worker, taken_s: float) -> None:
    if taken_s > LONG_BUILD_S and not worker.told:
        worker.told = True
        s.tell(f"dataset {short(worker.dataset or '')} has been building for {words(taken_s)} on {worker.slot.name}")


def obey(s: Scheduler, now: float) -> None:
    """Works off what other commands asked for."""
    for request in requests.waiting(s.db):
        answer = requests.work_off(s.db, request, now)
        s.first.clear()
        s.rankings.clear()
        for worker in s.workers.values():
            if worker.killed is None and _in_vain(s, worker, answer.get("ended", ())):
                worker.killed = "stopped"
                s.executor.kill(worker.id)


def _in_vain(s: Scheduler, worker: Worker, ended: Collection[str]) -> bool:
    """Whether nobody wants what a worker is on, or about to begin."""
    if worker.dataset is not None:
        return not preparations.wanted(s.db, worker.dataset)
    on = worker.current or next(iter(worker.trials), None)
    return on is not None and on.id in ended


# ---- claiming work and sending it


def claim(s: Scheduler, now: float) -> None:
    """Gives every slot something to do."""
    settle(s, now)
    binding = next_binding(s.db)
    if binding is not None and not s.workers and s.resources != binding.resources:
        s.resources, s.slots = binding.resources, s.slots_for(json.loads(binding.resources))
    for worker in list(s.workers.values()):
        if worker.ready and not worker.finishing and worker.killed is None:
            _top_up(s, worker, binding, now)
    if binding is not None and binding.resources == s.resources:
        _start_workers(s, binding, now)


def _top_up(s: Scheduler, worker: Worker, next_binding: Binding | None, now: float) -> None:
    """Datasets first, so that what cannot work is known before the first trial; then trials; then metrics; the end,
    when the work that is left needs another worker.
    """
    depth = _depth(s)
    if worker.wishes or worker.dataset is not None or len(worker.trials) > depth // 2:
        return  # by halves: a claim for each would cost more
    preparation = None if worker.trials else preparations.claim(s.db, worker.id, worker.binding, now)
    if preparation is not None:
        worker.dataset, worker.since, worker.told = preparation.dataset, s.stopwatch(), False
        s.executor.send(worker.id, build_message(preparation, worker.binding))
        return
    for trial in transitions.claim_trials(s.db, worker.id, worker.binding, depth - len(worker.trials), now):
        worker.trials.append(trial)
        message, worker.asked[trial.id] = train_message(s.db, trial)
        s.executor.send(worker.id, message)
    if not worker.holds():
        _send_wishes(s, worker, now)
    if worker.holds():
        return
    if next_binding is not None and next_binding != worker.binding:
        worker.finishing = True
        s.executor.send(worker.id, {"kind": "finish"})


def _send_wishes(s: Scheduler, worker: Worker, now: float) -> None:
    worker.wishes = measuring.claim(s.db, worker.id, worker.binding, MOST_WISHES, now)
    worker.since = s.stopwatch()
    for wish in worker.wishes:
        s.executor.send(worker.id, measure_message(wish, worker.binding))


def _depth(s: Scheduler) -> int:
    """How many trials a worker may hold: one, and what keeps it busy while its result travels to us and back."""
    if s.mean_s is None or any(groups is not None for groups in s.first.values()):
        return 1  # the first trials may still pause their sweep
    fair = transitions.queued(s.db, MOST_HELD * len(s.slots)) // (2 * max(1, len(s.slots)))
    ahead = ceil(AHEAD_S / max(s.mean_s, 1e-4)) if s.mean_s < AHEAD_S else 0
    return 1 + min(MOST_HELD, fair, ahead)


def _start_workers(s: Scheduler, binding: Binding, now: float) -> None:
    """Starts workers in free slots, no more than there is work for."""
    taken = {worker.slot.name for worker in s.workers.values()}
    starting = sum(not worker.ready for worker in s.workers.values())
    batches = ceil(measuring.waiting(s.db, MOST_WISHES * len(s.slots)) / MOST_WISHES)
    wanted = transitions.queued(s.db, len(s.slots)) + batches - starting
    for slot in [slot for slot in s.slots if slot.name not in taken][: max(0, wanted)]:
        worker = Worker(uuid.uuid4().hex[:12], slot, binding)
        s.workers[worker.id] = worker
        s.executor.start(WorkerSpec(worker.id, slot, s.root, binding.snapshot, binding.interpreter))
        workers.started(s.db, worker.id, slot.name, s.executor.process(worker.id), now)
