"""Metrics as sweeps ask for them. The same name may mean two things in two sweeps (other parameters under one `as`),
so that values are kept by an id: the name, and for what is no plain built-in metric a digest of its definition.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from ..canonical import canonical, digest_text

PARTS = ("val_", "train_")
ID_DIGITS = 12  # of the definition's SHA-256


class Item(NamedTuple):
    """A metric that is asked for, as `metrics` lists it."""

    name: str  # as results call it: val_f1, val_qwk
    id: str  # the name, or the name and what tells its definition from others: val_qwk#1f0e9c...
    written: Any  # for whoever computes it: a name, a reference, or {name: {parameters}}

    @property
    def plain(self) -> bool:
        """Whether the name alone says what it is."""
        return self.id == self.name


def item(written: Any) -> Item:
    """A metric as the spec wrote it, under standard names. The code of one's own function is no part of its id.

    >>> item("val_f1")[:2], item({"cohen_kappa": {"weights": "quadratic", "as": "qwk"}}).name
    (('val_f1', 'val_f1'), 'val_qwk')
    """
    metric, given = next(iter(written.items())) if isinstance(written, dict) else (written, None)
    parameters = dict(given or {})
    part = next((part for part in PARTS if metric.startswith(part)), "")
    bare = metric.removeprefix(part)
    called = parameters.pop("as", None)
    name = (part or "val_") + (called or bare.rpartition(":")[2])
    if not called and not parameters and ":" not in bare:
        return Item(name, name, written)
    definition = canonical([part or "val_", bare, parameters])
    return Item(name, f"{name}#{digest_text(definition)[:ID_DIGITS]}", written)


def name_of(id: str) -> str:
    """The name of the metric of that id."""
    return id.partition("#")[0]


def asked(metrics: Iterable[Any], objective: str) -> dict[str, Item]:
    """What a sweep asks for beside the defaults of the task, by name: its list, and its objective."""
    listed = {found.name: found for found in map(item, metrics)}
    return listed if objective in listed else {**listed, objective: Item(objective, objective, objective)}


def asked_by(db: sqlite3.Connection, sweep: int) -> dict[str, Item]:
    """What the sweep of that number asks for; nothing when it was removed."""
    row = db.execute("SELECT metrics, metric FROM sweeps WHERE number = ?", (sweep,)).fetchone()
    return asked(json.loads(row["metrics"]), row["metric"]) if row else {}


# ---- values, for one sweep

Values = dict[str, float | None]


class Measured(NamedTuple):
    """What is known of a result's metrics beside what it said itself."""

    metrics: Values  # by id; None for what cannot be had
    trained: dict[str, str]  # name -> id, of those that training measured by a definition of their own


UNMEASURED = Measured({}, {})


def measured(metrics: str | None, trained: str | None) -> Measured:
    """From the columns of the table `measured`, which few results have a row in."""
    return UNMEASURED if metrics is None else Measured(json.loads(metrics), json.loads(trained or "{}"))


def values(result: Values, later: Measured, wanted: Mapping[str, Item]) -> Values:
    """A result's metrics as a sweep names them. A metric measured in training wins over one measured later; a value
    under the same name but by another definition is not shown.
    """
    ids = {name: each.id for name, each in wanted.items() if not each.plain}
    if later is UNMEASURED and not ids:
        return result
    found = {name: value for name, value in result.items() if later.trained.get(name, name) == ids.get(name, name)}
    for name in wanted:
        id = ids.get(name, name)
        if name not in found and id in later.metrics:
            found[name] = later.metrics[id]
    return found


def lacking(result: Values, later: Measured, wanted: Mapping[str, Item]) -> list[Item]:
    """The metrics that nobody has measured, or tried to, for a result."""
    found = values(result, later, wanted)
    return [each for name, each in wanted.items() if name not in found]


# ---- the objective, in SQL: over `results` and a LEFT JOIN of `measured`

JOIN_MEASURED = " LEFT JOIN measured ON measured.trial = results.trial AND measured.attempt = results.attempt"


def value_sql(wanted: Item) -> str:
    """An expression for a metric's value (the tables `results` and `measured` are joined)."""
    later = f"json_extract(measured.metrics, '{path(wanted.id)}')"
    if not wanted.plain:
        return later
    own = f"json_extract(measured.trained, '{path(wanted.name)}')"
    return f"coalesce(iif({own} IS NULL, json_extract(results.metrics, '{path(wanted.name)}'), NULL), {later})"


def lacking_sql(wanted: Item) -> str:
    """A condition: nobody has measured the metric, or tried to."""
    later = f"json_type(measured.metrics, '{path(wanted.id)}') IS NULL"
    if not wanted.plain:
        return later
    own = f"json_type(measured.trained, '{path(wanted.name)}') IS NOT NULL"
    return f"{later} AND (json_type(results.metrics, '{path(wanted.name)}') IS NULL OR {own})"


def path(key: str) -> str:
    """A key as SQLite's JSON path, inside single quotes."""
    return '$."{}"'.format(key.replace("'", "''"))
