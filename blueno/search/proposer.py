"""Makes proposals from a store's history: reads, and writes nothing."""

from __future__ import annotations

import random
import sqlite3
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, NamedTuple

from ..planning.proposed import Picks, Proposed, proposed
from ..planning.searching import drawn_picks
from ..store import searches
from ..store.database import reading
from ..store.searches import Replicate, Row, Search
from . import study as studies
from .matching import picks_of

DRAWS = 50  # in a row that come to nothing new; then one is taken at random
AT_RANDOM = 2000  # so often, before a space counts as exhausted
EXHAUSTED = "every config that could be drawn has been tried"


class Outcome(NamedTuple):
    """What a sampler is told of a proposal: values, unless it failed or was pruned."""

    values: list[float] | None
    beyond: list[float]  # of the limits of `where`
    pruned: tuple[int, float] | None  # epoch and value


@dataclass
class Memory:
    """A study in memory, and how far it has read the history."""

    search: Search
    study: Any
    rows: list[Row] = field(default_factory=list)
    configs: dict[str, int] = field(default_factory=dict)  # that the sweep has -> position
    warm: int = 0  # proposals that come from earlier sweeps
    excluded: int = 0
    waiting: dict[int, str] = field(default_factory=dict)  # proposals that nothing has come of yet -> config
    told: dict[str, dict[int, Outcome]] = field(default_factory=dict)  # the others: config -> number -> what has
    changes: int = 0  # of the store, as far as they were read


def propose(
    db: sqlite3.Connection, memories: dict[int, Memory], sweep: int, count: int
) -> tuple[list[dict[str, Any]], str]:
    """The next `count` new configs of a search with what was drawn on the way, ready to be recorded; and why there are
    fewer, if the space has no more. `memories` is a cache: without it the answer is the same.
    """
    with reading(db):
        memory = _read(db, memories, sweep)
        if memory is None:
            return [], ""
        made: list[dict[str, Any]] = []
        if not memory.rows and memory.search.method["warm_start"]:
            for row in _earlier(db, memory):
                _remember(memory, row)
                made.append(_document(row, None))
            _hear(db, memory)
    new = 0
    while new < count:
        following, config = _next(memory)
        if following is None:
            return made, EXHAUSTED
        made.append(_document(following, config))
        new += following.kind == "new"
    return made, ""


def _read(db: sqlite3.Connection, memories: dict[int, Memory], sweep: int) -> Memory | None:
    """The study of a sweep as the store has it now. What a study was told cannot be taken back: where that is not so
    any more (a trial is tried again, somebody asked for the sweep again), it is made anew.
    """
    search = searches.search(db, sweep)
    if search is None:
        memories.pop(sweep, None)
        return None
    memory = memories.get(sweep)
    if memory is None or memory.search.resumed != search.resumed or len(memory.rows) != searches.count(db, sweep):
        memory = None
    if memory is None or not _hear(db, memory):
        memories[sweep] = memory = _opened(db, search)
    return memory


def _opened(db: sqlite3.Connection, search: Search) -> Memory:
    memory = Memory(search, studies.new_study([direction for _, direction in search.objectives]))
    # it is told what came of trials before it is asked: what they violate is noted by a sampler of its kind
    memory.study.sampler = studies.sampler(search.method, 0, bool(search.where))
    for row in searches.rows(db, search.sweep):
        studies.add(memory.study, search.space, row.picks, row.remembered)
        _remember(memory, row)
    memory.changes, _ = searches.changed(db, None)
    _hear(db, memory)
    return memory


def _remember(memory: Memory, row: Row) -> None:
    memory.rows.append(row)
    memory.warm += row.origin == "warm_start"
    memory.excluded += row.kind == "excluded"
    if row.kind == "new":
        memory.configs[row.config] = len(memory.configs)
    if row.kind == "excluded":
        studies.tell(memory.study, row.number, None, [], None)
    else:
        memory.waiting[row.number] = row.config


def _hear(db: sqlite3.Connection, memory: Memory) -> bool:
    """Tells the study what has come of trials meanwhile. False if something that it was told is not so any more."""
    memory.changes, changed = searches.changed(db, memory.changes)
    again = memory.told.keys() & changed
    found = searches.outcomes(db, memory.search.sweep, {*memory.waiting.values(), *again})
    if None in changed or any(_is_other(memory, config, found.get(config, [])) for config in again):
        return False
    for number, config in list(memory.waiting.items()):
        if _is_over(replicates := found.get(config, [])):
            del memory.waiting[number]
            outcome = _outcome(memory.search, replicates)
            memory.told.setdefault(config, {})[number] = outcome
            studies.tell(memory.study, number, *outcome)
    return True


def _is_over(replicates: list[Replicate]) -> bool:
    """Whether nothing more will come; one whose trials were removed is over, too."""
    return all(each.state in searches.ENDED for each in replicates)


