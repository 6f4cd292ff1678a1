"""`blueno why`: what an id is made of, why it ran or waits, and what changed since the nearest other one."""

from __future__ import annotations

import sqlite3
from typing import Any, NamedTuple

import click

from ..canonical import short
from ..recipes import Change, change_words, changes, config_leaves, dataset_leaves, leaf, trial_leaves
from ..settings import Settings
from ..store import read, trace
from ..store.submit import MACHINE_FAILURES
from . import complete, need_store, options, print_json

Leaves = dict[str, Any]


class Other(NamedTuple):
    """Something else of the same kind, to compare with."""

    id: str
    state: str | None  # of a trial or dataset
    leaves: Leaves
    same_replicate: bool


def why(db: sqlite3.Connection, kind: str, id: str) -> dict[str, Any]:
    """The document of `why --json`: `id`, `kind`, `state`, `why`, `made_of` (flat), `sweeps`, `events`, `nearest`.

    `kind` is trial, config or dataset. `nearest` is null when there is no other one.
    """
    own = leaves_of(db, kind, id)
    sweeps = trace.sweeps_of(db, kind, id)
    nearest = closest(own, *others(db, kind, id))
    return {
        "id": id,
        "kind": kind,
        **(_trial_reason(db, id, sweeps) if kind == "trial" else _shared_reason(db, kind, id)),
        "made_of": own,
        "sweeps": [{key: sweep[key] for key in ("id", "name", "revision", "submitted", "trials")} for sweep in sweeps],
        "events": trace.events_of(db, id) if kind == "trial" else [],
        "nearest": nearest and _nearest(nearest, own),
    }


# ---- what it is made of, and what is like it


def leaves_of(db: sqlite3.Connection, kind: str, id: str) -> Leaves:
    """The leaves of a recipe."""
    if kind == "dataset":
        row = trace.dataset(db, id)
        assert row is not None, "BUG: a dataset was found and is gone"
        return dataset_leaves(row["recipe"])
    one = trace.made(db, kind, id)
    return (trial_leaves if kind == "trial" else config_leaves)(one.recipe, one.dataset)


def others(db: sqlite3.Connection, kind: str, id: str) -> tuple[list[Other], list[Other]]:
    """What to compare with: of earlier revisions of the same sweep, and, only if there are none, of all sweeps."""
    if kind == "dataset":
        found = trace.other_datasets(db, id)
        return [], [Other(other, state, dataset_leaves(recipe), True) for other, state, recipe in found]
    one = trace.made(db, kind, id)
    earlier = [_other(found, one, kind) for found in trace.earlier_trials(db, one, kind)]
    return earlier, [] if earlier else [_other(found, one, kind) for found in trace.alike_trials(db, one, kind)]


def _other(found: trace.Made, one: trace.Made, kind: str) -> Other:
    if kind == "config":
        return Other(found.config, None, config_leaves(found.recipe, found.dataset), True)
    leaves = trial_leaves(found.recipe, found.dataset)
    return Other(found.id, found.state, leaves, trace.replicate(found) == trace.replicate(one))


def closest(own: Leaves, earlier: list[Other], alike: list[Other]) -> Other | None:
    """The one with the fewest leaves that differ; at a tie the same replicate, then the first."""
    return min(
        earlier or alike,
        key=lambda other: (len(changes(other.leaves, own)), not other.same_replicate),
        default=None,
    )


def _nearest(other: Other, own: Leaves) -> dict[str, Any]:
    found = changes(other.leaves, own)
    return {"id": other.id, "state": other.state, "changes": [change._asdict() for change in found]}


# ---- why it ran or waits


def _trial_reason(db: sqlite3.Connection, id: str, sweeps: list[dict[str, Any]]) -> dict[str, Any]:
    row = read.trial(db, id)
    reason = REASONS[row["state"]](row, trace.events_of(db, id))
    names = ", ".join(f"{sweep['name']} #{sweep['revision']}" for sweep in sweeps)
    shared = f"; {len(sweeps)} sweeps share it: {names}" if len(sweeps) > 1 else ""
    return {"state": row["state"], "why": reason + shared}


