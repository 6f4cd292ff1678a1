"""Ends trials that a pruner calls poor, at the boundaries of epochs. A judge in memory is made again from the store."""

from __future__ import annotations

from typing import Any

from ..canonical import short
from ..messages import Message
from ..store import prunings
from ..store.transitions import Claimed
from .orders import stop_message
from .state import Scheduler, Worker, leave


def heard(s: Scheduler, worker: Worker, trial: Claimed, message: Message, now: float) -> None:
    """A trial reported epochs. A worker that asks is answered, so that it need not go on with what is poor."""
    values = message.get("since") or []
    before = s.reported.get(trial.id, [])  # an attempt that goes on says again what an earlier one said
    s.reported[trial.id] = [each for each in before if not values or each[0] < values[0][0]] + values
    for sweep, rule in prunings.rules(s.db, trial.id).items():
        judge = _judge(s, sweep, rule)
        if judge.by_config or judge.metric != message["of"]:  # another sweep's metric is no ground to end it
            continue
        from ..search.judging import reported

        poor = reported(judge, trial.id, _replicate(s, trial), values)
        if poor is not None:
            _end(s, worker, trial, sweep, judge, poor, now)
    if message.get("asks") and trial in worker.trials:
        s.executor.send(worker.id, {"kind": "go", "trial": trial.id, "attempt": trial.attempt})


def _end(s: Scheduler, worker: Worker, trial: Claimed, sweep: int, judge: Any, poor: Any, now: float) -> None:
    from ..search.judging import ended

    ended(judge, trial.id, None, True)
    facts = {**poor.facts, "values": s.reported.get(trial.id, [])}
    if prunings.prune(s.db, sweep, trial.id, trial.attempt, poor.epoch, poor.why, facts, now):
        s.reported.pop(trial.id, None)
        leave(s, worker, trial)
        s.executor.send(worker.id, stop_message(trial))


def over(s: Scheduler, trial: Claimed, result: Message, now: float) -> None:
    """A trial has ended by itself: judges learn of it, and one that compares configs may end its other replicates."""
    s.reported.pop(trial.id, None)
    for sweep, rule in prunings.rules(s.db, trial.id).items():
        from ..search.judging import complete, ended, reported

        judge = _judge(s, sweep, rule)
        value = result["metrics"].get(judge.metric) if result["state"] == "succeeded" else None
        if not judge.by_config:
            ended(judge, trial.id, value, False)
        elif value is not None:
            place = prunings.step(s.db, sweep, trial.config, trial.id)
            poor = reported(judge, trial.config, (None, None), [[place, value]])
            if poor is not None:
                ended(judge, trial.config, None, True)
                _end_siblings(s, sweep, trial.config, poor, now)
            elif not prunings.siblings(s.db, sweep, trial.config):
                complete(judge, trial.config)


def _end_siblings(s: Scheduler, sweep: int, config: str, poor: Any, now: float) -> None:
    """The other replicates of a config need not be trained."""
    for row in prunings.siblings(s.db, sweep, config):
        if not prunings.prune(s.db, sweep, row["id"], row["attempt"], poor.epoch, poor.why, poor.facts, now):
            continue
        for worker in s.workers.values():
            for held in [each for each in worker.trials if each.id == row["id"]]:
                leave(s, worker, held)
                s.executor.send(worker.id, stop_message(held))
    s.tell(f"config {short(config)} is left: {poor.why}")


def _judge(s: Scheduler, sweep: int, rule: dict[str, Any]) -> Any:
    if sweep not in s.judges:
        from ..search.judging import open_judge  # with it comes Optuna

        s.judges[sweep] = open_judge(s.db, sweep, rule)
    return s.judges[sweep]


def _replicate(s: Scheduler, trial: Claimed) -> tuple[int | None, int | None]:
    row = s.db.execute("SELECT seed, fold FROM trials WHERE id = ?", (trial.id,)).fetchone()
    return row["seed"], row["fold"]
