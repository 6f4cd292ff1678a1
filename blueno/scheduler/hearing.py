"""What workers say, and what follows from it. Each handler is called inside a transaction."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ..canonical import digest, short
from ..messages import Message
from ..store import engines, outbox, preparations, transitions, workers
from ..store.transitions import Claimed
from ..worker.output import bounded, pack_log, trial_log
from ..worker.work import remove_artefact
from . import pruning
from .afterwards import afterwards, measured, over_wish
from .state import Scheduler, Worker, begin, forget, leave, let_go, taken_s
from .triage import disk_full, failed_dataset, failed_start, pause_all, pause_bound, triage


def _ready(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    worker.ready = True
    s.failed_starts = 0
    workers.ready(s.db, worker.id, message["environment"])


def _started(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    if worker.killed is not None:
        return  # it was ended over the trial before; this one is not to blame
    trial = _held(worker, message)
    if trial is None and worker.engine == "fit":  # it was let go as it began, and would train for nobody
        worker.killed = "stopped"
        s.executor.kill(worker.id)
    if trial and transitions.started(s.db, trial.id, trial.attempt, worker.id):
        begin(s, worker, trial)
        _show(s, worker, trial.id)


def _epoch(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    _show(s, worker, message["trial"], message)
    if s.live_epochs:
        outbox.live_epoch(s.db, message, now)
    trial = _held(worker, message)
    if trial is not None and "since" in message:
        pruning.heard(s, worker, trial, message, now)


def _show(s: Scheduler, worker: Worker, trial: str, message: Message | None = None) -> None:
    """For `watch`; of a pack its oldest trial."""
    if next(iter(worker.begun), trial) == trial:
        workers.at(s.db, worker.id, trial, message)


def _held(worker: Worker, message: Message) -> Claimed | None:
    """The trial that a message is about, if it is this worker's."""
    return next((t for t in worker.trials if (t.id, t.attempt) == (message["trial"], message["attempt"])), None)


