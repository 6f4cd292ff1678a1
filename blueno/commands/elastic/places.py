"""Where the settings send to, and a client for it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...elastic.access import Target, target_of
from ...errors import BluenoError
from ...settings import Settings

UNSET = "no Elasticsearch is set"
SET_IT = 'write elastic_url = "https://..." into blueno.toml, or set BLUENO_ELASTIC_URL (docs/elastic.md)'


def place(settings: Settings, setup: bool = False) -> Target:
    """Where the settings send to. Raises BluenoError when they name no place."""
    target = target_of(settings, os.environ, setup)
    if target is None:
        raise BluenoError(UNSET, SET_IT)
    return target


@contextmanager
def reached(target: Target) -> Iterator[Any]:
    """A client; what keeps it from the server becomes a BluenoError."""
    from ...elastic.client import Unreachable, connect

    client = connect(target)
    try:
        yield client
    except Unreachable as error:
        raise BluenoError(f"{target.name}: {error}", "`blueno elastic status` says how it stands") from error
    finally:
        client.close()