def _is_other(memory: Memory, config: str, replicates: list[Replicate]) -> bool:
    """Whether a config stands otherwise than the study was told."""
    if not _is_over(replicates):
        return True
    return any(each != _outcome(memory.search, replicates) for each in memory.told[config].values())


def _outcome(search: Search, replicates: list[Replicate]) -> Outcome:
    names = [metric for metric, _ in search.objectives]
    pruned = [each.pruned for each in replicates if each.state == "pruned" and each.pruned]
    if pruned and len(names) == 1:
        epoch = min(each["epoch"] for each in pruned)
        at = [each["value"] for each in pruned if each["value"] is not None]
        return Outcome(None, [], (epoch, fmean(at)) if at else None)
    there = [each.metrics for each in replicates if each.state == "succeeded"]
    means = [_mean(there, name) for name in names]
    if len(there) < len(replicates) or None in means:
        return Outcome(None, [], None)
    beyond = [_beyond(_mean(there, name), operator, limit) for name, operator, limit in search.where]
    return Outcome([mean for mean in means if mean is not None], beyond, None)


def _mean(metrics: list[dict[str, float | None]], name: str) -> float | None:
    found = [value for each in metrics if (value := each.get(name)) is not None]
    return fmean(found) if found and len(found) == len(metrics) else None


def _beyond(value: float | None, operator: str, limit: float) -> float:
    """How far a value is beyond a limit; what is missing is."""
    if value is None:
        return 1.0
    distance = value - limit if operator in ("le", "lt") else limit - value
    return distance if operator in ("le", "ge") or distance else 1e-12


# ---- the next one


def _next(memory: Memory) -> tuple[Row | None, Proposed | None]:
    search, first = memory.search, memory.search.method["first"]
    number = len(memory.rows)
    place = number - memory.warm
    fixed: Picks = first[place] if place < len(first) else {}
    in_vain = 0
    for row in reversed(memory.rows):
        if row.kind == "new" or row.origin == "warm_start":
            break
        in_vain += 1
    origin = "first" if fixed else _origin(memory)
    if in_vain >= DRAWS and not fixed:
        found = _at_random(memory, number)
        if found is None:
            return None, None
        fixed, origin = found, "random"
    made = studies.sampler(search.method, number, bool(search.where))
    picks, remembered = studies.ask(memory.study, made, search.space, fixed)
    config = proposed(search.space, picks, len(memory.configs))
    kind = "excluded" if config.excluded else "known" if config.config.id in memory.configs else "new"
    row = Row(number, config.config.id, picks, origin, kind, remembered)
    _remember(memory, row)
    return row, config


def _origin(memory: Memory) -> str:
    """What a proposal goes back to: the beginning of a search is drawn at random."""
    search = memory.search
    startup = {"tpe": 10, "gp": 10, "cmaes": 1}.get(search.method["method"])
    if startup is None:
        return str(search.method["method"])
    startup = search.method["options"].get("n_startup_trials", startup)
    done = len(memory.rows) - len(memory.waiting) - memory.excluded
    return "startup" if done < startup else str(search.method["method"])


def _at_random(memory: Memory, number: int) -> Picks | None:
    """Picks of a config that is new; None if there seems to be none."""
    chance = random.Random(studies.seed_of(memory.search.method["seed"], number))
    for _ in range(AT_RANDOM):
        picks = drawn_picks(memory.search.space, chance)
        config = proposed(memory.search.space, picks, 0)
        if not config.excluded and config.config.id not in memory.configs:
            return picks
    return None


def _earlier(db: sqlite3.Connection, memory: Memory) -> list[Row]:
    """Configs of earlier sweeps that lie in the space."""
    rows: list[Row] = []
    for config, params in searches.others(db, memory.search.sweep):
        picks = picks_of(memory.search.space, config, params)
        if picks is not None:
            rows.append(Row(len(rows), config, picks, "warm_start", "known", {}))
            studies.add(memory.study, memory.search.space, picks, {})
    return rows


def _document(row: Row, config: Proposed | None) -> dict[str, Any]:
    """A proposal as it is recorded."""
    document = {
        "number": row.number, "config": row.config, "picks": row.picks, "origin": row.origin, "kind": row.kind,
        "remembered": row.remembered,
    }  # fmt: skip
    if row.kind != "new" or config is None:
        return document
    trials = [
        [each.id, each.dataset_id, each.seed, each.fold, each.recipe, each.position, family]
        for each, family in zip(config.trials, config.families, strict=True)
    ]
    datasets = [[each.id, each.recipe] for each in config.datasets]
    return {**document, "position": config.config.position, "params": config.config.params, "trials": trials,
            "datasets": datasets}  # fmt: skip
