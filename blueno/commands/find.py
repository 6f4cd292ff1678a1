"""`blueno find`: a query over the trials of all sweeps."""

from __future__ import annotations

import math
import shlex
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any

import click

from ..canonical import short
from ..clock import iso, words
from ..counting import counted
from ..narrow import Table, narrowed, terminal_width
from ..query import Node, parse
from ..query.ask import Record, asks, check_names, finder, metric_values, spellings
from ..query.parse import field_of
from ..query.tree import Field, comparisons
from ..query.words import in_query
from ..settings import Settings
from ..spec.metrics import direction_of, read_name
from ..store import find as finding
from ..store import foreign
from ..tables import cell, differing, labels, significant
from . import need_store, options, print_json, table

SHOWN = 50  # rows of the table, if not said
TIMES = ("started", "finished")


def find(db: sqlite3.Connection, query: str, sort: str | None = None) -> list[Record]:
    """The trials that a query asks for, in the order of `sort`, else newest first. No query asks for all.

    Raises QueryError, also for names that no trial has.
    """
    shared = finding.Shared(db)
    node = parse(query) if query.strip() else None
    wanted = asks(node) if node else None
    everything: Iterator[Record] = chain(finding.records(db, shared), _foreign(db, shared))
    found: list[Record] = [record for record in everything if wanted is None or wanted(record)]
    for text, names in ((query, node), (sort_key(sort), sort and _exists(sort))):
        if names and not _are_known(names, shared):
            finding.names_there_are(db, shared)
            check_names(text, names, shared.names, shared.paths)
    return sorted_by(found, sort) if sort else found


def _foreign(db: sqlite3.Connection, shared: finding.Shared) -> Iterator[Record]:
    """What was imported, after our own."""
    for record in foreign.records(db):
        shared.names.update(record.metrics())
        shared.paths.update(record.params())
        yield record


def find_elsewhere(settings: Settings, query: str, sort: str | None = None) -> list[Record]:
    """The same of what stands in Elasticsearch, by everybody who sends there. Raises BluenoError if it cannot."""
    from ..elastic.found import find as find_there
    from .elastic.places import place, reached

    target, node = place(settings), parse(query) if query.strip() else None
    with reached(target) as client:
        found: list[Record] = [*find_there(client, target.prefix, query, node, _exists(sort) if sort else None)]
    return sorted_by(found, sort) if sort else found


def sort_key(sort: str | None) -> str:
    """The name in what --sort says."""
    return (sort or "").removeprefix("-")


def _exists(sort: str) -> Node:
    return parse(f"'{sort_key(sort)}' exists")


def _are_known(node: Node, shared: finding.Shared) -> bool:
    """Whether the metrics and parameters of a query were met on the way; if not, all trials are looked through."""
    paths = {path.rpartition(".")[2] for path in shared.paths} | shared.paths
    known = {"hp": lambda name: name in paths, "metric": lambda name: bool(shared.names & set(spellings(name)))}
    return all(known.get(test.field.group, bool)(test.field.name) for test in comparisons(node))


def sorted_by(found: Iterable[Record], sort: str) -> list[Record]:
    """In the order of a field: metrics best first, anything else smallest first, turned round by a leading -. What
    has no value stands last, numbers stand before texts.
    """
    field = field_of(sort_key(sort))
    find_values, best = finder(field), _best(field)
    falls = sort.startswith("-") != best
    keyed = [(values[0], record) for record in found if (values := find_values(record))]
    numbers = [pair for pair in keyed if isinstance(pair[0], float)]
    texts = [pair for pair in keyed if isinstance(pair[0], str)]
    for pairs in (numbers, texts):
        pairs.sort(key=lambda pair: pair[0], reverse=falls)
    placed = [record for _, record in numbers + texts]
    there = set(map(id, placed))
    return placed + [record for record in found if id(record) not in there]


def _best(field: Field) -> bool:
    """Whether more is better, so that the largest stands first."""
    if field.group == "metric":
        return direction_of(read_name(field.name)) != "minimize"
    return field.name == "objective"


def find_document(query: str, found: list[Record]) -> dict[str, Any]:
    """The document of `find --json`."""
    return {"query": query, "count": len(found), "trials": [record_document(record) for record in found]}


def record_document(record: Record) -> dict[str, Any]:
    """All that queries know of a trial: each field, null or a list where it has none or several values."""
    one: Callable[[str], Any] = lambda name: next(iter(record.field(name)), None)  # noqa: E731
    whole: Callable[[str], Any] = lambda name: None if one(name) is None else int(one(name))  # noqa: E731
    return {
        "id": one("trial"), "config_id": one("config"), "dataset_id": one("dataset"), "state": one("state"),
        "origin": one("origin"), "owner": one("owner"), "host": one("host"), "sweeps": list(record.field("sweep")),
        "tags": list(record.field("tags")), "model": one("model"), "engine": one("engine"), "seed": whole("seed"),
        "fold": whole("fold"), "epoch": whole("epoch"),
        **{name: None if one(name) is None else iso(one(name)) for name in TIMES}, "duration_s": one("duration"),
        "objective": {"metric": one("metric"), "value": one("objective")}, "metrics": dict(record.metrics()),
        "nonfinite": list(record.field("nonfinite")), "params": dict(record.written()),
        "error": {"class": one("error"), "type": one("error.type"), "message": one("error.message")}
        if one("error") else None,
    }  # fmt: skip


