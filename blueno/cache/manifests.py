"""What manifests in a cache say: a dataset or node is `datasets/<id>.json` or `nodes/<id>.json`, written after its
parts. Read here without the libraries that arrays need.
"""

from __future__ import annotations

import json
from typing import Any

from ..errors import CacheDamaged
from . import Cache
from .borrowing import borrowed
from .parts import parts_in


def dataset_key(dataset_id: str) -> str:
    """The manifest of a dataset."""
    return f"datasets/{dataset_id}.json"


def node_key(node_id: str) -> str:
    """The manifest of a node."""
    return f"nodes/{node_id}.json"


def read_json(key: str, cache: Cache) -> Any:
    """A manifest, or None when it is missing, damaged or unreadable. CacheUnavailable when nobody can tell."""
    try:
        with borrowed(key, cache) as path:
            return json.loads(path.read_text(encoding="utf-8"))
    except (KeyError, FileNotFoundError, ValueError, CacheDamaged):
        return None


def read_complete(key: str, cache: Cache) -> Any:
    """A manifest whose parts are all there in full length, or None."""
    manifest = read_json(key, cache)
    if manifest is None or any(cache.stat(part["key"]) != part["bytes"] for part in parts_in(manifest)):
        return None
    return manifest
