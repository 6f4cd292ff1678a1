"""Which caches a project has: a folder of its own, and the bucket that its machines share, if a setting names one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..errors import BluenoError
from ..settings import Settings, load_settings
from . import Cache
from .folder import FolderCache
from .outbox import outbox_of


def local_cache(root: Path) -> FolderCache:
    """What is on this machine. It may be deleted at any time."""
    return FolderCache(root / "data" / "cache")


def remote_cache(settings: Settings) -> Cache | None:
    """The bucket of the setting `cache`; None without it. MissingLibrary or BluenoError when it cannot be opened."""
    if not settings.cache:
        return None
    from .gcs import GcsCache
    from .google import storage_client

    return GcsCache(settings.cache, local_cache(settings.root).scratch, storage_client(settings.root))


def open_cache(settings: Settings | Path, tell: Callable[[str], None] = lambda _: None) -> Cache:
    """The cache to work with: the local one, and behind it the remote one. `tell` hears of what is fetched, and what is
    wrong with the remote one.

    Settings are read if only a root is given; what can no longer be read names no bucket.
    """
    if isinstance(settings, Path):
        settings = _settings_of(settings)
    local, found = local_cache(settings.root), settings
    if not settings.cache:
        return local
    from .tiers import TieredCache

    return TieredCache(local, lambda: _bucket(found), outbox_of(settings.root), settings.cache, tell)


def _bucket(settings: Settings) -> Cache:
    remote = remote_cache(settings)
    assert remote is not None, "BUG: asked only where a bucket is set"
    return remote


def _settings_of(root: Path) -> Settings:
    try:
        return load_settings(root)
    except BluenoError:
        return Settings(root)
