"""`blueno schedule`: the loop without a terminal, which `sweep --detach` starts."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import click

from ..clock import iso
from ..loop import run_until
from ..progress import best, progress_line
from ..settings import Settings
from ..store import read
from ..store.ledger import ledger
from . import options, store_of_command

EVERY_S = 30.0


@dataclass
class Standing:
    """Says now and then where every sweep stands that is not finished, and once more when it is."""

    tell: Callable[[str], None]
    next: float = 0.0
    lines: dict[int, str] = field(default_factory=dict)

    def __call__(self, db: sqlite3.Connection) -> None:
        if time.monotonic() < self.next:
            return
        self.next = time.monotonic() + EVERY_S
        for sweep in read.sweeps(db):
            counts = ledger(db, sweep.number)
            line = f"{sweep.name}: {progress_line(counts, 0, 0.0, '', best(db, sweep))}"
            if line != self.lines.get(sweep.number) and (sweep.number in self.lines or not counts.finished):
                self.lines[sweep.number] = line
                self.tell(line)


@click.command("schedule")
@options
def command(settings: Settings, as_json: bool) -> int:
    """Run everything that is queued, then end."""

    def tell(text: str) -> None:
        click.echo(f"{iso(time.time())} {text}", err=True)

    db = store_of_command(settings.root)
    tell("the scheduler begins")
    standing = Standing(tell)
    through = run_until(db, settings, None, standing, tell)
    standing.next = 0.0
    standing(db)
    tell("the scheduler ends: " + ("nothing is left to run" if through else "interrupted"))
    return 0 if through else 130
