"""Questions to the store. Nothing here writes."""

from __future__ import annotations

import json
import shlex
import sqlite3
from collections.abc import Iterator
from typing import Any, NamedTuple

from ..canonical import short
from ..errors import NotFound
from ..spec.language import MODEL_KINDS
from .asked import JOIN_MEASURED, asked_by, measured, name_of, values
from .transitions import history_of, unpack


class Sweep(NamedTuple):
    number: int
    id: str
    name: str
    revision: int
    planned: int
    metric: str
    direction: str
    metrics: list[Any]
    keep: dict[str, Any]
    resources: dict[str, Any]
    plan: dict[str, Any]
    spec: str
    spec_file: str
    snapshot: str
    folder: str
    files: dict[str, str]
    interpreter: str
    submitted: str
    resumed: str
    paused: str | None


_JSON = ("metrics", "keep", "resources", "plan", "files")


def _sweep(row: sqlite3.Row) -> Sweep:
    return Sweep(*(json.loads(row[key]) if key in _JSON else row[key] for key in Sweep._fields))


def sweeps(db: sqlite3.Connection) -> list[Sweep]:
    """All sweeps, newest submission first."""
    return [_sweep(row) for row in db.execute("SELECT * FROM sweeps ORDER BY resumed DESC, number DESC")]


def sweep_by_number(db: sqlite3.Connection, number: int) -> Sweep:
    """Raises NotFound when the sweep was removed."""
    row = db.execute("SELECT * FROM sweeps WHERE number = ?", (number,)).fetchone()
    if row is None:
        raise NotFound("the sweep was removed meanwhile")
    return _sweep(row)


NO_SWEEP = ("there is no sweep yet", "start one: blueno sweep SPEC")


def find_sweep(db: sqlite3.Connection, word: str | None) -> Sweep:
    """The sweep that goes by a name (its newest revision), an unambiguous prefix of its id, or nothing (the latest).

    Raises NotFound with the names there are.
    """
    everything = sweeps(db)
    if not word:
        if everything:
            return everything[0]
        raise NotFound(*NO_SWEEP)
    named = [sweep for sweep in everything if sweep.name == word]
    if named:
        return max(named, key=lambda sweep: sweep.revision)
    found = [sweep for sweep in everything if sweep.id.startswith(word.lower())]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(f"{short(sweep.id)} ({sweep.name})" for sweep in found)
        raise NotFound(f"{word!r} begins the ids of {len(found)} sweeps: {ids}", "give more digits")
    if db.execute("SELECT 1 FROM foreign_results WHERE sweep = ?", (word,)).fetchone():
        from ..query.words import in_query  # it imports tables, and they this module

        query = shlex.quote(f"sweep = {in_query(word)}")
        raise NotFound(f"{word!r} is no sweep of this project; its results were imported", f"blueno find {query}")
    if not everything:
        raise NotFound(*NO_SWEEP)
    names = ", ".join(dict.fromkeys(sweep.name for sweep in everything))
    raise NotFound(f"no sweep goes by {word!r}", f"there are: {names}")


def find_trial(db: sqlite3.Connection, word: str) -> str:
    """The full id of the trial that an unambiguous prefix names. Raises NotFound."""
    word = word.lower()
    rows = db.execute(
        "SELECT id FROM trials WHERE id >= ? AND id < ? ORDER BY id LIMIT 6", (word, word + "g")
    ).fetchall()
    if len(rows) == 1:
        return rows[0]["id"]
    if rows:
        ids = ", ".join(short(row["id"]) for row in rows[:5])
        raise NotFound(f"{word!r} begins the ids of several trials: {ids}, ...", "give more digits")
    raise NotFound(f"no trial's id begins with {word!r}", trials_there_are(db, word))


def trials_there_are(db: sqlite3.Connection, word: str) -> str:
    """A few trials that could have been meant: those of the sweep of that name, else the newest."""
    rows = db.execute(
        "SELECT trial, name FROM sweep_trials JOIN sweeps ON number = sweep"
        " ORDER BY lower(name) = ? DESC, sweep DESC, position LIMIT 3",
        (word,),
    ).fetchall()
    if not rows:
        return "there is none yet; start with: blueno sweep SPEC"
    names = ", ".join(f"{short(row['trial'])} ({row['name']})" for row in rows)
    return f"there are: {names}, ...; `blueno results --json` lists all"


