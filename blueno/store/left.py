"""What trials that are done left: results and files, as far as they are still kept. Nothing here writes."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any


def with_files(db: sqlite3.Connection) -> Iterator[dict[str, Any]]:
    """Of each trial that is done and left files: what counts of its newest result, with `recipe` and `artefacts`."""
    rows = db.execute(
        "SELECT results.trial, results.attempt, results.state, metrics, epoch, results.engine, ended, recipe, artefacts"
        " FROM trials JOIN results ON results.trial = id AND results.attempt = trials.attempt"
        " WHERE trials.state IN ('succeeded', 'diverged') AND artefacts != '{}' ORDER BY trials.number"
    )
    for row in rows:
        yield dict(row) | {name: json.loads(row[name]) for name in ("metrics", "recipe", "artefacts")}
