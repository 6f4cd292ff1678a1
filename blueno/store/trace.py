"""Where a trial, a config or a dataset comes from: its recipe, who asked for it, what happened, what is like it.

Nothing here writes.
"""

from __future__ import annotations

import json
import sqlite3
from typing import Any, NamedTuple

from ..canonical import short
from ..errors import NotFound
from .read import trials_there_are

KINDS = {"trial": ("trials", "id"), "config": ("trials", "config"), "dataset": ("datasets", "id")}
MOST_CANDIDATES = 3000  # of which the nearest is looked for
MODEL = (
    "coalesce(json_extract(trials.recipe, '$.model.architecture'), json_extract(trials.recipe, '$.model.estimator'),"
    " json_extract(trials.recipe, '$.model.function'), json_extract(trials.recipe, '$.model.command'))"
)


class Made(NamedTuple):
    """A trial with its dataset's recipe; a config stands here as the first of its trials."""

    id: str
    config: str
    state: str
    recipe: dict[str, Any]
    dataset: dict[str, Any] | None


def find_recipe(db: sqlite3.Connection, word: str) -> tuple[str, str]:
    """What an unambiguous prefix names: ("trial", "config" or "dataset", its full id). Raises NotFound."""
    word = word.lower()
    found: list[tuple[str, str]] = []
    for kind, (table, column) in KINDS.items():
        query = f"SELECT DISTINCT {column} FROM {table} WHERE {column} >= ? AND {column} < ? ORDER BY 1 LIMIT 3"
        found += [(kind, row[0]) for row in db.execute(query, (word, word + "g"))]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(f"{kind} {short(id)}" for kind, id in found[:5])
        raise NotFound(f"{word!r} begins several ids: {names}, ...", "give more digits")
    raise NotFound(f"no trial, config or dataset has an id that begins with {word!r}", trials_there_are(db, word))


def begins_trial(db: sqlite3.Connection, word: str) -> bool:
    """Whether any trial's id begins so."""
    values = (word.lower(), word.lower() + "g")
    return db.execute("SELECT 1 FROM trials WHERE id >= ? AND id < ? LIMIT 1", values).fetchone() is not None


def dataset(db: sqlite3.Connection, id: str | None) -> dict[str, Any] | None:
    """A dataset's row of `datasets`; None without an id."""
    found = db.execute("SELECT * FROM datasets WHERE id = ?", (id,)).fetchone()
    if found is None:
        return None
    row = dict(found)
    for key in ("recipe", "summary", "error"):
        row[key] = json.loads(row[key]) if row[key] else None
    return row


def made(db: sqlite3.Connection, kind: str, id: str) -> Made:
    """The trial of that id, or the first one of the config."""
    column = KINDS[kind][1]
    return _made(db, f"WHERE trials.{column} = :id ORDER BY seed, fold LIMIT 1", {"id": id})[0]


def sweeps_of(db: sqlite3.Connection, kind: str, id: str) -> list[dict[str, Any]]:
    """The sweeps that have a trial, config or dataset, oldest first: number, id, name, revision, submitted, trials
    (how many of them), verdict (of a trial).
    """
    column = "dataset" if kind == "dataset" else KINDS[kind][1]
    rows = db.execute(
        "SELECT sweeps.number, sweeps.id, name, revision, submitted, count(*) AS trials, min(verdict) AS verdict"
        " FROM trials JOIN sweep_trials ON trial = trials.id JOIN sweeps ON sweeps.number = sweep_trials.sweep"
        f" WHERE trials.{column} = ? GROUP BY sweeps.number ORDER BY sweeps.number",
        (id,),
    )
    return [dict(row) for row in rows]


def states_of(db: sqlite3.Connection, kind: str, id: str) -> dict[str, int]:
    """How many trials of a config or dataset are in each state."""
    query = f"SELECT state, count(*) FROM trials WHERE {kind} = ? GROUP BY state"
    return dict(db.execute(query, (id,)).fetchall())


