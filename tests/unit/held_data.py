"""Caches with datasets and nodes in them that take no libraries to make: parts are a few bytes, manifests name them."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

from blueno.cache import Cache
from blueno.cache.folder import FolderCache
from blueno.cache.manifests import dataset_key, node_key
from blueno.canonical import digest
from blueno.etl.lineage import node_recipe

COLUMNS = dict.fromkeys(("target", "features", "drop", "id", "group", "time", "task", "positive", "target_scale"))


def recipe(name: str = "iris", steps: tuple[str, ...] = (), **more: Any) -> dict[str, Any]:
    """A dataset's recipe as the compiler writes it, of a source that sklearn has and steps without parameters."""
    made = [{"name": step, "params": {}, "columns": None, "code": 1} for step in steps]
    source = {"name": "sklearn", "params": {"name": name}, "code": 1, "fingerprint": None}
    split = {"test": 0.0, "validation": 0.2, "stratify": True, "group": None, "seed": 0, "stop": None}
    return {"columns": COLUMNS, "fold": None, "source": source, "split": split, "steps": made, **more}


def part_key(content: bytes) -> str:
    """Where a part with these bytes lies."""
    return f"parts/{sha256(content).hexdigest()}.npy"


def put(cache: Cache, key: str, content: bytes, folder: Path) -> str:
    """Stores bytes under a key."""
    folder.mkdir(parents=True, exist_ok=True)
    source = folder / "source"
    source.unlink(missing_ok=True)
    source.write_bytes(content)
    cache.put_if_absent(key, source)
    return key


def put_dataset(cache: Cache, made: dict[str, Any], parts: list[bytes], folder: Path) -> str:
    """Stores a dataset of this recipe with these parts, and returns its id."""
    return _put_manifest(cache, dataset_key(digest(made)), made, parts, folder)


def put_node(cache: Cache, made: dict[str, Any], count: int, parts: list[bytes], folder: Path) -> str:
    """Stores the node of a dataset's recipe and its first `count` steps, and returns its id."""
    node = node_recipe(made, count)
    return _put_manifest(cache, node_key(digest(node)), node, parts, folder)


def _put_manifest(cache: Cache, key: str, made: dict[str, Any], parts: list[bytes], folder: Path) -> str:
    named = []
    for content in parts:
        put(cache, part_key(content), content, folder)
        told = {"key": part_key(content), "sha256": sha256(content).hexdigest(), "bytes": len(content)}
        named.append({**told, "dtype": "<f8", "shape": [len(content)]})
    manifest = {"id": digest(made), "recipe": made, "parts": named, "summary": {"samples": 1}}
    put(cache, key, json.dumps(manifest).encode(), folder)
    return digest(made)


def age(cache: FolderCache, key: str, seconds: float, now: float) -> None:
    """Makes a key look so old."""
    os.utime(cache.get(key), (now - seconds, now - seconds))


def age_all(cache: FolderCache, seconds: float, now: float) -> None:
    """Makes everything look so old."""
    for key in cache.list(""):
        age(cache, key, seconds, now)


def damage(cache: FolderCache, key: str, content: bytes) -> None:
    """Puts other bytes under a key, as a failing disk does."""
    path = cache.get(key)
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(0o444)
