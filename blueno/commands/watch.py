"""`blueno watch`: a live table of what runs, drawn anew every second; once when nobody looks."""

from __future__ import annotations

import shutil
import sqlite3
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import click

from ..canonical import short
from ..counting import counted
from ..loop import settled
from ..settings import Settings
from ..store import live, read
from ..store.database import scheduler_runs
from ..store.ledger import STATES, ledger
from . import complete, need_store, options, print_json, table

EVERY_S = 1.0
MOST_SHARE = 0.2  # of the time may go into looking
FAILURES = 3


def watch(db: sqlite3.Connection, root: Path, sweep: read.Sweep) -> dict[str, Any]:
    """What a sweep looks like now: its ledger, and `scheduler` (whether one runs), `workers`, `best`, `failures`."""
    best = live.best_trial(db, sweep)
    return {
        **ledger(db, sweep.number)._asdict(),
        "paused": read.sweep_by_number(db, sweep.number).paused,
        "scheduler": scheduler_runs(root),
        "workers": live.workers(db),
        "metric": sweep.metric,
        "best": best and {"trial": best["trial"], "metric": sweep.metric, "value": best["value"]},
        "failures": live.last_failures(db, sweep.number, FAILURES),
    }


def screen(document: dict[str, Any], spec_file: str) -> str:
    """The document as lines for a terminal."""
    counts = ", ".join(f"{document[state]} {state}" for state in STATES if document[state])
    lines = [f"{document['name']}: {counted(document['planned'], 'trial')}: {counts}"]
    if document["best"]:
        best = document["best"]
        lines.append(f"best so far: {best['metric']} {best['value']:.4g} (trial {short(best['trial'])})")
    if document["workers"] and document["scheduler"]:
        rows = [_row(worker, document["metric"]) for worker in document["workers"]]
        lines += ["", table(["slot", "work", "epoch", "metrics"], rows)]
    if document["failures"]:
        lines += ["", "last failures", *map(_failure, document["failures"])]
    return "\n".join(lines + _remark(document, spec_file))


def _row(worker: dict[str, Any], objective: str) -> list[str]:
    """A worker's line. The objective comes first, since a narrow terminal cuts off what is last."""
    planned = f"/{worker['epochs']}" if worker["epochs"] else ""  # unknown for some functions
    epoch = f"{worker['epoch']}{planned}" if worker["epoch"] else ""
    metrics = sorted(worker["metrics"].items(), key=lambda metric: metric[0] != objective)
    values = [f"{name} {value:.4g}" for name, value in metrics if value is not None]
    work = short(worker["trial"]) if worker["trial"] else "-"
    if worker["dataset"]:
        work = f"builds dataset {short(worker['dataset'])}"
    if worker["measuring"]:
        work, epoch, values = f"measures {worker['measuring']}", "", []
    return [worker["slot"], work, epoch, " ".join(values)]


def _failure(found: dict[str, Any]) -> str:
    first = (found["message"] or "").partition("\n")[0]
    return f"  {short(found['trial'])}  {found['class']}: {found['type']}: {first}"


def _remark(document: dict[str, Any], spec_file: str) -> list[str]:
    if document["finished"]:
        return ["", f"finished: blueno results {document['name']}"]
    if document["paused"]:
        return ["", f"paused: {document['paused']}"]
    return [] if document["scheduler"] else ["", f"no scheduler runs: go on with blueno sweep {spec_file}"]


def redraw(stream: TextIO, text: str, drawn: int, size: tuple[int, int]) -> int:
    """Replaces the `drawn` lines above the cursor by `text`, cut to the terminal. Returns how many lines it is."""
    columns, rows = size
    lines = [line[: columns - 1] for line in text.splitlines()[: rows - 1]]
    back = f"\x1b[{drawn}F" if drawn else ""
    stream.write(back + "\x1b[J" + "\n".join(lines) + "\n")
    stream.flush()
    return len(lines)


def keep_watching(
    db: sqlite3.Connection, root: Path, sweep: read.Sweep, stream: TextIO, pause: Callable[[float], None] = time.sleep
) -> None:
    """Draws until the sweep is finished, or paused with nothing running."""
    drawn = 0
    while True:
        begun = time.monotonic()
        through = settled(db, sweep.number)
        drawn = redraw(stream, screen(watch(db, root, sweep), sweep.spec_file), drawn, shutil.get_terminal_size())
        if through:
            return
        pause(max(EVERY_S, (time.monotonic() - begun) / MOST_SHARE))


@click.command("watch")
@click.argument("sweep", required=False, shell_complete=complete.sweeps)
@click.option("--once", is_flag=True, help="Draw it once, then end.")
@options
def command(settings: Settings, as_json: bool, sweep: str | None, once: bool) -> int:
    """What runs now, for SWEEP (a name, the beginning of an id, or nothing for the latest), until it is finished.

    Drawn once when the output is no terminal, and with --json.
    """
    db = need_store(settings.root)
    chosen = read.find_sweep(db, sweep)
    if as_json:
        print_json(watch(db, settings.root, chosen))
    elif once or not sys.stdout.isatty():
        click.echo(screen(watch(db, settings.root, chosen), chosen.spec_file))
    else:
        keep_watching(db, settings.root, chosen, sys.stdout)
    return 0
