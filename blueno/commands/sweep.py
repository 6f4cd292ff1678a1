"""`blueno sweep`: compile, submit, run (or follow) until done. Running it again goes on where it stopped."""

from __future__ import annotations

import json
import shlex
import sqlite3
import sys
import time
from collections.abc import Collection
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from ..cache.opening import local_cache
from ..cache.outbox import outbox_of
from ..canonical import short
from ..counting import counted
from ..engine import engine_here
from ..errors import BluenoError
from ..fronts import front_of
from ..holdings.wants import announce_later
from ..libraries import check_installed
from ..loop import check_devices, detach, run_until
from ..planning import Plan
from ..planning.describe import about_plan
from ..planning.snapshot import write_snapshot
from ..progress import Shower, finish_line, say
from ..publishing import Publishing
from ..revision import revision_of
from ..settings import Settings, load_settings
from ..store import ledger as ledgers
from ..store import read
from ..store.database import holder, scheduler_runs
from ..store.live import waiting_of_others
from ..store.submit import Submission, submit
from ..store.transitions import DONE
from ..worker.output import output_spared
from . import options, print_json, store_of_command
from .plan import compiled
from .results import results_text, table_of

NEEDED = {"gp": "torch", "cmaes": "cmaes"}  # what samplers of Optuna import when they are first asked


def submit_plan(db: sqlite3.Connection, plan: Plan, root: Path, only: Collection[str] | None = None) -> Submission:
    """Snapshots the user's code, and adds the plan to the store; of its trials `only` these are queued. Machines that
    share a cache hear of what it wants.
    """
    if plan.search is not None or plan.prune is not None:
        check_installed("optuna", "searches and pruning need Optuna, which is not installed")
    method = plan.search["method"] if plan.search is not None else ""
    if method in NEEDED:
        check_installed(NEEDED[method], f"search.method {method} needs {NEEDED[method]}, which is not installed")
    write_snapshot(plan.snapshot, local_cache(root))
    about = {**about_plan(plan), "git": revision_of(root)}
    submission = submit(db, plan, about, sys.executable, time.time(), only)
    settings = load_settings(root)
    trials = [trial.id for trial in plan.trials] if settings.publish != "none" else []
    if settings.cache and (plan.datasets or trials):
        recipes = [json.loads(dataset.recipe) for dataset in plan.datasets]
        announce_later(local_cache(root), outbox_of(root), read.meta(db)["store_id"], recipes, time.time(), trials)
    return submission


def sliced(plan: Plan, query: str | None) -> set[str] | None:
    """The trials that --only names; None for all. Raises QueryError, BluenoError."""
    if query is None:
        return None
    if plan.search is not None:
        message = "--only chooses among trials that are known beforehand, and a search does not know its own"
        raise BluenoError(message, "write search: {method: grid}, or narrow the axes with --set")
    from ..query.planned import slice_of

    return slice_of(plan, query)


def submission_text(plan: Plan, submission: Submission, only: Collection[str] | None = None) -> str:
    """What was submitted, in a line or two."""
    there = {state: count for state, count in submission.trials.items() if state in DONE}
    known = ", ".join(f"{count} {state}" for state, count in there.items())
    name = submission.name if submission.revision == 1 else f"{submission.name} (revision {submission.revision})"
    lines = [
        f"{name}: {counted(plan.num_configs, 'config')}, {counted(plan.num_trials, 'trial')}, "
        f"{submission.waiting} to run"
    ]
    if only is not None:
        lines.append(
            f"only {counted(len(only), 'trial')}; a sweep without --only runs the other {len(plan.trials) - len(only)}"
        )
    if known:
        lines.append(f"already there: {known}")
    if submission.measuring:
        lines.append(f"metrics of {submission.measuring} that are done are measured from their predictions")
    for name, count in submission.missing.items():
        lines.append(f"{name} of {count} were not kept: `blueno debug TRIAL --save DIR` makes them again, one by one")
    return "\n".join(lines)


def exit_code(counts: ledgers.Ledger) -> int:
    return 4 if counts.failed or counts.diverged else 0


