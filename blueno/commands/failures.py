"""`blueno failures`: what went wrong in a sweep, grouped by cause, and what to do about each."""

from __future__ import annotations

import sqlite3
from textwrap import indent
from typing import Any

import click

from ..canonical import short
from ..settings import Settings
from ..store import live, read
from ..store.ledger import ledger
from . import complete, need_store, options, print_json

ADVICE = {
    "user_code": "mend the code, then sweep again: trials of changed code are new ones",
    "data": "mend the spec's `data` or `preprocess`, or the data, then sweep again",
    "model": "mend the spec's `model` or `train`, then sweep again",
    "out_of_memory": "take a smaller batch, or fewer workers (--per-device 1); sweeping again queues them again",
    "disk_full": "free some space, then sweep again",
    "timeout": "raise resources.time in the spec or find out what hangs, then retry",
    "lost": "their processes died: look for what ended them; sweeping again queues them again",
    "missing_library": "install what the message names, then sweep again",
    "unreachable": "look at the network and the bucket, then sweep again",
    "bug": "report it, with the traceback",
    "diverged": "take a smaller learning rate, or scale the data; diverged trials count as done",
}
SHOWN = 5  # trials of a group


def failures(db: sqlite3.Connection, sweep: read.Sweep) -> dict[str, Any]:
    """The document of `failures --json`: groups of failures that are alike, largest first, then what diverged."""
    counts = ledger(db, sweep.number)
    groups = [_group(group) for group in read.failures(db, sweep.number)]
    gone = live.diverged(db, sweep.number)
    return {
        "sweep": sweep.id,
        "name": sweep.name,
        "planned": counts.planned,
        "failed": sum(group["count"] for group in groups),
        "diverged": len(gone),
        "paused": sweep.paused,
        "groups": groups + ([_diverged(gone)] if gone else []),
    }


def _group(found: dict[str, Any]) -> dict[str, Any]:
    error = found["error"]
    return {
        "class": found["class"],
        "type": error["type"],
        "message": error["message"],
        "fix": error.get("fix") or ADVICE.get(found["class"], ""),
        "count": found["count"],
        "trials": found["trials"],
        "traceback": error["traceback"],
    }


def _diverged(gone: list[dict[str, Any]]) -> dict[str, Any]:
    """Diverged trials as one group; `epochs` says for each when it happened, counted from 1."""
    epochs = {found["trial"]: first_null(found["history"], found["epochs"]) for found in gone}
    names = sorted({name for found in gone for name in found["nonfinite"]})
    known = [epoch for epoch in epochs.values() if epoch is not None]
    when = f", from epoch {min(known)} to {max(known)}" if known else ""
    return {
        "class": "diverged",
        "type": "Diverged",
        "message": f"not finite: {', '.join(names) or 'the loss or a prediction'}{when}",
        "fix": ADVICE["diverged"],
        "count": len(gone),
        "trials": list(epochs),
        "epochs": epochs,
        "traceback": "",
    }


def first_null(history: dict[str, list[float | None]], epochs: list[int]) -> int | None:
    """The first of the epochs at which some metric was not finite; None when the history does not say."""
    return min((epochs[values.index(None)] for values in history.values() if None in values), default=None)


def failures_text(document: dict[str, Any]) -> str:
    """The groups for people."""
    name = document["name"]
    if not document["groups"]:
        return f"{name}: nothing failed or diverged"
    head = f"{name}: {document['failed']} of {document['planned']} trials failed, {document['diverged']} diverged"
    paused = [f"paused: {document['paused']}"] if document["paused"] else []
    return "\n\n".join(["\n".join([head, *paused]), *(_group_text(group, name) for group in document["groups"])])


def _group_text(group: dict[str, Any], sweep: str) -> str:
    ids = [short(id) for id in group["trials"]]
    more = f" and {len(ids) - SHOWN} more" if len(ids) > SHOWN else ""
    lines = [f"{group['count']} × {group['class']}: {_headline(group)}"]
    if group["traceback"].strip():
        lines.append(indent(group["traceback"].strip(), "    "))
    return "\n".join(
        [
            *lines,
            f"  trials: {', '.join(ids[:SHOWN])}{more}",
            f"  fix:    {group['fix']}",
            f"  log:    blueno logs {ids[0]}",
            f"  retry:  blueno retry {sweep} --cause {group['class']}",
        ]
    )


def _headline(group: dict[str, Any]) -> str:
    first = (group["message"].strip().splitlines() or [""])[0]
    return first if group["class"] == "diverged" else f"{group['type']}: {first}"


@click.command("failures")
@click.argument("sweep", required=False, shell_complete=complete.sweeps)
@options
def command(settings: Settings, as_json: bool, sweep: str | None) -> int:
    """What failed or diverged in SWEEP (a name, the beginning of an id, or nothing for the latest), by cause."""
    db = need_store(settings.root)
    document = failures(db, read.find_sweep(db, sweep))
    if as_json:
        print_json(document)
    else:
        click.echo(failures_text(document))
    return 0
