"""`blueno verify`: whether the ledger adds up, and whether every file is what was recorded."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from ..cache.folder import FolderCache
from ..cache.opening import local_cache
from ..canonical import digest_file, short
from ..counting import counted
from ..settings import Settings
from ..store import check, read
from ..store.database import reading
from ..store.ledger import Ledger, ledger
from . import complete, need_store, options, print_json
from .status import documents

T = TypeVar("T")


def verify(
    db: sqlite3.Connection, root: Path, sweep: read.Sweep | None, quiet: bool = True, repair: bool = False
) -> dict[str, Any]:
    """The document of `verify --json` for one sweep or all: `ok`, `sweeps`, `artefacts_checked`, `problems`.

    Reads every byte of models and cached datasets; says how far it is on standard error unless `quiet`. With `repair`,
    damaged files of cached datasets are deleted, since what is missing is built again.
    """
    broken = check.damage(db)
    if broken:
        return {"ok": False, "sweeps": [], "artefacts_checked": 0, "datasets_checked": 0, "problems": broken}
    number = sweep.number if sweep else None
    with reading(db):
        found = [(one, ledger(db, one.number)) for one in ([sweep] if sweep else read.sweeps(db))]
        problems = [*check.dangling(db), *_sums(found), *check.without_result(db, number), *check.wrong_ids(db, number)]
        artefacts = list(check.artefacts(db, number))
        datasets = check.built_datasets(db, number)
    models, cache = FolderCache(root / "models"), local_cache(root)
    cached = [id for id in datasets if cache.stat(f"datasets/{id}.json") is not None]
    with _progress(artefacts, "models", quiet) as counted:
        problems += [problem for artefact in counted if (problem := artefact_problem(artefact, models))]
    with _progress(cached, "datasets", quiet) as counted_ids:
        problems += [problem for id in counted_ids for problem in dataset_problems(id, cache, repair)]
    return {
        "ok": not problems,
        "sweeps": documents(found),
        "artefacts_checked": len(artefacts),
        "datasets_checked": len(cached),
        "problems": problems,
    }


def _sums(found: list[tuple[read.Sweep, Ledger]]) -> Iterator[str]:
    for sweep, counts in found:
        if not counts.adds_up:
            parts = " + ".join(f"{count} {state}" for state, count in counts.counts().items() if count)
            yield f"the ledger of {sweep.name} ({short(sweep.id)}) does not add up: {counts.planned} is not {parts}"


def artefact_problem(artefact: check.Artefact, models: FolderCache) -> str:
    """What is wrong with a file in models/; '' when it is as recorded."""
    what = f"{artefact.name} of trial {short(artefact.trial)} (models/{artefact.key})"
    size = models.stat(artefact.key)
    if size is None:
        return f"{what} is missing"
    if size != artefact.bytes:
        return f"{what} has {size} bytes, not {artefact.bytes}"
    return "" if digest_file(models.get(artefact.key)) == artefact.sha256 else f"{what} has another SHA-256"


def dataset_problems(id: str, cache: FolderCache, repair: bool = False) -> list[str]:
    """What is wrong with a cached dataset, and how it is mended: what is deleted is built again."""
    from ..etl.dataset import check_dataset

    problems = check_dataset(id, cache)
    if repair and problems:
        for key in (f"datasets/{id}.json", *(problem.partition(": ")[0] for problem in problems)):
            cache.delete(key)
    mend = "deleted" if repair else "`blueno verify --repair` deletes it"
    return [f"dataset {short(id)}: {problem}; {mend}, and the next sweep builds it again" for problem in problems]


@contextmanager
def _progress(items: list[T], label: str, quiet: bool) -> Iterator[Iterable[T]]:
    if quiet or not items or not sys.stderr.isatty():
        yield items
        return
    with click.progressbar(items, label=label, file=sys.stderr) as bar:
        yield bar


def verify_text(document: dict[str, Any]) -> str:
    """What was checked, and every problem."""
    datasets = counted(document["datasets_checked"], "cached dataset")
    checked = f"{counted(document['artefacts_checked'], 'file')} of models, {datasets}"
    if document["ok"]:
        return f"all is well: {len(document['sweeps'])} sweeps add up, {checked} are as recorded"
    return "\n".join(
        [
            f"{counted(len(document['problems']), 'problem')} (checked {checked}):",
            *map("  ".__add__, document["problems"]),
        ]
    )


@click.command("verify")
@click.argument("sweep", required=False, shell_complete=complete.sweeps)
@click.option(
    "--repair", is_flag=True, help="Delete damaged files of cached datasets: the next sweep builds them again."
)
@options
def command(settings: Settings, as_json: bool, sweep: str | None, repair: bool) -> int:
    """Check the ledger and every checksum, of SWEEP or of everything. Exit code 1 when something is wrong."""
    db = need_store(settings.root)
    document = verify(db, settings.root, read.find_sweep(db, sweep) if sweep else None, quiet=False, repair=repair)
    if as_json:
        print_json(document)
    else:
        click.echo(verify_text(document))
    return 0 if document["ok"] else 1
