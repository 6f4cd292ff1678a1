"""Searches: what was proposed, and what came of it. A sampler sees nothing else, so that the same history makes the
same proposals. Only the scheduler writes here, a batch with its configs and trials in one transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from ..clock import iso
from . import measuring
from .asked import JOIN_MEASURED, asked_by, measured, values
from .database import transaction
from .transitions import event

if TYPE_CHECKING:
    from ..planning import Plan

ENDED = ("succeeded", "diverged", "failed", "pruned", "cancelled")


class Search(NamedTuple):
    """A sweep's search as it stands."""

    sweep: int
    method: dict[str, Any]
    space: dict[str, Any]
    replicates: int
    unproposed: int
    objectives: list[tuple[str, str]]  # metric and direction
    where: list[Any]
    prunes: bool
    resumed: str  # when somebody last asked for the sweep


class Row(NamedTuple):
    """One proposal."""

    number: int
    config: str
    picks: dict[str, Any]
    origin: str
    kind: str  # new: a config of its own; known: one that is there already; excluded: dropped, and drawn again
    remembered: dict[str, Any]


class Replicate(NamedTuple):
    """What came of a config's trial."""

    state: str
    metrics: dict[str, float | None]
    pruned: dict[str, Any]  # facts, if the sweep pruned it


def add(db: sqlite3.Connection, plan: Plan, sweep: int) -> None:
    """A new sweep searches."""
    if plan.search is None:
        return
    method = {key: value for key, value in plan.search.items() if key != "space"}
    db.execute(
        "INSERT INTO searches (sweep, method, space, replicates, unproposed) VALUES (?, ?, ?, ?, ?)",
        (sweep, json.dumps(method), json.dumps(plan.search["space"]), method["replicates"], method["configs"]),
    )


def resume(db: sqlite3.Connection, sweep: int) -> None:
    """Somebody asked for the sweep again: what was taken back is proposed."""
    db.execute("UPDATE searches SET stopped = 0, why = '' WHERE sweep = ?", (sweep,))


def stop(db: sqlite3.Connection, sweep: int) -> int:
    """Nothing more is proposed. Returns how many trials that concerns."""
    db.execute("UPDATE searches SET stopped = 1 WHERE sweep = ?", (sweep,))
    row = db.execute("SELECT unproposed * replicates AS trials FROM searches WHERE sweep = ?", (sweep,)).fetchone()
    return row["trials"] if row else 0


def exhaust(db: sqlite3.Connection, sweep: int, why: str, now: float) -> None:
    """The space has nothing more to try."""
    with transaction(db):
        db.execute("UPDATE searches SET stopped = 1, why = ? WHERE sweep = ?", (why, sweep))
        event(db, now, "exhausted", sweep=sweep, detail=why)


def unproposed(db: sqlite3.Connection, sweep: int) -> tuple[int, bool]:
    """How many trials are not proposed yet, and whether they ever will be."""
    row = db.execute("SELECT unproposed * replicates, stopped FROM searches WHERE sweep = ?", (sweep,)).fetchone()
    return (row[0], not row[1]) if row else (0, False)


def is_open(db: sqlite3.Connection, sweep: int) -> bool:
    """Whether there will be more proposals."""
    count, wanted = unproposed(db, sweep)
    return count > 0 and wanted


def open_searches(db: sqlite3.Connection) -> list[sqlite3.Row]:
    """Searches that have something left to propose: `sweep`, `unproposed`, `replicates`, `resources`."""
    return db.execute(
        "SELECT searches.sweep, unproposed, replicates, resources FROM searches JOIN sweeps ON number = searches.sweep"
        " WHERE unproposed > 0 AND stopped = 0 AND paused IS NULL ORDER BY searches.sweep"
    ).fetchall()


def waiting(db: sqlite3.Connection, sweep: int, most: int) -> int:
    """How many trials that a sweep wants wait, on whose behalf ever, counted up to `most`."""
    query = (
        "SELECT count(*) FROM (SELECT 1 FROM trials CROSS JOIN sweep_trials ON sweep_trials.sweep = ? AND trial = id"
        " WHERE state = 'queued' AND verdict = 'open' LIMIT ?)"
    )
    return int(db.execute(query, (sweep, most)).fetchone()[0])


