"""Which trials end early: each replicate is judged against the same replicate of other configs, by Optuna's pruners.

A judge is made of what the store has recorded, and knows of running trials what they report.
"""

from __future__ import annotations

import math
import sqlite3
from dataclasses import dataclass, field
from statistics import median
from typing import Any, NamedTuple

from ..store import prunings
from . import study as studies

Replicate = tuple[int | None, int | None]  # seed and fold


class Poor(NamedTuple):
    """Why a trial need not go on."""

    epoch: int
    why: str
    facts: dict[str, Any]


@dataclass
class Judge:
    """One sweep's pruner, with a study for each replicate."""

    metric: str
    direction: str
    prune: dict[str, Any]
    pruner: Any
    studies: dict[Replicate, Any] = field(default_factory=dict)
    numbers: dict[str, tuple[Replicate, int]] = field(default_factory=dict)  # trial (or config) -> where it is
    over: set[str] = field(default_factory=set)

    @property
    def by_config(self) -> bool:
        """Whether configs are judged by their replicates, not replicates by their epochs."""
        return bool(self.prune["method"] == "wilcoxon")


def open_judge(db: sqlite3.Connection, sweep: int, prune: dict[str, Any]) -> Judge:
    """A sweep's judge, who knows what has ended."""
    row = db.execute("SELECT metric, direction FROM sweeps WHERE number = ?", (sweep,)).fetchone()
    judge = Judge(row["metric"], row["direction"], prune, studies.pruner(prune))
    for past in prunings.ended(db, sweep, judge.metric):
        if judge.by_config:
            if past.value is not None:
                _note(judge, past.config, (None, None), [[past.step, past.value]])
            if past.pruned:
                ended(judge, past.config, None, True)
            continue
        _note(judge, past.trial, (past.seed, past.fold), past.values)
        ended(judge, past.trial, past.value, past.pruned)
    for config in list(judge.numbers) if judge.by_config else []:
        if not prunings.siblings(db, sweep, config):
            complete(judge, config)
    return judge


def reported(judge: Judge, trial: str, replicate: Replicate, values: list[list[Any]]) -> Poor | None:
    """Notes a trial's values by epoch. Says whether, and at which of these epochs, it need not have gone on."""
    study, number = _place(judge, trial, replicate)
    for epoch, value in values:
        if _is_poor(judge, study, number, trial, epoch, value):
            return _poor(judge, study, number, epoch, value)
    return None


def _note(judge: Judge, trial: str, replicate: Replicate, values: list[list[Any]]) -> None:
    """Notes all values of a trial that has ended: pruners are asked, since some mark what they have seen."""
    study, number = _place(judge, trial, replicate)
    for epoch, value in values:
        _is_poor(judge, study, number, trial, epoch, value)


def _place(judge: Judge, trial: str, replicate: Replicate) -> tuple[Any, int]:
    """The study that a trial is in, and its number there."""
    if trial not in judge.numbers:
        if replicate not in judge.studies:
            judge.studies[replicate] = studies.new_study([judge.direction])
        judge.numbers[trial] = (replicate, studies.begin(judge.studies[replicate]))
    where, number = judge.numbers[trial]
    return judge.studies[where], number


def _is_poor(judge: Judge, study: Any, number: int, trial: str, epoch: int, value: float | None) -> bool:
    """Notes a value, and asks the pruner where it may decide. What comes after the end changes nothing."""
    if trial in judge.over:
        return False
    studies.report(study, number, epoch, math.nan if value is None else value)
    return is_due(judge.prune, epoch) and studies.is_poor(study, judge.pruner, number)


def ended(judge: Judge, trial: str, value: float | None, pruned: bool) -> None:
    """A trial has ended. One that has failed is forgotten: if it is tried again, it begins anew."""
    if trial in judge.numbers and trial not in judge.over:
        replicate, number = judge.numbers[trial]
        studies.over(judge.studies[replicate], number, value, pruned)
        if value is None and not pruned:
            del judge.numbers[trial]
        else:
            judge.over.add(trial)


def complete(judge: Judge, config: str) -> None:
    """No replicate of a config waits or runs: its mean is what others are compared with."""
    if config in judge.numbers:
        replicate, number = judge.numbers[config]
        ended(judge, config, studies.mean(judge.studies[replicate], number), False)


def is_due(prune: dict[str, Any], epoch: int) -> bool:
    """Whether a pruner may decide at an epoch."""
    if prune["method"] == "wilcoxon":
        return True
    return epoch >= prune["after"] and (prune["epochs"] is None or epoch <= prune["epochs"])


def _poor(judge: Judge, study: Any, number: int, epoch: int, value: float | None) -> Poor:
    others = [each for each in studies.values_at(study, number, epoch) if math.isfinite(each)]
    best = (max if judge.direction == "maximize" else min)(others, default=None)
    middle = median(others) if others else None
    step = "replicate" if judge.by_config else "epoch"
    shown = "not a number" if value is None else f"{value:.6g}"
    why = f"{judge.prune['method']}: {judge.metric} {shown} at {step} {epoch}"
    if middle is not None and best is not None:
        why += f"; of {len(others)} others there the median is {middle:.6g} and the best {best:.6g}"
    facts = {"epoch": epoch, "value": value, "metric": judge.metric, "others": len(others), "median": middle,
             "best": best, "method": judge.prune["method"]}  # fmt: skip
    return Poor(epoch, why, facts)
