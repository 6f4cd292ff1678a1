"""Which engine trains a trial, decided while it waits; and the families whose trials workers train as packs. Only the
scheduler calls this.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any, NamedTuple

from .transitions import BOUND, OF_A_PACK, READY, Binding, release

# How many trials a pack may have, once, twice, ... its workers have died over it: at last each trial is by itself, so
# that the one that is to blame takes no neighbours along. A worker takes fewer where memory has no room for so many.
LANES_AFTER_LOSSES = (64, 8, 1)


class Waiting(NamedTuple):
    """Trials that are ready: of one family, and over each as many workers have died."""

    family: str
    lost: int
    trials: int


class Pack(NamedTuple):
    """What a worker trains together, and how many of its kind share the trials of the family."""

    family: str
    lost: int
    lanes: int  # trials at a time
    workers: int
    ends: list[Any]  # recipes of the first and the last that wait: what varies in a family mostly differs in these


def undecide(db: sqlite3.Connection) -> None:
    """A new scheduler may run with other settings than the one before."""
    db.execute("UPDATE trials SET engine = NULL WHERE state = 'queued'")


def decide(db: sqlite3.Connection, fewest: int | None, resources: str) -> None:
    """Decides on the engine of trials that wait and need `resources`: `fused` where there are at least `fewest` of
    their family (None: never), done or not, so that one trial more is trained as the others were.
    """
    if db.execute("SELECT 1 FROM trials WHERE state = 'queued' AND engine IS NULL LIMIT 1").fetchone() is None:
        return  # asked in each step
    db.execute(
        "UPDATE trials SET engine = iif(family != '' AND unfused IS NULL AND family IN (SELECT family FROM trials"
        " WHERE unfused IS NULL GROUP BY family HAVING count(*) >= ?1), 'fused', 'fit')"
        " WHERE state = 'queued' AND engine IS NULL AND sweep IN (SELECT number FROM sweeps WHERE resources = ?2)",
        (2**62 if fewest is None else fewest, resources),
    )


def next_engine(db: sqlite3.Connection, binding: Binding) -> str | None:
    """The engine of the most urgent trial that workers of `binding` could do something for; None without one."""
    row = db.execute(
        "SELECT engine FROM trials JOIN sweeps ON sweeps.number = trials.sweep"
        " LEFT JOIN datasets ON datasets.id = trials.dataset WHERE trials.state = 'queued' AND sweeps.paused IS NULL"
        f" AND (trials.dataset IS NULL OR datasets.state IN ('built', 'to_build')){BOUND} ORDER BY rank LIMIT 1",
        binding,
    ).fetchone()
    return row["engine"] if row else None


def queued(db: sqlite3.Connection, binding: Binding, engine: str, most: int) -> int:
    """How many trials wait for workers of `binding` and `engine`, counted up to `most`."""
    query = (
        "SELECT count(*) FROM (SELECT 1 FROM trials JOIN sweeps ON sweeps.number = trials.sweep"
        f" WHERE trials.state = 'queued' AND engine = ? AND sweeps.paused IS NULL{BOUND} LIMIT ?)"
    )
    return int(db.execute(query, (engine, *binding, most)).fetchone()[0])


def waiting(db: sqlite3.Connection, binding: Binding) -> list[Waiting]:
    """What packs could be made of now, the most urgent first, all for the sweep that this one is for."""
    rows = db.execute(
        READY.replace("trials.number", "family, trials.lost, count(*), trials.sweep", 1)
        + f"{BOUND} AND trials.engine = 'fused' GROUP BY family, trials.lost ORDER BY min(rank)",
        binding,
    ).fetchall()
    return [Waiting(*row[:3]) for row in rows if row["sweep"] == rows[0]["sweep"]]


def next_pack(
    db: sqlite3.Connection, binding: Binding, held: Mapping[str, tuple[int, int]], workers: int
) -> Pack | None:
    """What a worker takes up. `held` says for each family that others are on, how many workers and trials those are.

    A family that nobody is on is taken first, so that few are compiled twice; the trials of one are shared fairly.
    """
    found = waiting(db, binding)
    if not found:
        return None
    chosen = min(found, key=lambda each: held.get(each.family, (0, 0))[0])  # of those, the first
    on_it = max(1, workers // len({*held, *(each.family for each in found)}))
    there = chosen.trials + held.get(chosen.family, (0, 0))[1]
    lanes = min(LANES_AFTER_LOSSES[chosen.lost], -(-there // on_it))
    return Pack(chosen.family, chosen.lost, lanes, on_it, _ends(db, chosen.family))


def count_ready(db: sqlite3.Connection, binding: Binding, pack: Pack, most: int) -> int:
    """How many trials a pack could take up, counted up to `most`."""
    query = f"{READY}{BOUND}{OF_A_PACK} LIMIT ?"
    found = db.execute(f"SELECT count(*) FROM ({query})", (*binding, pack.family, pack.lost, most)).fetchone()
    return int(found[0])


def _ends(db: sqlite3.Connection, family: str) -> list[Any]:
    query = "SELECT recipe FROM trials WHERE state = 'queued' AND engine = 'fused' AND family = ? ORDER BY rank"
    rows = [db.execute(f"{query} {order} LIMIT 1", (family,)).fetchone() for order in ("ASC", "DESC")]
    return [json.loads(row["recipe"]) for row in rows]


def unfuse(db: sqlite3.Connection, trial: str, attempt: int, why: str, now: float) -> bool:
    """A worker cannot take the trial into a pack: it is given back, to be trained by itself."""
    if not release(db, trial, attempt, now, f"not fused: {why}"):
        return False
    db.execute("UPDATE trials SET engine = 'fit', unfused = ? WHERE id = ?", (why, trial))
    return True
