"""`blueno status`: the ledger of a sweep, or of all."""

from __future__ import annotations

import sqlite3
from typing import Any

import click

from ..canonical import short
from ..narrow import last_folded, terminal_width
from ..settings import Settings
from ..store import read
from ..store.database import scheduler_runs
from ..store.ledger import STATES, Ledger, ledger
from . import complete, need_store, options, print_json, table


def ledgers(db: sqlite3.Connection) -> list[tuple[read.Sweep, Ledger]]:
    """Every sweep with its ledger, newest first."""
    return [(sweep, ledger(db, sweep.number)) for sweep in read.sweeps(db)]


def status_text(found: list[tuple[read.Sweep, Ledger]], runs: bool, width: int | None = None) -> str:
    """A line a sweep; states that nobody has are left out. `runs`: whether a scheduler does. A remark goes on below
    where `width` characters are too few.
    """
    used = [state for state in STATES if any(getattr(counts, state) for _, counts in found)]
    rows = [
        [
            short(sweep.id),
            sweep.name if sweep.revision == 1 else f"{sweep.name} #{sweep.revision}",
            str(counts.planned),
            *(str(getattr(counts, state)) for state in used),
            _remark(sweep, counts, runs),
        ]
        for sweep, counts in found
    ]
    head = ["sweep", "name", "planned", *used, ""]
    return table(head, last_folded(head, rows, width), set(range(2, 3 + len(used))))


def _remark(sweep: read.Sweep, counts: Ledger, runs: bool) -> str:
    if not counts.adds_up:
        return "DOES NOT ADD UP: run `blueno verify`"
    if sweep.paused:
        return f"paused: {sweep.paused}"
    if counts.finished:
        return "finished"
    if runs and counts.measuring:
        return f"metrics of {counts.measuring} are measured"
    return "" if runs else "waits: no scheduler runs (blueno sweep SPEC goes on)"


def documents(found: list[tuple[read.Sweep, Ledger]]) -> list[dict[str, Any]]:
    return [{**counts._asdict(), "paused": sweep.paused} for sweep, counts in found]


@click.command("status")
@click.argument("sweep", required=False, shell_complete=complete.sweeps)
@options
def command(settings: Settings, as_json: bool, sweep: str | None) -> int:
    """The ledger of SWEEP (a name or the beginning of an id), or of all sweeps.

    planned = queued + running + succeeded + diverged + pruned + failed + cancelled, at any moment.
    """
    db = need_store(settings.root)
    if sweep is None:
        found = ledgers(db)
        if as_json:
            print_json({"sweeps": documents(found)})
        else:
            runs, width = scheduler_runs(settings.root), terminal_width()
            click.echo(status_text(found, runs, width) if found else "there is no sweep yet")
        return 0
    chosen = read.find_sweep(db, sweep)
    found = [(chosen, ledger(db, chosen.number))]
    if as_json:
        print_json(documents(found)[0])
    else:
        click.echo(status_text(found, scheduler_runs(settings.root), terminal_width()))
    return 0
