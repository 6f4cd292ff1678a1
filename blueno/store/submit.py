"""Adds a plan to the store: what is missing becomes queued, what is there is said. Submitting again is reconciling."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, NamedTuple

from ..canonical import digest
from ..clock import iso
from . import keeping, measuring, searches
from .database import transaction
from .transitions import event, hand_over

if TYPE_CHECKING:
    from ..planning import Plan

# Failures of the machine are tried again when a sweep is submitted again; those of user code wait for `retry`.
MACHINE_FAILURES = ("lost", "out_of_memory", "disk_full", "missing_library", "unreachable")
RANKS_PER_SWEEP = 10_000_000  # a sweep's trials are claimed before those of later sweeps


class Submission(NamedTuple):
    sweep: int
    id: str
    name: str
    revision: int
    new: bool  # whether this plan was not known under this name
    trials: dict[str, int]  # state before submission (or "new") -> how many
    waiting: int  # how many are queued or running now
    measuring: int = 0  # trials that are done and lack metrics which it asks for
    missing: dict[str, int] = {}  # weights, predictions, logs: of so many trials it would keep them, and they are gone


def sweep_id(plan: Plan) -> str:
    """The same name with the same plan is the same sweep; notes, tags and comments are no part of it."""
    return digest(
        {
            "name": plan.name,
            "objective": plan.objective,
            "metrics": plan.metrics,
            "keep": plan.keep,
            "resources": plan.resources,
            "baseline": plan.baseline,
            "trials": [[trial.id, trial.config_id] for trial in plan.trials],
            **({"search": plan.search} if plan.search else {}),
            **({"prune": plan.prune} if plan.prune else {}),
            **({"others": plan.others} if plan.others else {}),
            **({"where": plan.where} if plan.where else {}),
        }
    )


def submit(
    db: sqlite3.Connection,
    plan: Plan,
    about: dict[str, Any],
    interpreter: str,
    now: float,
    only: Collection[str] | None = None,
) -> Submission:
    """Adds `plan` and queues what has no result yet, or of that `only` these trials: what else waits is taken back, and
    queued when the sweep is submitted without them. `about` is what is kept for people (axes, counts, warnings).
    """
    with transaction(db):
        sweep, new, revision = _sweep(db, plan, about, interpreter, now)
        if new:
            _add_configs(db, plan, sweep)
            _add_trials(db, plan, sweep)
            searches.add(db, plan, sweep)
        searches.resume(db, sweep)
        _note_families(db, plan)
        before = _states(db, sweep, plan)
        if only is not None:
            _take_back(db, sweep, only, now)
        _queue(db, sweep, now, only)
        _want_datasets(db, sweep)
        event(db, now, "submitted", sweep=sweep, detail=json.dumps(before))
        waiting = (
            db.execute(
                "SELECT count(*) FROM sweep_trials JOIN trials ON id = trial"
                " WHERE sweep_trials.sweep = ? AND state IN ('queued', 'running')",
                (sweep,),
            ).fetchone()[0]
            + searches.unproposed(db, sweep)[0]
        )
        measuring.want(db, sweep)
        lacking, missing = measuring.count(db, sweep), keeping.missing(db, sweep)
    return Submission(sweep, sweep_id(plan), plan.name, revision, new, before, waiting, lacking, missing)


def _sweep(
    db: sqlite3.Connection, plan: Plan, about: dict[str, Any], interpreter: str, now: float
) -> tuple[int, bool, int]:
    """The sweep's number, whether it is new, and its revision. Its code is that of the newest submission."""
    id = sweep_id(plan)
    snapshot, files = plan.snapshot, json.dumps(plan.files)
    code = (json.dumps(about), plan.spec_text, plan.spec_file, snapshot.key, snapshot.folder, files, interpreter)
    known = db.execute("SELECT number, revision FROM sweeps WHERE id = ?", (id,)).fetchone()
    if known:
        db.execute(
            "UPDATE sweeps SET plan = ?, spec = ?, spec_file = ?, snapshot = ?, folder = ?, files = ?,"
            " interpreter = ?, resumed = ?, paused = NULL WHERE number = ?",
            (*code, iso(now), known["number"]),
        )
        return known["number"], False, known["revision"]
    newest = db.execute("SELECT max(revision) FROM sweeps WHERE name = ?", (plan.name,)).fetchone()[0]
    number = db.execute(
        "INSERT INTO sweeps (id, name, revision, planned, metric, direction, metrics, keep, resources,"
        " plan, spec, spec_file, snapshot, folder, files, interpreter, submitted, resumed, prune)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            id, plan.name, (newest or 0) + 1, plan.num_trials, plan.objective["metric"], plan.objective["direction"],
            json.dumps(plan.metrics), json.dumps(plan.keep), json.dumps(plan.resources), *code, iso(now), iso(now),
            json.dumps(plan.prune) if plan.prune else None,
        ),
    ).lastrowid  # fmt: skip
    assert number is not None, "BUG: an insert without a row id"
    return number, True, (newest or 0) + 1


