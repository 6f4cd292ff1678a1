"""`blueno elastic rebuild`: this store's documents, written anew."""

from __future__ import annotations

import click

from ...settings import Settings
from .. import options
from .index import sending_of


@click.command("rebuild")
@options
def command(settings: Settings, as_json: bool) -> int:
    """Write all documents of this store anew and remove those that it has no more. Other stores' stay as they are."""
    return sending_of(settings, as_json, anew=True)
