"""`blueno plan`: what would run, and what is there already. Only the memory of fingerprints is ever written."""

from __future__ import annotations

import os
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, TextIO

import click

from ..cache.opening import local_cache
from ..canonical import short
from ..counting import counted
from ..devices.nvidia import find_gpus
from ..engine import engine_here
from ..narrow import folded, terminal_width
from ..planning import Plan, compile_spec
from ..planning.describe import Known, plan_json, plan_text
from ..planning.families import Share, share_out
from ..planning.searching import sampled
from ..search.matching import picks_of
from ..settings import Settings, load_settings
from ..spec import load
from ..store import read, searches
from ..store.database import open_store, store_exists
from ..store.submit import MACHINE_FAILURES
from ..store.transitions import DONE
from ..tables import cell, differing, flat, labels, size
from . import options, table

LARGE_BYTES = 200 * 10**6  # a smaller file is read before anybody wonders
EVERY_S = 1.0
DRAWN = 256  # configs of a search, at most, by which its trials are shared out to the engines


class Standing(NamedTuple):
    """What is there of a plan already, and classes of errors of its trials that failed."""

    known: Known
    failures: Counter[str]
    engines: Share  # of the trials that would run
    earlier: int | None = None  # configs of other sweeps that a search with a warm start knows


def compiled(spec: Path, overrides: Sequence[str], root: Path) -> Plan:
    """The plan of a spec file. Says on standard error when it reads large files. Raises SpecErrors."""
    return compile_spec(load(spec, overrides, root), root, reading(sys.stderr))


def reading(stream: TextIO, clock: Callable[[], float] = time.monotonic) -> Callable[[Path, int, int], None]:
    """Shows how far a large file has been read, at most once a second."""
    last = {"at": clock()}

    def progress(file: Path, done: int, whole: int) -> None:
        if whole >= LARGE_BYTES and clock() - last["at"] >= EVERY_S:
            last["at"] = clock()
            stream.write(f"reading {file.name}: {size(done)} of {size(whole)} (once, then it is remembered)\n")

    return progress


def standing(plan: Plan, root: Path) -> Standing:
    """What cache and store have of a plan; neither is made if it is not there."""
    cache = local_cache(root)
    cached = {each.id for each in plan.datasets if cache.stat(f"datasets/{each.id}.json") is not None}
    if not store_exists(root):
        return Standing(Known(cached), Counter(), _share(plan, root, {}))
    with closing(open_store(root, time.time(), read_only=True)) as db:
        states = read.trial_states(db, [trial.id for trial in plan.trials])
        failed = [id for id, state in states.items() if state == "failed"]
        failures = Counter(read.failure_classes(db, failed))
        return Standing(Known(cached, states), failures, _share(plan, root, states), _earlier(db, plan))


def _earlier(db: sqlite3.Connection, plan: Plan) -> int | None:
    """How many configs that are done lie in the space of a search that asks for them."""
    if plan.search is None or not plan.search["warm_start"]:
        return None
    space = plan.search["space"]
    return sum(picks_of(space, config, params) is not None for config, params in searches.others(db, 2**62))


def _finds_gpus() -> bool:
    return bool(find_gpus(os.environ, lambda _: None))


def _share(plan: Plan, root: Path, states: Mapping[str, str]) -> Share:
    choice = engine_here(load_settings(root), plan.resources, finds_gpus=_finds_gpus)
    if plan.search is not None:
        some = sampled(plan, min(plan.search["configs"], DRAWN))
        return share_out(some.trials, choice.engine, choice.why_not)._replace(drawn=len(some.configs))
    to_run = [trial for trial in plan.trials if states.get(trial.id) not in DONE]
    return share_out(to_run, choice.engine, choice.why_not, plan.trials)


def reasons(found: Standing) -> list[str]:
    """Why trials that are known but not done are not, and what becomes of them."""
    states = Counter(found.known.trials.values())
    own = {kind: count for kind, count in found.failures.items() if kind not in MACHINE_FAILURES}
    waiting = states["queued"] + states["running"]
    said = [
        (waiting, "queued or running, for a sweep that is not finished"),
        (states["idle"], "taken back by `blueno stop`: the next `blueno sweep` runs them"),
        (
            found.failures.total() - sum(own.values()),
            "failed by the machine's fault: the next `blueno sweep` runs them",
        ),
        (sum(own.values()), f"failed ({', '.join(sorted(own))}): wait for `blueno retry`"),
        (states["diverged"], "diverged, which counts as done: `blueno retry --cause diverged` runs them"),
    ]
    return [f"  {count} {reason}" for count, reason in said if count]


def trials_text(plan: Plan, states: Mapping[str, str]) -> str:
    """A line a trial: what its config has that others have not, its replicate, and its state."""
    flats = {config.id: flat(config.params) for config in plan.configs}
    paths = differing(list(flats.values()))
    rows = [
        [
            short(trial.id),
            *(cell(flats[trial.config_id].get(path, "-")) for path in paths),
            "-" if trial.seed is None else str(trial.seed),
            "-" if trial.fold is None else str(trial.fold),
            states.get(trial.id, "new"),
        ]
        for trial in plan.trials
    ]
    return table(["trial", *labels(paths), "seed", "fold", ""], rows)


def plan_report(plan: Plan, found: Standing, with_trials: bool, width: int | None = None) -> str:
    """What `blueno plan` prints for people, in `width` characters if that is said; the trials take what they need."""
    warm = [] if found.earlier is None else [f"warm start: {counted(found.earlier, 'config')} of earlier sweeps count"]
    parts = [plan_text(plan, found.known), *warm, *reasons(found), *filter(None, [found.engines.text()])]
    parts = [folded(part, width) for part in parts]
    if with_trials:
        parts += ["", trials_text(plan, found.known.trials)]
    return "\n".join(parts)


@click.command("plan")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("--trials", "with_trials", is_flag=True, help="List every trial, too.")
@click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Override a value: train.epochs=5")
@options
def command(settings: Settings, as_json: bool, spec: Path, with_trials: bool, overrides: tuple[str, ...]) -> int:
    """Say what SPEC would run, and what is there already. Runs nothing, and records nothing."""
    plan = compiled(spec, overrides, settings.root)
    found = standing(plan, settings.root)
    if not as_json:
        click.echo(plan_report(plan, found, with_trials, terminal_width()))
        return 0
    for piece in plan_json(plan, found.known, with_trials, found.engines):
        click.echo(piece, nl=False)
    click.echo()
    return 0