def trial_states(db: sqlite3.Connection, ids: list[str]) -> dict[str, str]:
    """The state of each trial that the store knows; one that nobody ever ran counts as unknown."""
    known: dict[str, str] = {}
    for start in range(0, len(ids), 30_000):
        batch = ids[start : start + 30_000]
        marks = ", ".join("?" * len(batch))
        query = f"SELECT id, state FROM trials WHERE id IN ({marks}) AND NOT (state = 'idle' AND attempt = 0)"
        known.update((row["id"], row["state"]) for row in db.execute(query, batch))
    return known


def failure_classes(db: sqlite3.Connection, ids: list[str]) -> Iterator[str]:
    """The class of error of each of these trials whose newest attempt failed."""
    for id in ids:
        row = db.execute(
            "SELECT error_class FROM trials JOIN results ON results.trial = id AND results.attempt = trials.attempt"
            " WHERE id = ? AND error_class IS NOT NULL",
            (id,),
        ).fetchone()
        if row:
            yield row["error_class"]


# What trained a trial, or is to: `trials.engine` knows only of networks; any other model is trained by what its kind
# names, whatever the trial came to. An expression over `trials` and a LEFT JOIN of `results`.
_KINDS = " ".join(
    f"WHEN json_type(trials.recipe, '$.model.{kind}') IS NOT NULL THEN '{kind}'"
    for kind in MODEL_KINDS if kind != "architecture"
)  # fmt: skip
ENGINE = f"coalesce(nullif(results.engine, ''), CASE {_KINDS} ELSE trials.engine END)"


class Row(NamedTuple):
    """A trial of a sweep with what its newest attempt left."""

    id: str
    config: str
    dataset: str | None
    seed: int | None
    fold: int | None
    position: int
    state: str  # the verdict where the sweep has one of its own
    metrics: dict[str, float | None]
    error_class: str | None
    error_group: str | None
    engine: str | None = None  # what trained it


def rows_of(db: sqlite3.Connection, sweep: int) -> Iterator[Row]:
    """The trials of a sweep, in its order; metrics as it asks for them, whenever they were measured."""
    wanted = asked_by(db, sweep)
    for row in db.execute(
        "SELECT id, trials.config, dataset, seed, fold, position,"
        " CASE verdict WHEN 'open' THEN trials.state ELSE verdict END AS state, results.metrics, error_class,"
        " error_group, results.engine, measured.metrics AS later, trained"
        " FROM sweep_trials JOIN trials ON id = sweep_trials.trial LEFT JOIN results ON results.trial = id"
        f" AND results.attempt = trials.attempt {JOIN_MEASURED} WHERE sweep_trials.sweep = ? ORDER BY position",
        (sweep,),
    ):
        metrics = values(json.loads(row["metrics"] or "{}"), measured(row["later"], row["trained"]), wanted)
        yield Row._make(metrics if key == "metrics" else row[key] for key in Row._fields)


def configs_of(db: sqlite3.Connection, sweep: int) -> dict[str, dict[str, Any]]:
    """The params, as written, of each config of a sweep, in its order."""
    rows = db.execute("SELECT config, params FROM sweep_configs WHERE sweep = ? ORDER BY position", (sweep,))
    return {row["config"]: json.loads(row["params"]) for row in rows}


def trial(db: sqlite3.Connection, id: str) -> dict[str, Any]:
    """A trial's row of `trials` and, under `result`, that of its newest attempt (None when it has none)."""
    row = dict(db.execute("SELECT * FROM trials WHERE id = ?", (id,)).fetchone())
    row["recipe"] = json.loads(row["recipe"])
    row["result"] = result(db, id, row["attempt"])
    return row