def _queued(row: dict[str, Any], events: list[dict[str, Any]]) -> str:
    last = next((event for event in reversed(events) if event["after"] == "queued"), None)
    if last is None or (last["before"] == "idle" and row["attempt"] == 0):
        return "new: no result goes by this id, so it waits to be trained"
    because = {"idle": "it was taken back before", "running": f"it was interrupted ({last['detail']})"}
    return f"queued again: {because.get(last['before'], 'it ' + last['before'] + ' and was retried')}"


def _running(row: dict[str, Any], events: list[dict[str, Any]]) -> str:
    return f"it is being trained by worker {row['worker']}, attempt {row['attempt']}"


def _done(row: dict[str, Any], events: list[dict[str, Any]]) -> str:
    result = row["result"]
    when = f" at {result['ended']}" if result else ""
    return f"it ended{when} (attempt {row['attempt']}); sweeps that want it take this result"


def _failed(row: dict[str, Any], events: list[dict[str, Any]]) -> str:
    kind = row["result"]["error_class"] if row["result"] else "unknown"
    again = "the next `blueno sweep`" if kind in MACHINE_FAILURES else "`blueno retry`"
    return f"it failed ({kind}) and waits for {again}"


def _idle(row: dict[str, Any], events: list[dict[str, Any]]) -> str:
    return "it was taken back; submitting the sweep again queues it" if events else "nobody has asked to train it"


REASONS = {
    "queued": _queued, "running": _running, "succeeded": _done, "diverged": _done, "failed": _failed, "idle": _idle,
}  # fmt: skip


def _shared_reason(db: sqlite3.Connection, kind: str, id: str) -> dict[str, Any]:
    """Why a config or a dataset is there: for its trials."""
    states = trace.states_of(db, kind, id)
    trials = ", ".join(f"{count} {state}" for state, count in states.items()) or "none"
    row = trace.dataset(db, id) if kind == "dataset" else None
    return {"state": row and row["state"], "why": f"its trials: {trials}"}


# ---- for people


def why_text(document: dict[str, Any]) -> str:
    """The document for people: the parts that changed come last, next to the prompt."""
    state = f": {document['state']}" if document["state"] else ""
    width = max(map(len, document["made_of"]), default=0)
    first = document["sweeps"][:1]
    asked = [f"  first asked for by {sweep['name']} #{sweep['revision']}, {sweep['submitted']}" for sweep in first]
    lines = [
        f"{document['kind']} {short(document['id'])}{state}",
        f"  {document['why']}",
        *asked,
        "made of",
        *(
            f"  {path.ljust(width)}  {leaf(document['made_of'][path])}"
            for path in sorted(document["made_of"], key=_place)
        ),
    ]
    return "\n".join(lines + _nearest_lines(document))


def _place(path: str) -> tuple[bool, str]:
    """Code and content come after what a person wrote."""
    return path.startswith(("code.", "content.")), path


def _nearest_lines(document: dict[str, Any]) -> list[str]:
    nearest = document["nearest"]
    if nearest is None:
        return [f"there is no other {document['kind']} to compare with"]
    state = f" ({nearest['state']})" if nearest["state"] else ""
    head = f"changed since the nearest other {document['kind']}, {short(nearest['id'])}{state}"
    return [head, *("  " + change_words(Change(**change)) for change in nearest["changes"])]


@click.command("why")
@click.argument("id", shell_complete=complete.trials)
@options
def command(settings: Settings, as_json: bool, id: str) -> int:
    """What ID is made of: a trial, config or dataset, named by its beginning. Why it ran, or will run.

    The nearest other one is looked for in earlier revisions of the same sweep, then among models of the same name.
    """
    db = need_store(settings.root)
    document = why(db, *trace.find_recipe(db, id))
    if as_json:
        print_json(document)
    else:
        click.echo(why_text(document))
    return 0