def _add_configs(db: sqlite3.Connection, plan: Plan, sweep: int) -> None:
    rows = ((sweep, config.id, config.position, json.dumps(config.params)) for config in plan.configs)
    db.executemany("INSERT INTO sweep_configs (sweep, config, position, params) VALUES (?, ?, ?, ?)", rows)


def _add_trials(db: sqlite3.Connection, plan: Plan, sweep: int) -> None:
    db.executemany(
        "INSERT OR IGNORE INTO datasets (id, recipe, state) VALUES (?, ?, 'to_build')",
        ((dataset.id, dataset.recipe) for dataset in plan.datasets),
    )
    db.executemany(
        "INSERT OR IGNORE INTO trials (id, config, dataset, seed, fold, recipe) VALUES (?, ?, ?, ?, ?, ?)",
        ((t.id, t.config_id, t.dataset_id, t.seed, t.fold, t.recipe) for t in plan.trials),
    )
    db.executemany(
        "INSERT INTO sweep_trials (sweep, trial, config, position) VALUES (?, ?, ?, ?)",
        ((sweep, t.id, t.config_id, t.position) for t in plan.trials),
    )


def _note_families(db: sqlite3.Connection, plan: Plan) -> None:
    """Each time, since a later version may fuse more."""
    from ..planning.families import families  # with it comes the compiler, which whoever submits has used already

    db.executemany(
        "UPDATE trials SET family = ?1 WHERE id = ?2 AND family != ?1",
        ((family.key, trial.id) for trial, family in zip(plan.trials, families(plan.trials), strict=True)),
    )


def _states(db: sqlite3.Connection, sweep: int, plan: Plan) -> dict[str, int]:
    """How the sweep's trials stood before; one that nobody ever queued is "new"."""
    rows = db.execute(
        "SELECT CASE WHEN state = 'idle' AND attempt = 0 THEN 'new' ELSE state END AS word, count(*)"
        " FROM sweep_trials JOIN trials ON id = trial WHERE sweep_trials.sweep = ? GROUP BY word",
        (sweep,),
    )
    return dict(rows.fetchall())


def _take_back(db: sqlite3.Connection, sweep: int, only: Collection[str], now: float) -> None:
    """Takes back what waits, or was never queued, but for `only` some; what others want as well goes on for them."""
    rows = db.execute(
        "SELECT id, state FROM sweep_trials JOIN trials ON id = trial"
        " WHERE sweep_trials.sweep = ? AND verdict = 'open' AND state IN ('idle', 'queued')",
        (sweep,),
    ).fetchall()
    others = [row for row in rows if row["id"] not in only]
    hand_over(db, sweep, (row["id"] for row in others))
    taken_back(db, sweep, others, now, "not in --only")


