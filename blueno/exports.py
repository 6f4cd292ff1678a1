"""Tables of results for other programs."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from .tables import flat


def results_csv(document: dict[str, Any]) -> str:
    """All rows and all parameters as CSV."""
    rows = document["rows"]
    flats = [flat(row["params"]) for row in rows]
    paths = list(dict.fromkeys(path for values in flats for path in values))
    others = list(rows[0]["metrics"]) if rows else []
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    ids = ["config_id"] if document["by"] == "config" else ["id", "config_id"]
    writer.writerow([*ids, *paths, *_csv_head(document["by"], document["objective"]["metric"], others)])
    for row, values in zip(rows, flats, strict=True):
        cells = [exact(values[path]) if path in values else "" for path in paths]
        writer.writerow([*(row[id] for id in ids), *cells, *_csv_values(document["by"], row)])
    return stream.getvalue()


def _csv_head(by: str, metric: str, others: list[str]) -> list[str]:
    if by == "trial":
        return ["seed", "fold", "state", metric, *others]
    return [
        *("replicates", "planned", "mean", "std", "trials"),
        *(f"{name}_{what}" for name in others for what in ("mean", "std")),
    ]


def _csv_values(by: str, row: dict[str, Any]) -> list[Any]:
    if by == "trial":
        return [row["seed"], row["fold"], row["state"], row["value"], *row["metrics"].values()]
    spreads = [value for each in row["metrics"].values() for value in (each["mean"], each["std"])]
    return [row["replicates"], row["planned"], row["mean"], row["std"], " ".join(row["trials"]), *spreads]


def exact(value: Any) -> str:
    """A parameter's value for other programs: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)
