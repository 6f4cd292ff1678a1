"""What the scheduler holds in memory: store, executor and clocks, and who works on what. It is lost with it."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..clock import SharedTime
from ..executors import Engine, Executor, Slot
from ..store import measuring, preparations, transitions, workers
from ..store.engines import Pack
from ..store.keeping import Rankings
from ..store.measuring import Wish
from ..store.transitions import Binding, Claimed
from ..worker.output import pack_log, worker_log
from .orders import Asked

if TYPE_CHECKING:
    from .proposing import Proposer


@dataclass
class Worker:
    """What the scheduler knows of a worker. It holds `trials`, in order, or builds `dataset`, or measures `wishes`,
    under one lease. One of the engine `fused` is on many of its trials at a time, all of one `pack`.
    """

    id: str
    slot: Slot
    binding: Binding
    engine: Engine = "fit"
    pack: Pack | None = None
    ready: bool = False
    finishing: bool = False
    trials: list[Claimed] = field(default_factory=list)
    asked: dict[str, Asked] = field(default_factory=dict)  # by trial: what was asked for with it
    wishes: list[Wish] = field(default_factory=list)
    dataset: str | None = None
    begun: dict[str, float] = field(default_factory=dict)  # trials that it said it began -> when, by `time`
    time: SharedTime = field(default_factory=SharedTime)  # of the trials that it is on
    since: float = 0.0  # by the stopwatch: when it began the dataset, or the first of the wishes
    told: bool = False  # that the dataset takes long
    killed: str | None = None  # why we ended it: timeout, stopped
    last_words: str = ""  # of its pack, when it has ended

    def holds(self) -> bool:
        return bool(self.trials or self.wishes) or self.dataset is not None


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
    engine: str = "fit"  # the setting: auto, fit or fused
    publish: str = "none"  # the setting: which files of trials go to the shared cache; none without one
    shares: bool = False  # whether machines share a cache, which hear of what is wanted
    resources: str | None = None  # those that `slots` were made for
    slots: list[Slot] = field(default_factory=list)
    workers: dict[str, Worker] = field(default_factory=dict)
    mean_s: float | None = None  # smoothed duration of a trial
    first: dict[int, list[str] | None] = field(default_factory=dict)  # per sweep: groups of its first failures
    rankings: Rankings = field(default_factory=dict)  # per sweep: its best trials, if it keeps only those
    cache_limit: int | None = None  # bytes that data/cache may hold
    cache_grew: bool = True  # since it was last looked at, which was at `cache_seen_s` of the stopwatch
    cache_seen_s: float = -math.inf
    failed_starts: int = 0
    draining: bool = False
    judges: dict[int, Any] = field(default_factory=dict)  # per sweep that prunes: search.judging.Judge
    reported: dict[str, list[Any]] = field(default_factory=dict)  # per trial that runs and may be pruned: its values
    announced: set[str] = field(default_factory=set)  # datasets of proposals that machines who share a cache know of
    proposer: Proposer | None = None  # the process that makes proposals, if one searches
    live_epochs: bool = False  # whether somebody sends epochs of running trials on
    told: set[str] = field(default_factory=set)  # remarks about data, and kinds of failures: each is said once


def let_go(s: Scheduler, worker: Worker, now: float, why: str) -> None:
    for trial in worker.trials:
        transitions.release(s.db, trial.id, trial.attempt, now, why)
    if worker.dataset is not None:
        preparations.release(s.db, worker.dataset, now)
    if worker.wishes:
        measuring.release(s.db, worker.id)
    worker.trials, worker.wishes, worker.dataset = [], [], None
    worker.asked.clear()
    worker.begun.clear()


def begin(s: Scheduler, worker: Worker, trial: Claimed) -> None:
    """A worker is on a trial from now on."""
    worker.begun[trial.id] = worker.time.read(s.stopwatch(), len(worker.begun))


def taken_s(s: Scheduler, worker: Worker, trial: str) -> float:
    """The time that a worker has spent on a trial that it began: of what many share, its part."""
    return worker.time.read(s.stopwatch(), len(worker.begun)) - worker.begun[trial]


def leave(s: Scheduler, worker: Worker, trial: Claimed) -> None:
    """A trial is not the worker's any more."""
    worker.time.read(s.stopwatch(), len(worker.begun))
    worker.begun.pop(trial.id, None)
    worker.asked.pop(trial.id, None)
    worker.trials.remove(trial)


def forget(s: Scheduler, worker: Worker) -> None:
    workers.ended(s.db, worker.id)
    s.workers.pop(worker.id, None)
    if worker.ready:
        worker_log(s.root, worker.id).unlink(missing_ok=True)  # what it said outside trials; kept if it never began
        pack_log(s.root, worker.id).unlink(missing_ok=True)