def find_text(query: str, found: list[Record], top: int, width: int | None = None, sort: str | None = None) -> str:
    """The table for people: what tells the trials apart, the objective, and what the query and the order look at."""
    if not found:
        return "no trial is so"
    shown = found[:top]
    paths = differing([dict(record.params()) for record in shown])
    facts = [name for name in ("sweep", "state", "origin", "owner", "seed", "fold") if _differs(shown, name)]
    asked = _asked(query, sort)
    head = ["trial", *labels(paths), *facts, *(_called(field) for field in asked)]
    rows = [
        [short(str(record.field("trial")[0])), *(_param(record, path) for path in paths),
         *(_fact(record, name) for name in facts), *(_value(record, field) for field in asked)]
        for record in shown
    ]  # fmt: skip
    given = Table(head, rows, 0, range(1, 1 + len(paths)), range(1 + len(paths), 1 + len(paths) + len(facts)))
    fitted = narrowed(given, terminal_width() if width is None else width)
    more = f", the first {len(shown)} are shown (--top N, --json)" if len(shown) < len(found) else ""
    text = f"{counted(len(found), 'trial')}{more}\n" + table(fitted.head, fitted.rows)
    return text + (f"\nno place for {', '.join(fitted.left_out)}: use a wider terminal" if fitted.left_out else "")


def _asked(query: str, sort: str | None) -> list[Field]:
    """The numbers that are shown: metrics, times and durations that were asked about, else the objective."""
    nodes = [parse(query)] if query.strip() else []
    fields = [test.field for node in nodes for test in comparisons(node)]
    fields += [field_of(sort_key(sort))] if sort else []
    kinds = ("objective", "duration", "epoch", "error", "error.type", "host", "engine", *TIMES)
    chosen = {(field.group, field.name): field for field in fields if field.group == "metric" or field.name in kinds}
    if not any(field.group == "metric" or field.name == "objective" for field in chosen.values()):
        chosen["field", "objective"] = Field("field", "objective")
    return list(chosen.values())


def _called(field: Field) -> str:
    return read_name(field.name).full if field.group == "metric" and field.name != "objective" else field.name


def _differs(found: list[Record], name: str) -> bool:
    return len({tuple(record.field(name)) for record in found}) > 1


def _param(record: Record, path: str) -> str:
    value = record.params().get(path)
    return "-" if value is None else _short_number(value) if isinstance(value, float) else value


def _short_number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else cell(value)


def _fact(record: Record, name: str) -> str:
    values = record.field(name)
    return ", ".join(_short_number(value) if isinstance(value, float) else value for value in values) or "-"


def _value(record: Record, field: Field) -> str:
    values = finder(field)(record) if field.group == "field" else metric_values(record.metrics(), field.name)
    if not values:
        return "-"
    if field.name == "objective":
        return f"{next(iter(record.field('metric')), '')} {significant(float(values[0]), None)}"
    if isinstance(values[0], str):
        return values[0]
    if field.name in TIMES:
        return iso(values[0]).partition(".")[0] + "Z"
    if field.name == "duration":
        return words(values[0])
    return significant(values[0], None) if math.isfinite(values[0]) else "-"


@click.command("find")
@click.argument("query", nargs=-1, metavar="[QUERY]")
@click.option("--sort", metavar="[-]FIELD", help="Metrics best first, else smallest first; a leading - turns it round.")
@click.option("--elastic", "elsewhere", is_flag=True, help="Ask Elasticsearch: everybody's trials.")
@click.option("--top", type=click.IntRange(1), help=f"Only the first N (the table shows {SHOWN}, if not said).")
@options
def command(
    settings: Settings, as_json: bool, query: tuple[str, ...], sort: str | None, elsewhere: bool, top: int | None
) -> int:
    """The trials of all sweeps that QUERY asks for, newest first.

    \b
    blueno find 'val_auc > 0.9 and model = cnn and hp.dropout <= 0.2' --sort val_auc
    blueno find 'state in (failed, diverged) and finished > -12h'

    Without a query: all. docs/find.md tells of the fields and of what is compared with what.
    """
    if len(query) > 1:
        meant = " ".join(in_query(word) if " " in word else word for word in query)
        raise click.UsageError(f"QUERY is one argument, not {len(query)}: blueno find {shlex.quote(meant)}")
    text = "".join(query)
    found = find_elsewhere(settings, text, sort) if elsewhere else find(need_store(settings.root), text, sort)
    if as_json:
        print_json(find_document(text, found[:top]))
    else:
        click.echo(find_text(text, found, top or SHOWN, sort=sort))
    return 0