def count(db: sqlite3.Connection, sweep: int) -> int:
    """How many proposals are recorded."""
    query = "SELECT coalesce(max(number), -1) + 1 FROM proposals WHERE sweep = ?"
    return int(db.execute(query, (sweep,)).fetchone()[0])


# ---- what a sampler sees


def search(db: sqlite3.Connection, sweep: int) -> Search | None:
    """A sweep's search; None when it has none, or was removed."""
    row = db.execute(
        "SELECT searches.*, metric, direction, plan, prune, resumed FROM searches"
        " JOIN sweeps ON number = searches.sweep WHERE searches.sweep = ?",
        (sweep,),
    ).fetchone()
    if row is None:
        return None
    plan = json.loads(row["plan"])
    listed = plan.get("objectives") or [{"metric": row["metric"], "direction": row["direction"]}]
    objectives = [(each["metric"], each["direction"]) for each in listed]
    return Search(
        sweep, json.loads(row["method"]), json.loads(row["space"]), row["replicates"], row["unproposed"], objectives,
        plan.get("where") or [], row["prune"] is not None, row["resumed"],
    )  # fmt: skip


def rows(db: sqlite3.Connection, sweep: int, since: int = 0) -> list[Row]:
    """Proposals in order, from number `since` on."""
    found = db.execute(
        "SELECT number, config, picks, origin, kind, remembered FROM proposals WHERE sweep = ? AND number >= ?"
        " ORDER BY number",
        (sweep, since),
    )
    return [Row(row[0], row[1], json.loads(row[2]), row[3], row[4], json.loads(row[5])) for row in found.fetchall()]


def changed(db: sqlite3.Connection, since: int | None) -> tuple[int, set[str | None]]:
    """The newest change of the store, and the configs whose trials have changed `since`; None for one that is gone."""
    newest = int(db.execute("SELECT coalesce(max(seq), 0) FROM outbox").fetchone()[0])
    if since is None or newest == since:
        return newest, set()
    query = (
        "SELECT DISTINCT config FROM outbox LEFT JOIN trials ON trials.id = outbox.id"
        " WHERE outbox.seq > ? AND outbox.kind = 'trial'"
    )
    return newest, {row["config"] for row in db.execute(query, (since,))}


def outcomes(db: sqlite3.Connection, sweep: int, configs: Collection[str]) -> dict[str, list[Replicate]]:
    """What came of the replicates of configs, as the sweep sees them; of one that is not its own, as they are. One
    whose metrics the sweep still wants measured is `measuring`.
    """
    wanted = asked_by(db, sweep)
    found: dict[str, list[Replicate]] = {}
    ids = list(configs)
    for start in range(0, len(ids), 500):
        batch = ids[start : start + 500]
        marks = ", ".join("?" * len(batch))
        for row in db.execute(
            "SELECT trials.config, CASE WHEN coalesce(verdict, 'open') != 'open' THEN verdict"
            " WHEN to_measure.trial IS NOT NULL THEN 'measuring' ELSE trials.state END AS state,"
            " results.metrics, measured.metrics AS later, trained, facts FROM trials"
            " LEFT JOIN sweep_trials ON sweep_trials.trial = trials.id AND sweep_trials.sweep = ?"
            " LEFT JOIN prunings ON prunings.trial = trials.id AND prunings.sweep = sweep_trials.sweep"
            " LEFT JOIN to_measure ON to_measure.trial = trials.id AND to_measure.sweep = sweep_trials.sweep"
            " LEFT JOIN results ON results.trial = trials.id AND results.attempt = trials.attempt"
            f"{JOIN_MEASURED} WHERE trials.config IN ({marks})"
            " AND (sweep_trials.sweep IS NOT NULL OR NOT EXISTS (SELECT 1 FROM sweep_configs"
            " WHERE sweep_configs.sweep = ? AND sweep_configs.config = trials.config)) ORDER BY trials.number",
            (sweep, *batch, sweep),
        ):
            metrics = values(json.loads(row["metrics"] or "{}"), measured(row["later"], row["trained"]), wanted)
            pruned = json.loads(row["facts"]) if row["facts"] else {}
            found.setdefault(row["config"], []).append(Replicate(row["state"], metrics, pruned))
    return found