def result(db: sqlite3.Connection, trial: str, attempt: int) -> dict[str, Any] | None:
    """What an attempt left: metrics, history and its `epochs`, artefacts, environment, error; None when it has not
    ended.

    Metrics that were measured later are among the others, and why one of them is missing among the notes; `let_go`
    says what of its files no sweep keeps.
    """
    found = db.execute(
        "SELECT results.*, facts FROM results LEFT JOIN environments ON environments.id = environment"
        " WHERE trial = ? AND attempt = ?",
        (trial, attempt),
    ).fetchone()
    if found is None:
        return None
    row = dict(found)
    for key in ("metrics", "nonfinite", "artefacts", "notes", "error"):
        row[key] = json.loads(row[key]) if row[key] else None
    row["history"], row["epochs"] = history_of(row)
    row["environment"] = json.loads(row.pop("facts") or "{}")
    row["log"] = unpack(row["log"])
    row["metrics"] = _by_id(db, trial, attempt, row["metrics"], row["notes"])
    row["let_go"] = dict(
        db.execute("SELECT name, why FROM let_go WHERE trial = ? AND attempt = ?", (trial, attempt)).fetchall()
    )
    return row


def _by_id(
    db: sqlite3.Connection, trial: str, attempt: int, metrics: dict[str, float | None], notes: list[str]
) -> dict[str, float | None]:
    """A result's metrics with those measured later; one whose name is taken by another definition under its id. Adds
    to the notes why some are missing.
    """
    row = db.execute("SELECT * FROM measured WHERE trial = ? AND attempt = ?", (trial, attempt)).fetchone()
    if row is None:
        return metrics
    trained = set(json.loads(row["trained"]).values())
    later = {id: value for id, value in json.loads(row["metrics"]).items() if id not in trained and value is not None}
    errors = {name_of(id): error for id, error in json.loads(row["errors"]).items()}
    notes += json.loads(row["notes"]).values()
    notes += [f"{name} is not measured: {error['type']}: {error['message']}" for name, error in errors.items()]
    return metrics | {(id if name_of(id) in metrics else name_of(id)): value for id, value in later.items()}


def attempts(db: sqlite3.Connection, trial: str) -> list[int]:
    """The attempts of a trial that left a result, oldest first."""
    rows = db.execute("SELECT attempt FROM results WHERE trial = ? ORDER BY attempt", (trial,))
    return [row["attempt"] for row in rows]


def params_of(db: sqlite3.Connection, config: str) -> dict[str, Any]:
    """A config's params as the newest sweep that has it wrote them."""
    row = db.execute(
        "SELECT params FROM sweep_configs WHERE config = ? ORDER BY sweep DESC LIMIT 1", (config,)
    ).fetchone()
    return json.loads(row["params"]) if row else {}


def workers(db: sqlite3.Connection) -> list[dict[str, Any]]:
    """Who is at work, on what, at which epoch."""
    return [dict(row) for row in db.execute("SELECT * FROM workers ORDER BY slot")]


def failures(db: sqlite3.Connection, sweep: int) -> list[dict[str, Any]]:
    """Failures of a sweep's newest attempts by group, largest first: group, class, count, an example, its trials."""
    groups: dict[str, dict[str, Any]] = {}
    for row in db.execute(
        "SELECT id, error_class, error_group, error FROM sweep_trials JOIN trials ON id = sweep_trials.trial"
        " JOIN results ON results.trial = id AND results.attempt = trials.attempt"
        " WHERE sweep_trials.sweep = ? AND trials.state = 'failed' ORDER BY position",
        (sweep,),
    ):
        group = groups.setdefault(
            row["error_group"],
            {
                "group": row["error_group"],
                "class": row["error_class"],
                "count": 0,
                "trials": [],
                "error": json.loads(row["error"]),
            },
        )
        group["count"] += 1
        group["trials"].append(row["id"])
    return sorted(groups.values(), key=lambda group: -group["count"])


def meta(db: sqlite3.Connection) -> dict[str, str]:
    """Facts about the store itself: store_id, host, owner, created."""
    return dict(db.execute("SELECT key, value FROM meta").fetchall())