def state_of(db: sqlite3.Connection, trial: str) -> str | None:
    """The state of a trial; None when it is gone."""
    row = db.execute("SELECT state FROM trials WHERE id = ?", (trial,)).fetchone()
    return row["state"] if row else None


def events_of(db: sqlite3.Connection, trial: str) -> list[dict[str, Any]]:
    """Every change of a trial's state, oldest first."""
    query = "SELECT at, sweep, before, after, attempt, worker, detail FROM events WHERE trial = ? ORDER BY seq"
    return [dict(row) for row in db.execute(query, (trial,))]


# ---- what the nearest other one is looked for in: the same replicate first


def earlier_trials(db: sqlite3.Connection, one: Made, kind: str) -> list[Made]:
    """Trials of the revisions before the one that first had this trial or config; those at its place in the grid, or
    near it, come first.
    """
    first = db.execute(
        "SELECT name, revision, position FROM sweep_trials JOIN sweeps ON number = sweep WHERE trial = ?"
        " ORDER BY number LIMIT 1",
        (one.id,),
    ).fetchone()
    if first is None:
        return []
    clause = (
        "JOIN sweep_trials ON trial = trials.id JOIN sweeps ON sweeps.number = sweep_trials.sweep"
        f" WHERE name = :name AND revision < :revision AND {_another(kind)} GROUP BY trials.id"
        " ORDER BY (seed IS :seed AND fold IS :fold) DESC, min(abs(position - :position)) LIMIT :most"
    )
    return _made(db, clause, {**_facts(one), **dict(first)})


def alike_trials(db: sqlite3.Connection, one: Made, kind: str) -> list[Made]:
    """Trials of all sweeps with a model of the same name, those first that came to the store next to this one."""
    model = one.recipe.get("model") or {}
    names = (model.get(key) for key in ("architecture", "estimator", "function", "command"))
    name = next((name for name in names if name is not None), None)
    clause = (
        f"WHERE {MODEL} IS :model AND {_another(kind)}"
        " ORDER BY (seed IS :seed AND fold IS :fold) DESC,"
        " abs(trials.number - (SELECT number FROM trials WHERE id = :id)) LIMIT :most"
    )
    return _made(db, clause, {**_facts(one), "model": name})


def other_datasets(db: sqlite3.Connection, id: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Other datasets, newest first: (id, state, recipe)."""
    query = "SELECT id, state, recipe FROM datasets WHERE id != ? ORDER BY rowid DESC LIMIT ?"
    rows = db.execute(query, (id, MOST_CANDIDATES))
    return [(row["id"], row["state"], json.loads(row["recipe"])) for row in rows]


def _another(kind: str) -> str:
    return "trials.config != :config" if kind == "config" else "trials.id != :id"


def replicate(one: Made) -> tuple[int | None, int | None]:
    """Seed and fold."""
    return one.recipe.get("seed"), (one.dataset or {}).get("fold")


def _facts(one: Made) -> dict[str, Any]:
    seed, fold = replicate(one)
    return {"id": one.id, "config": one.config, "seed": seed, "fold": fold, "most": MOST_CANDIDATES}


def _made(db: sqlite3.Connection, clause: str, values: dict[str, Any]) -> list[Made]:
    """Trials by a clause; the recipe of a dataset is parsed once, however many share it."""
    rows = db.execute(
        "SELECT trials.id, trials.config, trials.state, trials.recipe, trials.dataset, datasets.recipe AS data"
        " FROM trials LEFT JOIN datasets ON datasets.id = trials.dataset " + clause,
        values,
    ).fetchall()
    texts = {row["dataset"]: row["data"] for row in rows if row["data"]}
    datasets = {id: json.loads(text) for id, text in texts.items()}
    return [
        Made(row["id"], row["config"], row["state"], json.loads(row["recipe"]), datasets.get(row["dataset"]))
        for row in rows
    ]
