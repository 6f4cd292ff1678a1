"""`blueno results`: the table of a sweep, best config first, over replicates."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from typing import Any

import click

from ..canonical import short
from ..settings import Settings
from ..store import read
from ..tables import ConfigRow, cell, config_rows, differing, flat, labels, significant
from . import complete, need_store, options, print_json, table


def table_of(db: sqlite3.Connection, sweep: read.Sweep) -> dict[str, Any]:
    """The document of `results --json`: `sweep`, `objective`, `rows` (best first)."""
    rows = config_rows(read.rows_of(db, sweep.number), read.configs_of(db, sweep.number), sweep.metric, sweep.direction)
    return {
        "sweep": sweep.id,
        "name": sweep.name,
        "objective": {"metric": sweep.metric, "direction": sweep.direction},
        "rows": [row._asdict() for row in rows],
    }


def results_text(document: dict[str, Any], top: int | None = None) -> str:
    """The table for people: only the axes that differ, mean and deviation, n/N where some are missing."""
    objective = document["objective"]
    rows = [ConfigRow(**row) for row in document["rows"]]
    flats = [flat(row.params) for row in rows]
    paths = differing(flats)
    shown = list(zip(rows, flats, strict=True))[:top]
    incomplete = any(row.replicates < row.planned for row, _ in shown)
    head = ["", "config", *labels(paths), objective["metric"], *(["n"] if incomplete else [])]
    lines = [
        [
            str(number),
            short(row.config_id),
            *(cell(values[path]) if path in values else "-" for path in paths),
            significant(row.mean, row.std) if row.mean is not None else "-",
            *([f"{row.replicates}/{row.planned}"] if incomplete else []),
        ]
        for number, (row, values) in enumerate(shown, 1)
    ]
    best = "largest" if objective["direction"] == "maximize" else "smallest"
    text = f"{document['name']}: {objective['metric']}, {best} first\n" + table(head, lines, {0})
    return text + (f"\n... and {len(rows) - len(shown)} more configs" if len(rows) > len(shown) else "")


def results_csv(document: dict[str, Any]) -> str:
    """All rows and all parameters as CSV."""
    rows = [ConfigRow(**row) for row in document["rows"]]
    flats = [flat(row.params) for row in rows]
    paths = list(dict.fromkeys(path for values in flats for path in values))
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["config_id", *paths, "replicates", "planned", "mean", "std", "trials"])
    for row, values in zip(rows, flats, strict=True):
        cells = [exact(values[path]) if path in values else "" for path in paths]
        writer.writerow([row.config_id, *cells, row.replicates, row.planned, row.mean, row.std, " ".join(row.trials)])
    return stream.getvalue()


def exact(value: Any) -> str:
    """A parameter's value for other programs: text as it is, anything else as JSON."""
    return value if isinstance(value, str) else json.dumps(value)


@click.command("results")
@click.argument("sweep", required=False, shell_complete=complete.sweeps)
@click.option("--top", type=click.IntRange(1), help="Only the best N configs.")
@click.option("--csv", "as_csv", is_flag=True, help="All configs and parameters as CSV.")
@options
def command(settings: Settings, as_json: bool, sweep: str | None, top: int | None, as_csv: bool) -> int:
    """The table of SWEEP (a name, the beginning of an id, or nothing for the latest), best config first."""
    db = need_store(settings.root)
    document = table_of(db, read.find_sweep(db, sweep))
    if as_csv:
        click.echo(results_csv(document), nl=False)
    elif as_json:
        print_json({**document, "rows": document["rows"][:top]})
    else:
        click.echo(results_text(document, top))
    return 0