def others(db: sqlite3.Connection, sweep: int) -> Iterable[tuple[str, dict[str, Any]]]:
    """Configs of other sweeps of which a trial has succeeded, with their params, the oldest first."""
    for row in db.execute(
        "SELECT config, params FROM sweep_configs WHERE sweep != ?1 AND EXISTS (SELECT 1 FROM trials"
        " WHERE trials.config = sweep_configs.config AND state = 'succeeded') AND sweep < ?1"
        " GROUP BY config ORDER BY min(sweep), position",
        (sweep,),
    ).fetchall():
        yield row["config"], json.loads(row["params"])


# ---- recording


def record(db: sqlite3.Connection, sweep: int, proposals: list[dict[str, Any]], now: float) -> int:
    """Adds a batch of proposals with the configs and trials that they are. Returns how many configs are new; none, and
    nothing is changed, when the batch does not follow what is recorded (it was made from another history), or the
    search was stopped meanwhile.
    """
    from .submit import take_from_paused

    with transaction(db):
        row = db.execute("SELECT unproposed, replicates, stopped FROM searches WHERE sweep = ?", (sweep,)).fetchone()
        if row is None or row["stopped"] or not proposals or proposals[0]["number"] != count(db, sweep):
            return 0
        new = 0
        for each in proposals:
            if each["kind"] == "new" and new >= row["unproposed"]:
                break
            db.execute(
                "INSERT INTO proposals VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    sweep, each["number"], each["config"], json.dumps(each["picks"]), each["origin"], each["kind"],
                    json.dumps(each["remembered"]), iso(now),
                ),
            )  # fmt: skip
            if each["kind"] == "new":
                new += 1
                _add(db, sweep, each, now)
                fewer = row["replicates"] - len(each["trials"])
                if fewer:
                    db.execute("UPDATE sweeps SET planned = planned - ? WHERE number = ?", (fewer, sweep))
        if new:
            take_from_paused(db, sweep)  # which looks at all trials: once for all
            db.execute("UPDATE searches SET unproposed = unproposed - ? WHERE sweep = ?", (new, sweep))
    return new


def _add(db: sqlite3.Connection, sweep: int, proposal: dict[str, Any], now: float) -> None:
    from .submit import MACHINE_FAILURES, requeue

    db.execute(
        "INSERT INTO sweep_configs (sweep, config, position, params) VALUES (?, ?, ?, ?)",
        (sweep, proposal["config"], proposal["position"], json.dumps(proposal["params"])),
    )
    for id, recipe in proposal["datasets"]:
        db.execute("INSERT OR IGNORE INTO datasets (id, recipe, state) VALUES (?, ?, 'to_build')", (id, recipe))
        db.execute("UPDATE datasets SET state = 'to_build', error = NULL WHERE id = ? AND state = 'failed'", (id,))
    again = []
    for id, dataset, seed, fold, recipe, position, family in proposal["trials"]:
        db.execute(
            "INSERT OR IGNORE INTO trials (id, config, dataset, seed, fold, recipe, family)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (id, proposal["config"], dataset, seed, fold, recipe, family),
        )
        db.execute(
            "INSERT INTO sweep_trials (sweep, trial, config, position) VALUES (?, ?, ?, ?)",
            (sweep, id, proposal["config"], position),
        )
        state, cause = db.execute(
            "SELECT trials.state, error_class FROM trials LEFT JOIN results ON results.trial = id"
            " AND results.attempt = trials.attempt WHERE id = ?",
            (id,),
        ).fetchone()
        if state == "idle" or (state == "failed" and cause in MACHINE_FAILURES):
            again.append((id, state))
        elif state in ("succeeded", "diverged"):
            measuring.want(db, sweep, id)
    requeue(db, sweep, again, now)