@click.command("sweep")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("--detach", "detached", is_flag=True, help="Go on in the background after this terminal is gone.")
@click.option("--executor", type=click.Choice(["inline", "local"]), help="Where workers live.")
@click.option("--engine", type=click.Choice(["auto", "fit", "fused"]), help="What trains networks.")
@click.option("--devices", help="`cpu`, or GPUs by number or UUID: 0,2")
@click.option("--per-device", type=click.IntRange(1), help="Workers on each device.")
@click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Override a value: train.epochs=5")
@click.option("--only", metavar="QUERY", help="Only a slice, as `find` asks for it; the rest waits for another sweep.")
@click.option("--dry-run", is_flag=True, hidden=True)
@options
def command(
    settings: Settings,
    as_json: bool,
    spec: Path,
    detached: bool,
    overrides: tuple[str, ...],
    only: str | None,
    dry_run: bool,
    **flags: Any,
) -> int:
    """Run SPEC: every trial that has no result yet.

    Ctrl-C once keeps what ends within a few seconds and leaves the rest queued; the same command goes on.
    --only 'hp.dropout <= 0.2 and seed = 0' runs a slice first: the rest is as if it had been stopped, until a sweep
    without --only.
    """
    if dry_run:
        raise click.UsageError(f"to see what would run, write `blueno plan {spec}`")
    settings = load_settings(settings.root, **flags)
    plan = compiled(spec, overrides, settings.root)
    chosen = sliced(plan, only)
    engine_here(settings, plan.resources)
    check_devices(settings, plan.resources)
    for warning in plan.warnings:
        say(f"warning: {warning}")
    db = store_of_command(settings.root)
    submission = submit_plan(db, plan, settings.root, chosen)
    say(submission_text(plan, submission, chosen))
    number = submission.sweep
    for other, count in waiting_of_others(db, number).items():
        say(f"{count} trials of {other} wait, too, and run as well (`blueno stop {other}` takes them back)")
    if detached:
        return _detach(db, settings, number, as_json)
    sweep = read.sweep_by_number(db, number)
    through = True
    if not ledgers.ledger(db, number).finished:
        with output_spared() if as_json else nullcontext():
            through = run_until(db, settings, number, Shower(sweep, sys.stderr), say)
        finish_line(sys.stderr)
    else:
        Publishing(settings, say).leave()
    flags_again = [*(word for each in overrides for word in ("--set", each)), *(("--only", only) if only else ())]
    again = shlex.join(["blueno", "sweep", str(spec), *flags_again])
    return _conclude(db, settings.root, read.sweep_by_number(db, number), again, through, as_json)


def _detach(db: sqlite3.Connection, settings: Settings, number: int, as_json: bool) -> int:
    other = holder(settings.root).get("pid") if scheduler_runs(settings.root) else None
    pid, log = detach(settings)
    sweep = read.sweep_by_number(db, number)
    if as_json:
        print_json({**ledgers.ledger(db, number)._asdict(), "pid": pid, "log": str(log)})
    else:
        after = f"; process {other} runs at present, and this one takes over when that ends" if other else ""
        click.echo(
            f"{sweep.name} goes on in the background (process {pid}{after}), log: {log}\n"
            f"  watch it: blueno watch\n  stop it:  blueno stop {sweep.name}\n  results:  blueno results {sweep.name}"
        )
    return 0


def _conclude(db: sqlite3.Connection, root: Path, sweep: read.Sweep, again: str, through: bool, as_json: bool) -> int:
    counts = ledgers.ledger(db, sweep.number)
    if as_json:
        front = {"front": front_of(table_of(db, sweep)["rows"])} if "objectives" in sweep.plan else {}
        print_json({**counts._asdict(), **front})
    else:
        click.echo(results_text(table_of(db, sweep), top=10))
        goes_on = holder(root).get("pid") if not counts.finished and scheduler_runs(root) else None
        click.echo(closing_text(counts, sweep, again, goes_on))
    if not through and not counts.finished:
        return 130
    return exit_code(counts) if sweep.paused is None else 4


def closing_text(counts: ledgers.Ledger, sweep: read.Sweep, again: str, goes_on: object) -> str:
    """How it ended, and what to do next: `again` is the command that goes on; `goes_on` the process that still works on
    it, if there is one.
    """
    parts = ", ".join(f"{count} {state}" for state, count in counts.counts().items() if count)
    lines = [f"\n{sweep.name} ({short(sweep.id)}): {counted(counts.planned, 'trial')}: {parts}"]
    if sweep.paused:
        see = f"see `blueno failures {sweep.name}`, mend it, then" if counts.failed else "go on with:"
        lines.append(f"paused: {sweep.paused}\n  {see} `{again}`")
    elif goes_on:
        lines.append(f"it goes on in process {goes_on}: blueno watch {sweep.name}")
    elif not counts.finished:
        lines.append(f"interrupted; nothing is lost. Go on with: {again}")
    elif counts.failed:
        lines.append(f"see what failed: blueno failures {sweep.name}")
    return "\n".join(lines)
