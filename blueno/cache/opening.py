"""Which caches a project has: a folder of its own, and the bucket that its machines share, if a setting names one."""

from __future__ import annotations

from pathlib import Path

from ..settings import Settings, load_settings
from . import Cache
from .folder import FolderCache


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


def open_cache(settings: Settings | Path) -> Cache:
    """The cache to work with: the local one, and behind it the remote one. Settings are read if only a root is given.

    BluenoError for a wrong setting.
    """
    if isinstance(settings, Path):
        settings = load_settings(settings)
    return local_cache(settings.root)
