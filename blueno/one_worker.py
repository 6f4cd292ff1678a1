"""One worker that is asked one thing at a time, for commands that run something without a scheduler.

It is started when it is first needed, and again when it has ended. What it makes lies under the root of its spec.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass

from .errors import BluenoError
from .executors import Executor, WorkerSpec
from .messages import Message
from .worker.output import tail, trial_log

TURN_S = 0.25
ANSWERS = ("built", "result")


@dataclass
class OneWorker:
    """Where the worker lives, and what each one that is started is told."""

    executor: Executor
    spec: WorkerSpec
    id: str = ""  # of the worker that lives; "" for none


def ask(worker: OneWorker, message: Message, limit_s: float | None = None) -> Message:
    """The answer to a message, `built` or `result`; `gone` when the worker ended over it.

    A `gone` says in `timed_out` whether it was ended because it took longer than `limit_s`. Raises BluenoError when a
    worker cannot start.
    """
    _started(worker)
    worker.executor.send(worker.id, message)
    begun, timed_out = time.monotonic(), False
    while True:
        for said in _heard(worker):
            if said["kind"] == "gone" and said["reason"] == "recycled":  # before it read what we sent
                worker.id = ""
                return ask(worker, message, limit_s)
            if said["kind"] == "gone":
                worker.id = ""
                return {**said, "timed_out": timed_out}
            if said["kind"] in ANSWERS:
                return said
        if limit_s is not None and not timed_out and time.monotonic() > begun + limit_s:
            timed_out = True
            worker.executor.kill(worker.id)


def _started(worker: OneWorker) -> None:
    if worker.id:
        return
    worker.id = uuid.uuid4().hex[:12]
    worker.executor.start(worker.spec._replace(id=worker.id))
    while True:
        for said in _heard(worker):
            if said["kind"] == "ready":
                return
            raise BluenoError(f"a worker {said['reason']}\n{said['output']}".rstrip(), "see `blueno doctor`")


def _heard(worker: OneWorker) -> list[Message]:
    return [said for id, said in worker.executor.receive(TURN_S) if id == worker.id]


def last_words(worker: OneWorker, gone: Message, trial: str) -> str:
    """What a worker that ended left behind: the end of the trial's log, else of its own."""
    return tail(trial_log(worker.spec.root, trial)) or gone["output"]
