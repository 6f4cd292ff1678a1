"""`blueno show`: everything about one trial."""

from __future__ import annotations

import sqlite3
from itertools import zip_longest
from pathlib import Path
from textwrap import indent
from typing import Any

import click

from ..canonical import short
from ..clock import words
from ..origins import origin_text, origins_of
from ..planning.describe import resolved
from ..plots import plots_of, plots_text
from ..recipes import leaf
from ..settings import Settings
from ..store import live, prunings, read, trace
from ..summaries import described
from ..tables import flat
from . import complete, need_store, options, print_json, table

LAST_EPOCHS = 5
NOTHING: dict[str, Any] = {
    "engine": None, "epoch": None, "metrics": {}, "nonfinite": [], "history": {}, "epochs": [], "artefacts": {},
    "environment": {}, "error": None, "notes": [], "let_go": {}, "started": None, "ended": None, "duration_s": None,
    "peak_memory_bytes": None,
}  # fmt: skip


def show(db: sqlite3.Connection, root: Path, trial: str) -> dict[str, Any]:
    """The document of `show --json` for a trial's full id. What its newest attempt has not left is null or empty."""
    row = read.trial(db, trial)
    left = row["result"] or NOTHING
    data = trace.dataset(db, row["dataset"])
    pruned = prunings.of_trial(db, trial)
    return {
        "id": trial,
        "config_id": row["config"],
        "dataset_id": row["dataset"],
        "state": "pruned" if pruned and row["state"] == "idle" else row["state"],
        "params": read.params_of(db, row["config"]),
        "resolved": resolved(row["recipe"], data and data["recipe"]),
        "data": data and data["summary"],
        "seed": row["seed"],
        "fold": row["fold"],
        "attempts": row["starts"],
        "progress": _progress(db, trial),
        "sweeps": [_sweep(sweep) for sweep in trace.sweeps_of(db, "trial", trial)],
        "origins": origins_of(db, row["config"]),
        "pruned": pruned,
        **{key: left[key] for key in NOTHING},
        "engine": left["engine"] or None,
        "artefacts": {name: str(root / "models" / told["key"]) for name, told in left["artefacts"].items()},
    }


def _progress(db: sqlite3.Connection, trial: str) -> dict[str, Any] | None:
    """Where a trial that runs is now."""
    found = next((worker for worker in live.workers(db) if worker["trial"] == trial), None)
    return {key: found[key] for key in ("slot", "epoch", "epochs", "metrics")} if found else None


def _sweep(found: dict[str, Any]) -> dict[str, Any]:
    return {key: found[key] for key in ("id", "name", "revision", "verdict")}


def show_text(document: dict[str, Any]) -> str:
    """The document for people: what it is, what it measured, its last epochs, what went wrong, where its files are."""
    parts = [
        _head(document),
        _pairs("parameters", {path: leaf(value) for path, value in flat(document["params"]).items()}),
        _pairs("data", described(document["data"])),
        _pairs("metrics", {name: _number(value) for name, value in document["metrics"].items()}),
        _epochs(document["history"], document["epochs"]),
        _error(document["error"]),
        _pairs("files", document["artefacts"]),
        _pairs(_whose(document["engine"]), {name: _fact(value) for name, value in document["environment"].items()}),
    ]
    return "\n\n".join(part for part in parts if part)


def _whose(engine: str | None) -> str:
    """A program has an environment of its own, which nobody but the program knows."""
    return "environment of the worker (not of the program)" if engine == "command" else "environment"


def _head(document: dict[str, Any]) -> str:
    names = ", ".join(f"{sweep['name']} #{sweep['revision']}" for sweep in document["sweeps"])
    replicate = [f"{name} {document[name]}" for name in ("seed", "fold") if document[name] is not None]
    data = [f"dataset {short(document['dataset_id'])}"] if document["dataset_id"] else []
    lines = [
        f"trial {short(document['id'])} of {names or 'no sweep'}: {document['state']}",
        "  " + ", ".join([f"config {short(document['config_id'])}", *replicate, *data]),
    ]
    if document["ended"]:
        epoch = f", epoch {document['epoch']} counts" if document["epoch"] else ""
        engine = f" by {document['engine']}" if document["engine"] else ""
        lines.append(f"  ended {document['ended']} after {words(document['duration_s'])}{engine}{epoch}")
    lines += [f"  {origin_text(found)}" for found in document["origins"]]
    lines += [f"  pruned in {found['sweep']} at epoch {found['epoch']}: {found['why']}" for found in document["pruned"]]
    lines += [f"  its {name} were let go: {why}" for name, why in document["let_go"].items()]
    lines += [f"  {note}" for note in document["notes"]]
    if document["progress"]:
        lines.append(f"  at epoch {document['progress']['epoch'] or 0} on {document['progress']['slot']}")
    return "\n".join(lines)


def _pairs(title: str, values: dict[str, str]) -> str:
    width = max(map(len, values), default=0)
    return "\n".join([title, *(f"  {name.ljust(width)}  {value}" for name, value in values.items())]) if values else ""


def _epochs(history: dict[str, list[float | None]], epochs: list[int]) -> str:
    """The last epochs as a table, a column a metric."""
    if not history:
        return ""
    columns = zip_longest(*history.values())
    rows = [[str(epoch), *map(_number, values)] for epoch, values in zip(epochs, columns, strict=True)]
    return table(["epoch", *history], rows[-LAST_EPOCHS:], set(range(len(history) + 1)))


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"


def _fact(value: Any) -> str:
    return ", ".join(f"{name} {inner}" for name, inner in value.items()) if isinstance(value, dict) else leaf(value)


def _error(error: dict[str, Any] | None) -> str:
    if error is None:
        return ""
    lines = [f"error ({error['class']})", f"  {error['type']}: {error['message']}"]
    if error.get("fix"):
        lines.append(f"  fix: {error['fix']}")
    return "\n".join([*lines, indent(error["traceback"].strip(), "    ")]).rstrip()


@click.command("show")
@click.argument("trial", shell_complete=complete.trials)
@click.option("--plots", type=click.Path(path_type=Path), metavar="DIR", help="Draw pictures of it into this folder.")
@options
def command(settings: Settings, as_json: bool, trial: str, plots: Path | None) -> int:
    """Everything about TRIAL, named by the beginning of its id."""
    db = need_store(settings.root)
    document = show(db, settings.root, read.find_trial(db, trial))
    drawn = [] if plots is None else [plots_of(db, settings.root, document["id"], plots)]
    if as_json:
        print_json({**document, **({"plots": drawn} if drawn else {})})
    else:
        click.echo("\n\n".join(filter(None, [show_text(document), plots_text(drawn)])))
    return 0
