"""`blueno schedule`: the loop without a terminal, which `sweep --detach` starts."""

from __future__ import annotations

import time

import click

from ..clock import iso
from ..loop import run_until
from ..settings import Settings
from ..store.database import open_store
from . import options


@click.command("schedule")
@options
def command(settings: Settings, as_json: bool) -> int:
    """Run everything that is queued, then end."""

    def tell(text: str) -> None:
        click.echo(f"{iso(time.time())} {text}", err=True)

    db = open_store(settings.root, time.time())
    tell("the scheduler begins")
    through = run_until(db, settings, None, lambda db: None, tell)
    tell("the scheduler ends: " + ("nothing is left to run" if through else "interrupted"))
    return 0 if through else 130