def taken_back(db: sqlite3.Connection, sweep: int, rows: list[sqlite3.Row], now: float, why: str) -> list[sqlite3.Row]:
    """Cancels trials (rows with `id` and `state`) of one sweep; those that wait for nobody else become idle. Returns
    the rows that nobody else wants.
    """
    db.executemany(
        "UPDATE sweep_trials SET verdict = 'cancelled' WHERE sweep = ? AND trial = ?",
        ((sweep, row["id"]) for row in rows),
    )
    wanted = "SELECT EXISTS (SELECT 1 FROM sweep_trials WHERE trial = ? AND verdict = 'open')"
    alone = [row for row in rows if not db.execute(wanted, (row["id"],)).fetchone()[0]]
    for row in alone:
        if row["state"] == "queued":
            db.execute("UPDATE trials SET state = 'idle', rank = NULL WHERE id = ?", (row["id"],))
            event(db, now, "state", sweep=sweep, trial=row["id"], before="queued", after="idle", detail=why)
    return alone


def _queue(db: sqlite3.Connection, sweep: int, now: float, only: Collection[str] | None) -> None:
    """Queues what nobody has run yet, what was taken back, and what failed by the machine's fault."""
    reopened = db.execute(
        "SELECT trial FROM sweep_trials WHERE sweep = ? AND verdict = 'cancelled'", (sweep,)
    ).fetchall()
    db.executemany(
        "UPDATE sweep_trials SET verdict = 'open' WHERE sweep = ? AND trial = ?",
        ((sweep, row["trial"]) for row in reopened if only is None or row["trial"] in only),
    )
    marks = ", ".join("?" * len(MACHINE_FAILURES))
    wanted = (
        f"SELECT id, state FROM sweep_trials JOIN trials ON id = trial WHERE sweep_trials.sweep = ?"
        f" AND verdict = 'open' AND (state = 'idle' OR state = 'failed' AND EXISTS (SELECT 1 FROM results"
        f" WHERE results.trial = id AND results.attempt = trials.attempt AND error_class IN ({marks})))"
    )
    rows = db.execute(wanted, (sweep, *MACHINE_FAILURES)).fetchall()
    chosen = [(row["id"], row["state"]) for row in rows if only is None or row["id"] in only]
    requeue(db, sweep, chosen, now)
    take_from_paused(db, sweep)


def take_from_paused(db: sqlite3.Connection, sweep: int) -> None:
    """What waits on behalf of a paused sweep (or runs, and may come back) can go on for this one."""
    db.execute(
        "UPDATE trials SET sweep = ?1 WHERE state IN ('queued', 'running')"
        " AND sweep IN (SELECT number FROM sweeps WHERE paused IS NOT NULL)"
        " AND id IN (SELECT trial FROM sweep_trials WHERE sweep = ?1 AND verdict = 'open')",
        (sweep,),
    )


def requeue(db: sqlite3.Connection, sweep: int, trials: list[tuple[str, str]], now: float) -> None:
    """Queues trials, given with the state they are in, on behalf of `sweep`, in its order."""
    db.executemany(
        "UPDATE trials SET state = 'queued', lost = 0, worker = NULL, engine = NULL, unfused = NULL, sweep = ?1,"
        " rank = ?1 * ?2 + (SELECT position FROM sweep_trials WHERE sweep = ?1 AND trial = ?3) WHERE id = ?3",
        ((sweep, RANKS_PER_SWEEP, id) for id, _ in trials),
    )
    db.executemany(
        "INSERT INTO events (at, kind, sweep, trial, before, after) VALUES (?, 'state', ?, ?, ?, 'queued')",
        ((iso(now), sweep, id, before) for id, before in trials),
    )


def _want_datasets(db: sqlite3.Connection, sweep: int) -> None:
    """Datasets that queued trials need are prepared (again): what the cache still has is not computed, and new
    architectures are tried on it.
    """
    db.execute(
        "UPDATE datasets SET state = 'to_build', lost = 0, error = NULL WHERE state IN ('built', 'failed') AND id IN"
        " (SELECT dataset FROM trials WHERE sweep = ? AND state = 'queued')",
        (sweep,),
    )
