"""What only a whole `train` shows to be wrong: keys that are right by themselves and contradict each other."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Protocol

from ..spec.node import Mark
from ..spec.problems import Problems
from ..spec.space import Frame
from ..spec.train_section import contradictions
from .rows import Row


class Candidate(Protocol):
    """A config that is left after `exclude`; the last of its rows is that of `train`."""

    @property
    def frame(self) -> Frame: ...

    @property
    def rows(self) -> tuple[Row, ...]: ...


def check_training(candidates: Iterable[Candidate], problems: Problems) -> None:
    """Adds a problem for each contradiction in the `train` of a network, at the key that it is in."""
    seen: set[int] = set()
    told: set[tuple[str, Mark]] = set()
    for candidate in candidates:
        row = candidate.rows[-1]
        if candidate.frame.model.kind != "architecture" or id(row) in seen or not _may_contradict(row.text):
            continue
        seen.add(id(row))
        for key, message, fix in contradictions(json.loads(row.text)):
            mark = _mark(candidate.frame, key.partition("[")[0])
            if (message, mark) not in told:
                told.add((message, mark))
                problems.add(mark, f"train.{key}", message, fix)


def idle_epochs(candidates: Iterable[Candidate]) -> list[str]:
    """A warning where train.epochs is written beside stages that all have epochs of their own."""
    written = {id(row.written): row.written for row in (candidate.rows[-1] for candidate in candidates)}
    if not any(_has_idle_epochs(train) for train in written.values() if isinstance(train, dict)):
        return []
    return ["train.epochs means nothing beside train.stages that all have epochs of their own: leave it out"]


def _has_idle_epochs(train: dict[str, Any]) -> bool:
    stages = train.get("stages") or []
    return "epochs" in train and bool(stages) and all("epochs" in stage for stage in stages)


def _may_contradict(text: str) -> bool:
    """Quickly, since there may be a hundred thousand."""
    return '"reduce_on_plateau":{' in text or '"stages":[' in text


def _mark(frame: Frame, key: str) -> Mark:
    """Where a key of `train` has its value: the first one, if it varies."""
    factor = next(factor for factor in frame.factors if factor.path == f"train.{key}")
    return next(outcome.mark for outcome in factor.outcomes if outcome.mark is not None and outcome.resolved)
