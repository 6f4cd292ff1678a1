"""What workers say, and what follows from it. Each handler is called inside a transaction."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..canonical import digest, short
from ..messages import Message
from ..store import preparations, transitions, workers
from ..store.transitions import Claimed
from ..worker.output import bounded, trial_log
from .afterwards import afterwards, measured, over_wish
from .state import Scheduler, Worker, forget, let_go
from .triage import disk_full, failed_dataset, failed_start, pause_all, pause_bound, triage


def _ready(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    worker.ready = True
    s.failed_starts = 0
    workers.ready(s.db, worker.id, message["environment"])


def _started(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    if worker.killed is not None:
        return  # it was ended over the trial before; this one is not to blame
    if transitions.started(s.db, message["trial"], message["attempt"], worker.id):
        worker.current = next(t for t in worker.trials if t.id == message["trial"])
        worker.since = s.stopwatch()
        workers.at(s.db, worker.id, message["trial"])


def _epoch(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    workers.at(s.db, worker.id, message["trial"], message)


def _result(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    trial = next((t for t in worker.trials if (t.id, t.attempt) == (message["trial"], message["attempt"])), None)
    worker.current = None
    if trial is None:
        return
    worker.trials.remove(trial)
    asked, error = worker.asked.pop(trial.id, None), message["error"]
    if error and error["class"] == "disk_full":
        disk_full(s, trial, error, now)
    elif error and error["class"] == "dataset_missing":
        preparations.forget(s.db, json.loads(trial.recipe)["dataset"], now)
        transitions.release(s.db, trial.id, trial.attempt, now, error["message"])
    elif error and error["class"] == "snapshot_missing":
        transitions.release(s.db, trial.id, trial.attempt, now, error["message"])
        pause_bound(s, worker.binding, error["message"], now)
    elif transitions.finish(s.db, message, worker.id, now):
        _smooth(s, message["duration_s"])
        _tell_failure(s, trial, error)
        triage(s, trial, message, now)
        if error is None:
            afterwards(s, trial, message, asked, now)
        trial_log(s.root, trial.id).unlink(missing_ok=True)


def _tell_failure(s: Scheduler, trial: Claimed, error: dict[str, Any] | None) -> None:
    """The first failure of each kind is said at once, not in the morning."""
    if error is not None and error["group"] not in s.told:
        s.told.add(error["group"])
        first_line = error["message"].partition("\n")[0]
        s.tell(f"trial {short(trial.id)} failed: {error['type']}: {first_line} (blueno logs {short(trial.id)})")


def _built(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    worker.dataset = None
    error = message["error"]
    if error and error["class"] == "disk_full":
        preparations.release(s.db, message["dataset"], now)
        pause_all(s, "the disk is full", now)
    elif error and error["class"] == "snapshot_missing":
        preparations.release(s.db, message["dataset"], now)
        pause_bound(s, worker.binding, error["message"], now)
    elif error:
        failed_dataset(s, worker, message, now)
    elif preparations.built(s.db, message, worker.id, now):
        for model_error in message["model_errors"].values():
            s.tell(f"an architecture cannot be built: {model_error['message']}")
        for line in _remarks(message["summary"]) - s.told:
            s.told.add(line)
            s.tell(line)


def _remarks(summary: dict[str, Any]) -> set[str]:
    """What somebody should know about the data before the morning; the same for every fold."""
    dropped = summary.get("dropped") or {}
    return {*(f"{count} samples are left out: {why}" for why, count in dropped.items()), *summary.get("remarks", ())}


def _gone(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    forget(s, worker)
    if not worker.ready and worker.killed is None:
        failed_start(s, worker, message, now)
    trial = _blamed(worker, message)
    if trial is not None:
        _over(s, worker, trial, message, now)
        worker.trials.remove(trial)
    if worker.dataset is not None and worker.killed is None:
        error = _error("lost", message["reason"], f"the worker that built it ended: {message['reason']}", message)
        preparations.lost(s.db, worker.dataset, worker.id, error, now)
        worker.dataset = None
    if worker.wishes and worker.killed in (None, "timeout") and message["reason"] != "recycled":
        over_wish(s, worker, message["reason"], now)
    let_go(s, worker, now, f"its worker ended: {message['reason']}")


HANDLERS: dict[str, Callable[[Scheduler, Worker, Message, float], None]] = {
    "ready": _ready, "started": _started, "epoch": _epoch, "result": _result, "built": _built,
    "measured": measured, "gone": _gone,
}  # fmt: skip


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
        error = _error("timeout", "Timeout", f"it ran longer than {limit_s_of(worker):g} s (resources.time)", message)
        result = transitions.failed_result(trial.id, trial.attempt, error, now, duration_s, text)
        transitions.finish(s.db, result, worker.id, now)
        _tell_failure(s, trial, error)
        triage(s, trial, result, now)
    else:
        error = _error("lost", message["reason"], f"its process ended: {message['reason']}", message, text)
        result = transitions.failed_result(trial.id, trial.attempt, error, now, duration_s, text)
        if transitions.lost(s.db, trial.id, trial.attempt, worker.id, result, now) != "failed":
            s.tell(f"a worker ended over trial {short(trial.id)} ({message['reason']}); the trial is queued again")
            return
        _tell_failure(s, trial, error)
        triage(s, trial, result, now)
    log.unlink(missing_ok=True)


def _error(kind: str, type: str, text: str, message: Message, log: str = "") -> dict[str, str]:
    """An Error for something that could not speak for itself; the traceback is what the process left behind."""
    traceback = log[-8000:] or message["output"][-8000:]
    return {"class": kind, "type": type, "message": text, "traceback": traceback, "group": digest([kind, type])}


def limit_s_of(worker: Worker) -> float | None:
    return json.loads(worker.binding.resources).get("time_s")


def _smooth(s: Scheduler, duration_s: float) -> None:
    s.mean_s = duration_s if s.mean_s is None else 0.8 * s.mean_s + 0.2 * duration_s
