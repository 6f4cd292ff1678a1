"""What stays of trials: `keep` of every sweep that has them, the larger wish. Only the scheduler lets go of anything.

It is written here first that something is let go, then its file is deleted: a crash between the two leaves a file that
nobody misses, and the next scheduler deletes it.
"""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import inf
from typing import Any, NamedTuple

from .asked import JOIN_MEASURED, asked, value_sql
from .database import transaction
from .transitions import event, pack

KEPT = ("weights", "predictions", "logs")
Order = tuple[float, int, str]  # smaller is better: the objective (infinite without one), the place in the plan, the id


class Fallen(NamedTuple):
    """What a sweep keeps no more."""

    trial: str
    name: str
    why: str  # "best 5"


class Pending(NamedTuple):
    """A file that is to be deleted."""

    trial: str
    attempt: int
    name: str
    key: str


@dataclass
class Ranking:
    """How many trials a sweep keeps of each kind, and its best ones so far, as far as that matters."""

    sweep: int
    words: dict[str, str]  # as written: all, none, best 5
    sizes: dict[str, float]
    value: str  # SQL: the objective, smaller is better
    best: list[Order] = field(default_factory=list)

    @property
    def most(self) -> float:
        """The largest limit: what ranks beyond it is nobody's business."""
        return max((size for size in self.sizes.values() if size != inf), default=0)


def size_of(word: str) -> float:
    """How many trials a wish keeps.

    >>> size_of("all"), size_of("best 5"), size_of("none")
    (inf, 5.0, 0.0)
    """
    return inf if word == "all" else 0.0 if word == "none" else float(word.removeprefix("best "))


def larger(wishes: Iterable[dict[str, str]]) -> dict[str, str]:
    """The larger wish of several sweeps for each kind. What a sweep does not say is all."""
    found = list(wishes)
    return {name: max((each.get(name, "all") for each in found), key=size_of) for name in KEPT}


def ranking_of(db: sqlite3.Connection, sweep: int) -> Ranking:
    """A sweep's limits, without its trials."""
    row = db.execute("SELECT keep, metric, metrics, direction FROM sweeps WHERE number = ?", (sweep,)).fetchone()
    keep = json.loads(row["keep"])
    words = {name: keep.get(name, "all") for name in KEPT}
    objective = asked(json.loads(row["metrics"]), row["metric"])[row["metric"]]
    sign = "-" if row["direction"] == "maximize" else ""
    return Ranking(sweep, words, {name: size_of(word) for name, word in words.items()}, sign + value_sql(objective))


def fill(db: sqlite3.Connection, ranking: Ranking) -> list[Fallen]:
    """Ranks all trials of a sweep that are done. Returns what it need not keep of them: all that is beyond a limit."""
    everything = _orders(db, ranking, "") if min(ranking.sizes.values()) < inf else []
    ranking.best = sorted(everything)
    fallen = [
        Fallen(trial, name, ranking.words[name])
        for name, size in ranking.sizes.items()
        if size < inf
        for _, _, trial in ranking.best[int(size) :]
    ]
    del ranking.best[int(ranking.most) :]
    return fallen


def add(db: sqlite3.Connection, ranking: Ranking, trial: str) -> list[Fallen]:
    """Ranks a trial that has just come to be done, or to be measured. Returns what its sweep need not keep any more."""
    if min(ranking.sizes.values()) == inf:
        return []
    [order] = _orders(db, ranking, " AND results.trial = :trial", trial=trial)
    return insert(ranking, order)


def insert(ranking: Ranking, order: Order) -> list[Fallen]:
    """Ranks a trial, in the place of what was known of it before. Returns what falls off the limits."""
    trial = order[2]
    ranking.best = [other for other in ranking.best if other[2] != trial]
    place = bisect_left(ranking.best, order)
    ranking.best.insert(place, order)
    fallen = [
        Fallen(ranking.best[int(size)][2] if place < size else trial, name, ranking.words[name])
        for name, size in ranking.sizes.items()
        if size < len(ranking.best)
    ]
    del ranking.best[int(ranking.most) :]
    return fallen


def _orders(db: sqlite3.Connection, ranking: Ranking, clause: str, **values: Any) -> list[Order]:
    rows = db.execute(
        f"SELECT iif(results.state = 'succeeded', {ranking.value}, NULL) AS value, position, results.trial"
        " FROM sweep_trials JOIN trials ON trials.id = sweep_trials.trial"
        " JOIN results ON results.trial = trials.id AND results.attempt = trials.attempt"
        f"{JOIN_MEASURED} WHERE sweep_trials.sweep = :sweep AND trials.state IN ('succeeded', 'diverged'){clause}",
        {"sweep": ranking.sweep, **values},
    )
    return [(inf if value is None else value, position, trial) for value, position, trial in rows]


def keeps(ranking: Ranking, trial: str, name: str) -> bool:
    """Whether a sweep wants a trial's weights, predictions or log."""
    size = ranking.sizes[name]
    return size == inf or any(order[2] == trial for order in ranking.best[: int(size)])


