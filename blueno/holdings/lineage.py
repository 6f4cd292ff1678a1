"""Where a dataset or node comes from, and what was made of it: source, steps, split, nodes, datasets, trials."""

from __future__ import annotations

import sqlite3
from collections import Counter
from typing import Any

from ..canonical import digest
from ..clock import iso
from ..etl.lineage import nodes_of
from ..store import trace
from .budget import last_use_s
from .held import NOTHING, Item, alone_bytes
from .view import View, item_of, last_uses, recipe_of, state_of
from .words import in_words, source_words, split_words, step_words


def document_of(view: View, db: sqlite3.Connection | None, id: str) -> dict[str, Any]:
    """The document of `data show --json`, without the preview."""
    recipe, item = recipe_of(view, id), item_of(view, id)
    is_node = "node" in recipe
    use = view.uses.get(id)
    return {
        "id": id,
        "kind": "node" if is_node else "dataset",
        "words": in_words(recipe, view.files),
        "state": state_of(view, id),
        "here": id in view.here.items,
        "remote": None if view.there is None else id in view.there.items,
        "source": source_words(recipe, view.files),
        "steps": [step_words(step, view.files) for step in recipe["steps"]],
        "split": None if is_node else split_words(recipe),
        "nodes": _nodes(view, id, recipe),
        "datasets": _datasets(view, id) if is_node else [],
        "sweeps": _sweeps(db, id),
        "trials": {} if db is None or is_node else trace.states_of(db, "dataset", id),
        "waiting": use.waiting if use else 0,
        "used": iso(last_use_s(item, last_uses(view.uses))) if item else None,
        **_sizes(view, item),
        "summary": item.summary if item else None,
        "recipe": recipe,
    }


def _nodes(view: View, id: str, recipe: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes it was made from that there are, the source first."""
    if "node" in recipe:
        before = [{**recipe, "steps": recipe["steps"][:count]} for count in range(len(recipe["steps"]))]
        ids = [digest(each) for each in before]
    else:
        ids = nodes_of(recipe)
    return [_named(view, each) for each in ids if item_of(view, each) is not None and each != id]


def _datasets(view: View, node: str) -> list[dict[str, Any]]:
    """The datasets that were made from a node."""
    recipes = {item.id: item.recipe for held in (view.there or NOTHING, view.here) for item in held.items.values()}
    recipes = {id: recipe for id, recipe in recipes.items() if "node" not in recipe} | view.recipes
    return [_named(view, id) for id, recipe in recipes.items() if node in nodes_of(recipe)]


def _named(view: View, id: str) -> dict[str, Any]:
    return {"id": id, "words": in_words(recipe_of(view, id), view.files), "state": state_of(view, id)}


def _sweeps(db: sqlite3.Connection | None, id: str) -> list[dict[str, Any]]:
    """The sweeps whose trials are on a dataset; of a node there are none, it is never trained on."""
    found = trace.sweeps_of(db, "dataset", id) if db is not None else []
    return [{key: sweep[key] for key in ("id", "name", "revision", "submitted", "trials")} for sweep in found]


def _sizes(view: View, item: Item | None) -> dict[str, Any]:
    """Bytes in all, those that nothing else shares, and each part."""
    if item is None:
        return {"bytes": None, "bytes_alone": 0, "parts": [], "missing_parts": []}
    held = view.here if item.id in view.here.items else view.there or NOTHING
    users = Counter(key for other in held.items.values() for key in other.parts)
    parts = [{"key": key, "bytes": size, "shared_by": users[key] - 1} for key, size in item.parts.items()]
    return {
        "bytes": item.bytes,
        "bytes_alone": alone_bytes(held)[item.id],
        "parts": sorted(parts, key=lambda part: -part["bytes"]),
        "missing_parts": item.missing,
    }
