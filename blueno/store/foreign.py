"""Results that were trained elsewhere, kept for questions. No sweep has them: they are in no ledger."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..clock import iso, seconds
from ..foreign.result import Result
from ..query.operands import Value, of_params
from .database import transaction


def add(db: sqlite3.Connection, results: Iterable[Result], now: float) -> dict[str, int]:
    """Adds results; one that is there already takes the place of what was. Returns how many were `new` and `known`."""
    counts = {"new": 0, "known": 0}
    results = list(results)  # a slow source must not hold up who else writes
    with transaction(db):
        for each in results:
            known = db.execute("SELECT 1 FROM foreign_results WHERE id = ?", (each.id,)).fetchone()
            counts["known" if known else "new"] += 1
            words = (json.dumps(part) for part in (each.params, each.metrics, each.facts))
            db.execute(
                "INSERT OR REPLACE INTO foreign_results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (each.id, each.origin, each.sweep, each.name, each.state, *words, iso(now)),
            )
    return counts


class Foreign:
    """One of them as queries see it (`query.ask.Record`)."""

    def __init__(self, row: sqlite3.Row) -> None:
        self.row = row
        self.facts: dict[str, Any] = json.loads(row["facts"])
        self._metrics: dict[str, float] = json.loads(row["metrics"])
        self._params: dict[str, Any] = json.loads(row["params"])

    def field(self, name: str) -> tuple[Value, ...]:
        found = self._field(name)
        values = found if isinstance(found, list) else [] if found is None else [found]
        return tuple(float(value) if isinstance(value, int | float) else value for value in values)

    def _field(self, name: str) -> Any:
        error = self.facts.get("error") or {}
        if name in ("started", "finished"):
            return seconds(self.facts[name]) if self.facts.get(name) else None
        looked_up = {
            "trial": self.row["id"], "state": self.row["state"], "origin": self.row["origin"],
            "sweep": self.row["sweep"],
            "duration": self.facts.get("duration_s"), "objective": self._metrics.get(self.facts.get("metric") or ""),
            "error": error.get("class"), "error.type": error.get("type"), "error.message": error.get("message"),
        }  # fmt: skip
        return looked_up[name] if name in looked_up else self.facts.get(name)

    def metrics(self) -> Mapping[str, float]:
        return {name: float(value) for name, value in self._metrics.items()}

    def params(self) -> Mapping[str, Value]:
        return of_params(self._params)

    def written(self) -> Mapping[str, Any]:
        return self._params


def records(db: sqlite3.Connection) -> Iterator[Foreign]:
    """All of them, the newest import first."""
    for row in db.execute("SELECT * FROM foreign_results ORDER BY imported DESC, id"):
        yield Foreign(row)
