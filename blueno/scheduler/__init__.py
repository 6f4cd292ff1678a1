"""The scheduler: a step over the store, the workers' messages and a clock that is passed in.

    step = receive what workers said, expire what ran too long, obey requests, record proposals, claim work and send it

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
from ..executors import Engine, WorkerSpec
from ..executors.local import end_leftover
from ..settings import FEWEST_OF_FAMILY
from ..store import engines, measuring, preparations, requests, searches, transitions, workers
from ..store.database import transaction
from ..store.transitions import Binding
from ..worker.output import pack_log, tail, worker_log
from ..worker.work import remove_leftovers
from .afterwards import delete_files, settle
from .cache_limit import keep_to_limit
from .hearing import HANDLERS, end_late, late, limit_s_of
from .orders import build_message, measure_message, stop_message, train_message
from .proposing import end_proposer, patience_s, propose
from .state import Scheduler, Worker, forget, leave, let_go

AHEAD_S = 0.25  # a worker on shorter trials holds work for about so long beyond the one it is on
MOST_HELD = 64
MOST_WISHES = 32  # trials whose metrics a worker measures before it is asked again
LONG_BUILD_S = 1800.0  # a dataset that takes longer is told of: it may hang, or wait for a slow disk


def step(s: Scheduler, timeout_s: float) -> None:
    """One turn of the loop; waits at most `timeout_s` for messages."""
    messages = s.executor.receive(patience_s(s, timeout_s))
    now = s.clock()
    with transaction(s.db):
        for worker_id, message in messages:
            worker = s.workers.get(worker_id)
            if worker is not None:
                HANDLERS[message["kind"]](s, worker, message, now)
    delete_files(s.db, s.root)
    keep_to_limit(s, now)
    expire(s, now)
    obey(s, now)
    propose(s, now)
    if not s.draining:
        claim(s, now)


def idle(s: Scheduler) -> bool:
    """Whether nobody works and nothing can be started (all done, or all that waits is paused)."""
    if any(worker.holds() for worker in s.workers.values()):
        return False
    return s.draining or (next_binding(s.db) is None and not searches.open_searches(s.db))


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
        pack_log(root, row["id"]).unlink(missing_ok=True)
        log = worker_log(root, row["id"])
        if row["environment"] or not tail(log):
            log.unlink(missing_ok=True)  # what it said before it was ready is kept
    remove_leftovers(root)
    delete_files(db, root)
    again = workers.recover(db, now)
    engines.undecide(db)
    return again


def end(s: Scheduler) -> None:
    """Ends all workers; what they held is queued again and counts as no attempt."""
    s.executor.close()
    end_proposer(s)
    now = s.clock()
    with transaction(s.db):
        for worker in list(s.workers.values()):
            let_go(s, worker, now, "interrupted")
            forget(s, worker)


# ---- limits and requests


def expire(s: Scheduler, now: float) -> None:
    """Ends trials (and the measuring of one) that have run longer than their sweep allows: with their worker, unless
    others are on it that have not. A dataset may take long; it is told once.
    """
    for worker in s.workers.values():
        if worker.dataset is not None:
            _tell_long_build(s, worker, s.stopwatch() - worker.since)
        elif worker.killed is None and limit_s_of(worker) is not None:
            _end_late(s, worker, now)


def _end_late(s: Scheduler, worker: Worker, now: float) -> None:
    trials, limit_s = late(s, worker), limit_s_of(worker) or 0.0
    measures_long = bool(worker.wishes) and s.stopwatch() - worker.since > limit_s
    if measures_long or (trials and len(trials) == len(worker.begun)):
        worker.killed = "timeout"
        s.executor.kill(worker.id)
        return
    with transaction(s.db):
        for trial in trials:
            end_late(s, worker, trial, now)
            s.executor.send(worker.id, stop_message(trial))


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
            if worker.killed is None:
                _end_in_vain(s, worker, set(answer.get("ended", ())), now)


def _end_in_vain(s: Scheduler, worker: Worker, ended: Collection[str], now: float) -> None:
    """Ends a worker when nobody wants what it is on, or about to begin; else only the trials that nobody wants."""
    if worker.dataset is not None:
        in_vain = not preparations.wanted(s.db, worker.dataset)
    else:
        on = [trial for trial in worker.trials if trial.id in worker.begun] or worker.trials[:1]
        in_vain = bool(on) and all(trial.id in ended for trial in on)
    if in_vain:
        worker.killed = "stopped"
        s.executor.kill(worker.id)
    else:
        for trial in [trial for trial in worker.trials if trial.id in ended]:
            transitions.release(s.db, trial.id, trial.attempt, now, "stopped")
            leave(s, worker, trial)
            s.executor.send(worker.id, stop_message(trial))


# ---- claiming work and sending it


def claim(s: Scheduler, now: float) -> None:
    """Gives every slot something to do."""
    settle(s, now)
    binding = next_binding(s.db)
    if binding is not None and not s.workers and s.resources != binding.resources:
        s.resources, s.slots = binding.resources, s.slots_for(json.loads(binding.resources))
    if s.resources is not None:
        engines.decide(s.db, _fewest(s), s.resources)
    for worker in list(s.workers.values()):
        if worker.ready and not worker.finishing and worker.killed is None:
            _top_up(s, worker, binding, now)
    if binding is not None and binding.resources == s.resources:
        _start_workers(s, binding, now)


def _fewest(s: Scheduler) -> int | None:
    """How many trials of a family are trained as packs; None for never."""
    if s.engine == "auto":
        return FEWEST_OF_FAMILY if all(slot.kind == "cpu" for slot in s.slots) else None
    return 1 if s.engine == "fused" else None


def _top_up(s: Scheduler, worker: Worker, next_binding: Binding | None, now: float) -> None:
    """Datasets first, so that what cannot work is known before the first trial; then trials; then metrics; the end,
    when the work that is left needs another worker.
    """
    if worker.wishes or worker.dataset is not None:
        return
    depth = _lanes(s, worker) if worker.engine == "fused" else _depth(s)
    if len(worker.trials) > depth // 2:
        return  # by halves: a claim for each would cost more
    preparation = None if worker.trials else preparations.claim(s.db, worker.id, worker.binding, now)
    if preparation is not None:
        worker.dataset, worker.since, worker.told = preparation.dataset, s.stopwatch(), False
        s.executor.send(worker.id, build_message(preparation, worker.binding))
        return
    _send_trials(s, worker, depth - len(worker.trials), now)
    if not worker.holds():
        _send_wishes(s, worker, now)
    if not worker.holds() and _is_in_the_way(s, worker, next_binding):
        worker.finishing = True
        s.executor.send(worker.id, {"kind": "finish"})


def _send_trials(s: Scheduler, worker: Worker, count: int, now: float) -> None:
    pack = worker.pack
    if (worker.engine == "fused" and pack is None) or count <= 0:
        return
    among = (pack.family, pack.lost) if pack else None
    for trial in transitions.claim_trials(s.db, worker.id, worker.binding, count, now, among):
        worker.trials.append(trial)
        message, worker.asked[trial.id] = train_message(s.db, trial, pack, s.engine == "fused")
        s.executor.send(worker.id, message)


def _is_in_the_way(s: Scheduler, worker: Worker, next_binding: Binding | None) -> bool:
    """Whether the most urgent work needs another worker than this one, which has nothing to do."""
    if next_binding is None:
        return False
    return next_binding != worker.binding or engines.next_engine(s.db, next_binding) not in (worker.engine, None)


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


def _lanes(s: Scheduler, worker: Worker) -> int:
    """How many trials a worker that trains packs may hold: its lanes, and as many again that take their places. It
    keeps to one family as long as it holds any.
    """
    if not worker.trials:
        worker.pack = engines.next_pack(s.db, worker.binding, _packs(s), len(s.slots))
    if worker.pack is None:
        return 0
    lanes, on_it = worker.pack.lanes, worker.pack.workers
    if len(worker.trials) > lanes:
        return len(worker.trials)  # more than half of the most: enough, without asking
    ready = engines.count_ready(s.db, worker.binding, worker.pack, 3 * lanes * on_it)
    spare = ready - on_it * max(0, lanes - len(worker.trials))
    return lanes + min(lanes, max(0, spare) // (2 * on_it))


def _packs(s: Scheduler) -> dict[str, tuple[int, int]]:
    """Of each family that is trained now, how many workers are on it, and how many of its trials they hold."""
    found: dict[str, tuple[int, int]] = {}
    for worker in s.workers.values():
        if worker.pack is not None and worker.trials:
            count, held = found.get(worker.pack.family, (0, 0))
            found[worker.pack.family] = count + 1, held + len(worker.trials)
    return found


def _start_workers(s: Scheduler, binding: Binding, now: float) -> None:
    """Starts workers in free slots, no more than there is work for, first those that the most urgent trial needs."""
    taken = {worker.slot.name for worker in s.workers.values()}
    free = [slot for slot in s.slots if slot.name not in taken]
    first: Engine = "fused" if free and engines.next_engine(s.db, binding) == "fused" else "fit"
    second: Engine = "fit" if first == "fused" else "fused"
    for engine in (first, second):
        wanted = _wanted(s, binding, engine) if free else 0
        for slot in free[: max(0, wanted)]:
            _start(s, Worker(uuid.uuid4().hex[:12], slot, binding, engine), now)
        free = free[max(0, wanted) :]


def _wanted(s: Scheduler, binding: Binding, engine: Engine) -> int:
    """How many more workers of an engine there is work for. Metrics are measured by any."""
    starting = sum(not worker.ready and worker.engine == engine for worker in s.workers.values())
    wishes = measuring.waiting(s.db, MOST_WISHES * len(s.slots)) if engine == "fit" else 0
    return engines.queued(s.db, binding, engine, len(s.slots)) + ceil(wishes / MOST_WISHES) - starting


def _start(s: Scheduler, worker: Worker, now: float) -> None:
    s.workers[worker.id] = worker
    binding = worker.binding
    s.executor.start(
        WorkerSpec(worker.id, worker.slot, s.root, binding.snapshot, binding.interpreter, engine=worker.engine)
    )
    workers.started(s.db, worker.id, worker.slot.name, s.executor.process(worker.id), now)
