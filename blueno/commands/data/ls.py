"""`blueno data ls`: every prepared dataset and node, here and in the shared cache."""

from __future__ import annotations

import time
from typing import Any

import click

from ...canonical import short
from ...clock import ago, iso, seconds
from ...counting import counted
from ...holdings.budget import last_use_s
from ...holdings.held import Held, alone_bytes, orphans, total_bytes
from ...holdings.published import in_words as trial_words
from ...holdings.published import published, trial_of
from ...holdings.published import totals as totals_of_trials
from ...holdings.view import View, ids_of, item_of, last_uses, recipe_of, state_of
from ...holdings.words import in_words
from ...settings import Settings
from ...tables import size
from .. import options, print_json, table
from .places import need_remote, store_of, view_of


def ls(view: View, trials: dict[str, int] | None = None) -> dict[str, Any]:
    """The document of `data ls --json`: `items`, last used first, and totals of `here`, `remote` and the files of
    `trials` there (None without).
    """
    used_s, alone = last_uses(view.uses), alone_bytes(view.here)
    return {
        "items": [row(view, id, used_s, alone) for id in ids_of(view)],
        "here": totals(view.here),
        "remote": None if view.there is None else totals(view.there),
        "trials": trials,
    }


def row(view: View, id: str, used_s: dict[str, float], alone: dict[str, int]) -> dict[str, Any]:
    """What is said of one dataset or node in a list."""
    item, use = item_of(view, id), view.uses.get(id)
    recipe = recipe_of(view, id)
    return {
        "id": id,
        "kind": "node" if "node" in recipe else "dataset",
        "words": in_words(recipe, view.files),
        "state": state_of(view, id),
        "here": id in view.here.items,
        "remote": None if view.there is None else id in view.there.items,
        "missing_parts": len(item.missing) if item else 0,
        "bytes": item.bytes if item else None,
        "bytes_alone": alone.get(id, 0),
        "used": iso(last_use_s(item, used_s)) if item else None,
        "trials": use.trials if use else 0,
        "waiting": use.waiting if use else 0,
        "needed": id in view.needed,
    }


def totals(held: Held) -> dict[str, int]:
    """Of one cache: how many datasets and nodes, and bytes, in which every part counts once."""
    kinds = [item.kind for item in held.items.values()]
    return {
        "datasets": kinds.count("dataset"),
        "nodes": kinds.count("node"),
        "bytes": total_bytes(held),
        "orphan_bytes": sum(entry.bytes for entry in orphans(held)),
    }


def ls_trials(held: Held) -> dict[str, Any]:
    """The document of `data ls --trials --json`: what trials left in the shared cache, the newest first."""
    items = sorted(held.items.values(), key=lambda item: -item.manifest.changed_s)
    return {
        "items": [
            {
                "id": trial_of(item.id), "kind": "trial", "words": trial_words(item), "bytes": item.bytes,
                "missing_parts": len(item.missing), "put": iso(item.manifest.changed_s),
                "state": (item.summary or {}).get("state"), "metrics": (item.summary or {}).get("metrics", {}),
            }
            for item in items
        ],
        "unreadable": [entry.key for entry in held.unreadable],
        "bytes": total_bytes(held),
        "orphan_bytes": sum(entry.bytes for entry in orphans(held)),
    }  # fmt: skip


def ls_trials_text(document: dict[str, Any], now: float) -> str:
    """The document for people."""
    rows = [
        [
            short(each["id"]), size(each["bytes"]), ago(now - seconds(each["put"])),
            f"{each['state']}, {each['missing_parts']} files are gone" if each["missing_parts"] else str(each["state"]),
            each["words"],
        ]
        for each in document["items"]
    ]  # fmt: skip
    lines = [
        table(["trial", "size", "put", "state", "what"], rows, {1}) if rows else "no trial has left anything there"
    ]
    lines += [f"{key} cannot be read: `blueno data rm --trials` removes it" for key in document["unreadable"]]
    left = f", {size(document['orphan_bytes'])} of it in files that no trial names" if document["orphan_bytes"] else ""
    return "\n".join([*lines, "", f"shared cache: {size(document['bytes'])} (what they share counts once){left}"])


def ls_text(document: dict[str, Any], now: float) -> str:
    """The document for people."""
    lines = [table(["id", "kind", "size", "used", "trials", "state", "what"], rows, {2, 4})] if (
        rows := [_cells(each, now) for each in document["items"]]
    ) else ["nothing is prepared yet: the first sweep on data does it"]  # fmt: skip
    places = {"here": document["here"], "shared cache": document["remote"]}
    lines += ["", *(_total(name, found) for name, found in places.items() if found is not None)]
    if left := document["trials"]:
        lines.append(f"files of trials in the shared cache: {counted(left['trials'], 'trial')}, {size(left['bytes'])}")
    return "\n".join(lines)


def _cells(each: dict[str, Any], now: float) -> list[str]:
    state = each["state"]
    if state == "here" and each["remote"]:
        state = "here, remote"
    if each["waiting"]:
        state += f", {each['waiting']} trials wait for it"
    used = ago(now - seconds(each["used"])) if each["used"] else "-"
    held = "-" if each["bytes"] is None else size(each["bytes"])
    trials = "-" if each["kind"] == "node" else str(each["trials"])
    return [short(each["id"]), each["kind"], held, used, trials, state, each["words"]]


def _total(name: str, found: dict[str, int]) -> str:
    left = f", {size(found['orphan_bytes'])} of it in parts that nothing names" if found["orphan_bytes"] else ""
    what = f"{counted(found['datasets'], 'dataset')}, {counted(found['nodes'], 'node')}"
    return f"{name}: {what}, {size(found['bytes'])} (what they share counts once){left}"


@click.command("ls")
@click.option("--trials", is_flag=True, help="What trials left in the shared cache instead.")
@options
def command(settings: Settings, as_json: bool, trials: bool) -> int:
    """Every prepared dataset and shared node, the last used first, here and in the shared cache."""
    if trials:
        document, text = ls_trials(published(need_remote(settings))), ls_trials_text
    else:
        view = view_of(settings, store_of(settings))
        document, text = ls(view, None if view.there is None else totals_of_trials(need_remote(settings))), ls_text
    if as_json:
        print_json(document)
    else:
        click.echo(text(document, time.time()))
    return 0
