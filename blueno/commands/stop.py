"""`blueno stop`: takes back what waits; what runs may end, or is ended with --now."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import click

from ..counting import counted
from ..settings import Settings
from ..store import read
from ..store.ledger import ledger
from . import complete, need_store, options, print_json
from .request import ask, unanswered


def stop(db: sqlite3.Connection, root: Path, sweep: read.Sweep, now: bool) -> dict[str, Any]:
    """Takes back what a sweep waits for; with `now`, what runs for it too. `ended` are trials that were running,
    `running` is how many may end, and `answered` is false while the scheduler has not obeyed.
    """
    answer = ask(db, root, "stop", {"sweep": sweep.number, "now": now})
    done = answer or {"cancelled": 0, "ended": []}
    return {
        "sweep": sweep.id,
        "name": sweep.name,
        "cancelled": done["cancelled"],
        "ended": done["ended"],
        "running": ledger(db, sweep.number).running,
        "answered": answer is not None,
    }


def stop_text(document: dict[str, Any], sweep: read.Sweep) -> str:
    """What was taken back, what still runs, and how to go on."""
    if not document["cancelled"] and not document["running"]:
        return f"{sweep.name}: nothing to stop"
    lines = [
        f"{sweep.name}: {counted(document['cancelled'], 'trial') if document['cancelled'] else 'no trials'} taken back"
    ]
    if document["ended"]:
        lines[0] += f", {len(document['ended'])} of them while they ran"
    if document["running"]:
        lines.append(f"  {document['running']} that run may end; to end them now: blueno stop {sweep.name} --now")
    return "\n".join([*lines, f"  go on with: blueno sweep {sweep.spec_file}"])


@click.command("stop")
@click.argument("sweep", required=False, shell_complete=complete.sweeps)
@click.option("--now", is_flag=True, help="End what runs, too; it begins anew when the sweep goes on.")
@options
def command(settings: Settings, as_json: bool, sweep: str | None, now: bool) -> int:
    """Take back what SWEEP waits for (a name, the beginning of an id, or nothing for the latest).

    Trials that run may end, and count. What another sweep wants too goes on for that one.
    """
    db = need_store(settings.root)
    chosen = read.find_sweep(db, sweep)
    document = stop(db, settings.root, chosen, now)
    if as_json:
        print_json(document)
    else:
        click.echo(stop_text(document, chosen) if document["answered"] else unanswered(settings.root))
    return 0