# ---- letting go

Rankings = dict[int, Ranking]


def thin(db: sqlite3.Connection, rankings: Rankings, trial: str, now: float) -> None:
    """A trial has come to be done, or to be measured: lets go of what no sweep keeps now. `rankings` holds what is
    known of sweeps, and is added to.
    """
    with transaction(db):
        sweeps = sweeps_of(db, trial)
        known = [rankings[sweep] for sweep in sweeps if sweep in rankings]
        fallen = [each for ranking in known for each in add(db, ranking, trial)]  # in all, before anything is let go
        _let_fall(db, rankings, fallen, now)
        for sweep in sweeps:
            ranked(db, rankings, sweep, now)


def ranked(db: sqlite3.Connection, rankings: Rankings, sweep: int, now: float) -> Ranking:
    """The ranking of a sweep. One that is not known yet is made, and what its sweep need not keep is let go of."""
    if sweep not in rankings:
        rankings[sweep] = ranking_of(db, sweep)
        _let_fall(db, rankings, fill(db, rankings[sweep]), now)
    return rankings[sweep]


def _let_fall(db: sqlite3.Connection, rankings: Rankings, fallen: list[Fallen], now: float) -> None:
    for each in fallen:
        left = _left(db, each)
        if left is None:
            continue
        others = [ranked(db, rankings, sweep, now) for sweep in sweeps_of(db, each.trial)]
        if not any(keeps(other, each.trial, each.name) for other in others):
            _let_go(db, each, left["attempt"], left["key"], now)


def _left(db: sqlite3.Connection, fallen: Fallen) -> sqlite3.Row | None:
    """What there is of it to let go of: `attempt` and `key` (none of a log). Those of failed trials stay, as do
    predictions that something is still to be measured from.
    """
    if fallen.name == "logs":
        column, there, states = "''", "length(log) > length(:empty)", "('succeeded')"
    else:
        column = f"json_extract(artefacts, '$.{fallen.name}.key')"
        there, states = "key IS NOT NULL", "('succeeded', 'diverged')"
    if fallen.name == "predictions":
        there += " AND NOT EXISTS (SELECT 1 FROM to_measure WHERE to_measure.trial = id)"
    found: sqlite3.Row | None = db.execute(
        f"SELECT results.attempt, {column} AS key FROM trials JOIN results ON results.trial = id"
        f" AND results.attempt = trials.attempt WHERE id = :trial AND trials.state IN {states} AND {there}",
        {"trial": fallen.trial, "empty": pack("")},
    ).fetchone()
    return found


def _let_go(db: sqlite3.Connection, fallen: Fallen, attempt: int, key: str, now: float) -> None:
    values = {"trial": fallen.trial, "attempt": attempt, "name": fallen.name, "key": key, "empty": pack("")}
    change = "log = :empty" if fallen.name == "logs" else "artefacts = json_remove(artefacts, '$.' || :name)"
    db.execute(f"UPDATE results SET {change} WHERE trial = :trial AND attempt = :attempt", values)
    why = f"keep.{fallen.name}: {fallen.why}"
    db.execute(
        "INSERT OR REPLACE INTO let_go VALUES (:trial, :attempt, :name, :key, :why, :key != '')", {**values, "why": why}
    )
    event(db, now, "let_go", trial=fallen.trial, attempt=attempt, detail=why)


def sweeps_of(db: sqlite3.Connection, trial: str) -> list[int]:
    """The sweeps that want a trial."""
    rows = db.execute("SELECT sweep FROM sweep_trials WHERE trial = ? AND verdict = 'open'", (trial,))
    return [row["sweep"] for row in rows]


# ---- files


def pending(db: sqlite3.Connection, most: int = 500) -> list[Pending]:
    """Files that are let go of and not deleted yet."""
    rows = db.execute("SELECT trial, attempt, name, key FROM let_go WHERE pending LIMIT ?", (most,))
    return [Pending(*row) for row in rows]


def deleted(db: sqlite3.Connection, files: list[Pending]) -> None:
    """These files are gone."""
    with transaction(db):
        db.executemany(
            "UPDATE let_go SET pending = 0 WHERE trial = ? AND attempt = ? AND name = ?",
            ((each.trial, each.attempt, each.name) for each in files),
        )


def missing(db: sqlite3.Connection, sweep: int) -> dict[str, int]:
    """Of how many trials that are done a sweep would keep weights, predictions or logs that were let go of before."""
    rows = db.execute(
        "SELECT let_go.name, let_go.trial FROM sweep_trials JOIN trials ON id = sweep_trials.trial JOIN let_go"
        " ON let_go.trial = id AND let_go.attempt = trials.attempt"
        " WHERE sweep_trials.sweep = ? AND trials.state IN ('succeeded', 'diverged')",
        (sweep,),
    ).fetchall()
    if not rows:
        return {}
    ranking = ranking_of(db, sweep)
    fill(db, ranking)
    return dict(Counter(row["name"] for row in rows if keeps(ranking, row["trial"], row["name"])))
