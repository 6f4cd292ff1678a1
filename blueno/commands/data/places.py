"""What the verbs of `data` look at: the project's own cache, the shared one and the store, as far as there are any."""

from __future__ import annotations

import sqlite3

from ...cache import Cache
from ...cache.folder import FolderCache
from ...cache.opening import local_cache, remote_cache
from ...errors import BluenoError
from ...holdings.held import holdings
from ...holdings.view import View, look
from ...progress import say
from ...settings import Settings
from ...store.database import store_exists
from .. import store_of_command


def local_of(settings: Settings) -> FolderCache:
    """The project's own cache."""
    return local_cache(settings.root)


def remote_of(settings: Settings) -> Cache | None:
    """The cache that machines share; None without one."""
    return remote_cache(settings)


def view_of(settings: Settings, db: sqlite3.Connection | None) -> View:
    """Everything that is known of prepared data. That the shared cache cannot be asked is said, and then it is None."""
    there = None
    try:
        remote = remote_of(settings)
        there = holdings(remote) if remote is not None else None
    except BluenoError as error:
        say(f"warning: {error.message}; what is in it is not shown" + (f"\n  fix: {error.fix}" if error.fix else ""))
    return look(db, local_of(settings), there)


def need_remote(settings: Settings) -> Cache:
    """The cache that machines share. Raises BluenoError without one."""
    remote = remote_of(settings)
    if remote is None:
        raise BluenoError(
            "there is no shared cache", 'name one in blueno.toml: cache = "gs://bucket/prefix", or set BLUENO_CACHE'
        )
    return remote


def store_of(settings: Settings) -> sqlite3.Connection | None:
    """The store; None where nothing was swept yet."""
    return store_of_command(settings.root) if store_exists(settings.root) else None