def _unfused(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    trial = _held(worker, message)
    if trial is None:
        return
    leave(s, worker, trial)
    if engines.unfuse(s.db, trial.id, trial.attempt, message["why"], now) and message["why"] not in s.told:
        s.told.add(message["why"])
        s.tell(f"trials of a family are trained one at a time: {message['why']}")


def _result(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    trial = _held(worker, message)
    if trial is None:
        _remove_unrecorded(s, message)
        return
    asked, error = worker.asked.get(trial.id), message["error"]
    leave(s, worker, trial)
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
        pruning.over(s, trial, message, now)
        _tell_failure(s, trial, error)
        triage(s, trial, message, now)
        if error is None:
            afterwards(s, trial, message, asked, now)
        trial_log(s.root, trial.id).unlink(missing_ok=True)


def _remove_unrecorded(s: Scheduler, message: Message) -> None:
    """A trial that was ended early had ended by itself meanwhile: nobody waits for what it left."""
    query = "SELECT 1 FROM results WHERE trial = ? AND attempt = ?"
    if s.db.execute(query, (message["trial"], message["attempt"])).fetchone() is None:
        for artefact in message["artefacts"].values():
            remove_artefact(s.root, artefact["key"])


def _tell_failure(s: Scheduler, trial: Claimed, error: dict[str, Any] | None) -> None:
    """The first failure of each kind is said at once, not in the morning."""
    if error is not None and error["group"] not in s.told:
        s.told.add(error["group"])
        first_line = error["message"].partition("\n")[0]
        s.tell(f"trial {short(trial.id)} failed: {error['type']}: {first_line} (blueno logs {short(trial.id)})")


def _said(s: Scheduler, worker: Worker, message: Message, now: float) -> None:
    if message["text"] not in s.told:
        s.told.add(message["text"])
        s.tell(message["text"])


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
        s.cache_grew = True
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
    worker.last_words = bounded(pack_log(s.root, worker.id))
    forget(s, worker)
    if not worker.ready and worker.killed is None:
        failed_start(s, worker, message, now)
    blamed = _blamed(s, worker, message)
    again = [trial for trial in blamed if _over(s, worker, trial, message, now)]
    if again:
        _tell_again(s, again, message["reason"])
    worker.trials = [trial for trial in worker.trials if trial not in blamed]
    if worker.dataset is not None and worker.killed is None:
        reason = message["reason"]
        error = _error("lost", reason, f"the worker that built it ended: {reason}", message["output"])
        preparations.lost(s.db, worker.dataset, worker.id, error, now)
        worker.dataset = None
    if worker.wishes and worker.killed in (None, "timeout") and message["reason"] != "recycled":
        over_wish(s, worker, message["reason"], now)
    let_go(s, worker, now, f"its worker ended: {message['reason']}")


HANDLERS: dict[str, Callable[[Scheduler, Worker, Message, float], None]] = {
    "ready": _ready, "started": _started, "epoch": _epoch, "result": _result, "built": _built,
    "unfused": _unfused, "measured": measured, "said": _said, "gone": _gone,
}  # fmt: skip


def _blamed(s: Scheduler, worker: Worker, message: Message) -> list[Claimed]:
    """The trials over which a worker ended: those it was on, or of these the ones that took too long; the next one, if
    it died before it could begin any (libraries are imported then); none, if that is no trial's fault.
    """
    if worker.killed == "stopped" or message["reason"] == "recycled":
        return []
    if worker.killed == "timeout":
        return late(s, worker)
    return [trial for trial in worker.trials if trial.id in worker.begun] or worker.trials[:1]


def late(s: Scheduler, worker: Worker) -> list[Claimed]:
    """The trials that a worker is on for longer than their sweep allows."""
    limit_s = limit_s_of(worker)
    begun = [trial for trial in worker.trials if trial.id in worker.begun]
    return [trial for trial in begun if limit_s is not None and taken_s(s, worker, trial.id) > limit_s]


def end_late(s: Scheduler, worker: Worker, trial: Claimed, now: float) -> None:
    """A trial took too long, and those that it shares its worker with go on: it alone has failed."""
    error = timeout_error(worker)
    result = transitions.failed_result(trial.id, trial.attempt, error, now, taken_s(s, worker, trial.id))
    leave(s, worker, trial)
    if transitions.finish(s.db, result, worker.id, now):
        _tell_failure(s, trial, error)
        triage(s, trial, result, now)


def _tell_again(s: Scheduler, trials: list[Claimed], reason: str) -> None:
    if len(trials) == 1:
        s.tell(f"a worker ended over trial {short(trials[0].id)} ({reason}); the trial is queued again")
    else:
        s.tell(f"a worker ended over {len(trials)} trials of a pack ({reason}); they are queued again")


def _over(s: Scheduler, worker: Worker, trial: Claimed, message: Message, now: float) -> bool:
    """A worker ended over a trial: by our hand because it took too long, or by itself. Whether it is queued again."""
    log = trial_log(s.root, trial.id)
    text = bounded(log) or worker.last_words
    duration_s = taken_s(s, worker, trial.id) if trial.id in worker.begun else 0.0
    if worker.killed == "timeout":
        error = timeout_error(worker, message["output"])
        result = transitions.failed_result(trial.id, trial.attempt, error, now, duration_s, text)
        transitions.finish(s.db, result, worker.id, now)
        _tell_failure(s, trial, error)
        triage(s, trial, result, now)
    else:
        error = _error("lost", message["reason"], f"its process ended: {message['reason']}", text or message["output"])
        result = transitions.failed_result(trial.id, trial.attempt, error, now, duration_s, text)
        if transitions.lost(s.db, trial.id, trial.attempt, worker.id, result, now) != "failed":
            return True
        _tell_failure(s, trial, error)
        triage(s, trial, result, now)
    log.unlink(missing_ok=True)
    return False


def timeout_error(worker: Worker, left: str = "") -> dict[str, str]:
    """The Error of a trial that took longer than its sweep allows."""
    return _error("timeout", "Timeout", f"it ran longer than {limit_s_of(worker):g} s (resources.time)", left)


def _error(kind: str, type: str, text: str, left: str) -> dict[str, str]:
    """An Error for something that could not speak for itself; the traceback is what the process left behind."""
    return {"class": kind, "type": type, "message": text, "traceback": left[-8000:], "group": digest([kind, type])}


def limit_s_of(worker: Worker) -> float | None:
    return json.loads(worker.binding.resources).get("time_s")


def _smooth(s: Scheduler, duration_s: float) -> None:
    s.mean_s = duration_s if s.mean_s is None else 0.8 * s.mean_s + 0.2 * duration_s
