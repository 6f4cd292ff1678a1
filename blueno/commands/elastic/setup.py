"""`blueno elastic setup`: what has to be there before anything is sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import click

from ...settings import Settings
from .. import options, print_json
from .dashboards import write
from .places import place, reached


@click.command("setup")
@click.option(
    "--print",
    "printed",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Only write all of it, roles too, into FILE, for whoever keeps the keys.",
)
@click.option(
    "--migrate", is_flag=True, help="Make the next version of the indices; documents of all stores move there."
)
@options
def command(settings: Settings, as_json: bool, printed: Path | None, migrate: bool) -> int:
    """Make templates, indices and aliases. Does the same when called twice.

    It takes its own key from BLUENO_ELASTIC_SETUP_API_KEY or credentials/elastic-setup.json, if there is one.
    """
    from ...elastic import setup as making

    if printed is not None:
        if migrate:
            raise click.UsageError("--print is for what there is not yet; --migrate asks the server: use one of them")
        write(printed, json.dumps(making.for_an_administrator(settings.elastic_prefix), indent=2) + "\n")
        if as_json:
            print_json({"file": str(printed)})
        else:
            click.echo(f"{printed} holds every request that an administrator has to send")
        return 0
    target = place(settings, setup=True)
    said: list[str] = []
    tell: Callable[[str], None] = said.append if as_json else click.echo
    with reached(target) as client:
        (making.migrate if migrate else making.set_up)(client, target.prefix, tell)
    if as_json:
        print_json({"place": target.name, "done": said})
    return 0
