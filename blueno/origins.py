"""What a search has done so far: its best config against how many were tried, and where a config came from."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from .store import searches
from .tables import ConfigRow

ORIGINS = {
    "first": "named under search.first",
    "startup": "drawn at random, at the beginning of the search",
    "warm_start": "from an earlier sweep",
    "random": "drawn at random",
}


def search_document(db: sqlite3.Connection, sweep: int, rows: Sequence[ConfigRow], direction: str) -> dict[str, Any]:
    """What `results --json` says of a search; empty for other sweeps."""
    search = searches.search(db, sweep)
    if search is None:
        return {}
    made = searches.rows(db, sweep)
    means = {row.config_id: row.mean for row in rows if row.replicates == row.planned and row.allowed is not False}
    states = {row.config_id: set(row.states) for row in rows}
    sign = 1.0 if direction == "maximize" else -1.0
    tried, best = 0, list[list[Any]]()
    for row in made:
        if row.kind != "new" or not states.get(row.config, set()) <= set(searches.ENDED):
            continue
        tried += 1
        mean = means.get(row.config)
        if mean is not None and (not best or sign * mean > sign * best[-1][1]):
            best.append([tried, mean])
    return {
        "method": search.method["method"],
        "configs": search.method["configs"],
        "tried": tried,
        "known": sum(row.kind == "known" for row in made),
        "warm_start": sum(row.origin == "warm_start" for row in made),
        "excluded": sum(row.kind == "excluded" for row in made),
        "best_so_far": best,
    }


def search_text(found: dict[str, Any]) -> str:
    """The same in a line or two."""
    if not found:
        return ""
    text = f"\n{found['method']}: {found['tried']} of {found['configs']} configs tried"
    text += f", {found['warm_start']} known from earlier sweeps" if found["warm_start"] else ""
    steps = found["best_so_far"]
    shown = steps if len(steps) <= 6 else [*steps[:1], *steps[-5:]]
    told = [f"{value:.6g} after {tried}" for tried, value in shown]
    if len(steps) > 6:
        told.insert(1, "...")
    return text + (f"\nbest so far: {', '.join(told)}" if told else "")


def origins_of(db: sqlite3.Connection, config: str) -> list[dict[str, Any]]:
    """Which searches proposed a config: `sweep` (name), `number`, `origin`, `method`."""
    rows = db.execute(
        "SELECT name, proposals.number, origin, kind, method FROM proposals"
        " JOIN sweeps ON sweeps.number = proposals.sweep"
        " JOIN searches ON searches.sweep = proposals.sweep WHERE config = ? ORDER BY sweeps.number, proposals.number",
        (config,),
    )
    return [
        {"sweep": row["name"], "number": row["number"], "origin": row["origin"], "kind": row["kind"],
         "method": json.loads(row["method"])["method"]}
        for row in rows.fetchall()
    ]  # fmt: skip


def origin_text(found: dict[str, Any]) -> str:
    """Where a config came from, in words."""
    origin = ORIGINS.get(found["origin"], f"by {found['origin']}, from what was known by then")
    return f"proposal {found['number']} of {found['sweep']} ({found['method']}): {origin}"
