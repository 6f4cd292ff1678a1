"""`blueno debug`: runs one trial again, here and now, in this process: its output on the terminal, a debugger where it
fails, its files where one likes. Nothing is recorded.
"""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from bdb import BdbQuit
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, nullcontext
from pathlib import Path
from pdb import Pdb
from traceback import format_exception_only
from types import TracebackType
from typing import Any, NamedTuple

import click

from .. import environment
from ..cache import Cache
from ..cache.opening import open_cache
from ..canonical import canonical, short
from ..clock import words
from ..devices import Devices
from ..errors import BluenoError
from ..executors import Slot
from ..messages import Message
from ..progress import say
from ..scheduler.orders import build_message, train_message
from ..settings import Settings, load_settings
from ..store import read, trace
from ..store.keeping import KEPT
from ..store.preparations import Preparation
from ..store.transitions import Binding, Claimed
from ..worker.code import unpacked
from ..worker.failures import describe
from ..worker.output import output_spared
from ..worker.work import Worker, handle, open_worker
from ..workplace import workplace
from . import complete, need_store, options, print_json, table


class Again(NamedTuple):
    """What is run again: messages as in a sweep, what the trial needs, and what was recorded of it."""

    trial: str
    build: Message | None
    train: Message
    resources: dict[str, Any]
    threads: int | None  # of the worker that trained it: the same number gives the same bits
    recorded: dict[str, float | None]
    state: str


class Outcome(NamedTuple):
    """What came of it."""

    state: str
    metrics: dict[str, float | None]
    duration_s: float
    error: dict[str, Any] | None
    saved: list[str]  # files, in the folder that was asked for


FAILED = Outcome("failed", {}, 0.0, None, [])
OnError = Callable[[BaseException, Path | None], None]  # told where the user's code lies


def again(db: sqlite3.Connection, trial: str, saving: bool) -> Again:
    """What to run for a trial's full id: as the newest sweep that has it would. Raises BluenoError when none has."""
    row = read.trial(db, trial)
    sweeps = trace.sweeps_of(db, "trial", trial)
    if not sweeps:
        raise BluenoError(f"no sweep has trial {short(trial)} any more", "sweep a spec that has it")
    sweep = read.sweep_by_number(db, sweeps[-1]["number"])
    claimed = Claimed(
        trial, row["attempt"] or 1, canonical(row["recipe"]), row["config"], row["fold"], sweep.number
    )  # fmt: skip
    train = {**train_message(db, claimed)[0], "keep": dict.fromkeys(KEPT, "all" if saving else "none")}
    result = row["result"] or {"metrics": {}, "environment": {}}
    threads = result["environment"].get("threads")
    build = _build(db, row["dataset"], sweep)
    return Again(trial, build, train, sweep.resources, threads, result["metrics"], row["state"])


def _build(db: sqlite3.Connection, id: str | None, sweep: read.Sweep) -> Message | None:
    """What builds the trial's dataset, unless it is there."""
    data = trace.dataset(db, id)
    if data is None:
        return None
    preparation = Preparation(data["id"], canonical(data["recipe"]), sweep.folder, json.dumps(sweep.files), [])
    return build_message(preparation, Binding(sweep.snapshot, "", ""))


def run(settings: Settings, one: Again, save: Path | None, on_error: OnError = lambda error, code: None) -> Outcome:
    """Builds the dataset if it is missing, and trains. Files are left in `save`; nothing else stays."""
    with closing(Devices(settings.devices, 1, settings.cpus, tell=say)) as devices:
        slot = devices.slots_for(one.resources)[0]
        slot = slot._replace(threads=one.threads or slot.threads)
        with workplace(settings.root, "debug") as place, _surroundings(settings.root, slot):
            worker = open_worker(
                "debug", place, slot.threads, redirect=False, fatal=(BaseException,), project=settings.root
            )
            worker.cache = open_cache(settings, say)  # what is built there may stay
            try:
                answer = [_asked(worker, message) for message in (one.build, one.train) if message][-1]
            except BdbQuit:
                raise click.Abort from None  # a breakpoint was left
            except (Exception, SystemExit) as error:
                code = unpacked(place, one.train["code"])
                on_error(error, code)
                return FAILED._replace(error=describe(error, code, "model"))
            saved = _saved(worker.models, answer, save) if save else []
            return Outcome(answer["state"], answer["metrics"], answer["duration_s"], None, saved)


def _asked(worker: Worker, message: Message) -> Message:
    """The answer to a message; what goes wrong is raised."""
    said: list[Message] = []
    handle(worker, message, said.append)
    return said[-1]


def _saved(models: Cache, answer: Message, folder: Path) -> list[str]:
    """Copies the files that a trial left into a folder."""
    saved = []
    for artefact in answer["artefacts"].values():
        target = folder / artefact["key"].split("/", 3)[3]
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(models.get(artefact["key"]), target)
        saved.append(str(target))
    return saved


@contextmanager
def _surroundings(root: Path, slot: Slot) -> Iterator[None]:
    """Folder and environment as a worker has them."""
    folder, before = Path.cwd(), dict(os.environ)
    os.chdir(root)
    os.environ.update(environment.variables(slot, before))
    try:
        yield
    finally:
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(before)


# ---- the debugger


def post_mortem(error: BaseException, code: Path | None) -> None:
    """Python's debugger where it was raised: in the deepest frame of the user's code, else in the last of all."""
    click.echo("".join(format_exception_only(error)), nl=False)
    debugger = Pdb()
    debugger.reset()
    debugger.interaction(None, trimmed(error.__traceback__, code))


def trimmed(trace: TracebackType | None, folder: Path | None) -> TracebackType | None:
    """A traceback that ends at its deepest frame in a folder, so that a debugger begins there."""
    frames = []
    while trace is not None:
        frames.append(trace)
        trace = trace.tb_next
    inside = [frame for frame in frames if folder and frame.tb_frame.f_code.co_filename.startswith(f"{folder}/")]
    last = frames.index(inside[-1]) if inside else len(frames) - 1
    ended: TracebackType | None = None
    for frame in reversed(frames[: last + 1]):
        ended = TracebackType(ended, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return ended


# ---- saying what came of it


def debug_text(one: Again, outcome: Outcome) -> str:
    """Its metrics beside the recorded ones; what went wrong; where its files are."""
    lines = [f"trial {short(one.trial)}: {outcome.state} after {words(outcome.duration_s)} (recorded: {one.state})"]
    if outcome.error:
        lines = [f"trial {short(one.trial)} fails (recorded: {one.state})", outcome.error["traceback"].rstrip()]
        lines += [f"fix: {outcome.error['fix']}"] if outcome.error["fix"] else []
    names = list(dict.fromkeys([*outcome.metrics, *one.recorded])) if not outcome.error else []
    rows = [[name, *_compared(one.recorded.get(name), outcome.metrics.get(name))] for name in names]
    lines += ["", table(["metric", "recorded", "now", "difference"], rows, {1, 2, 3})] if rows else []
    return "\n".join([*lines, "", *map("left {}".format, outcome.saved), "nothing was recorded"])


def _compared(before: float | None, now: float | None) -> list[str]:
    cells = ["-" if value is None else f"{value:.6g}" for value in (before, now)]
    return [*cells, "" if before is None or now is None else f"{now - before:+.2g}" if now != before else "none"]


@click.command("debug")
@click.argument("trial", shell_complete=complete.trials)
@click.option("--pdb", "debugging", is_flag=True, help="Python's debugger where it fails, in your code's frame.")
@click.option("--save", type=click.Path(path_type=Path, file_okay=False), help="Leave its files in this folder.")
@click.option("--devices", help="`cpu`, or GPUs by number or UUID: 0,2")
@options
def command(
    settings: Settings, as_json: bool, trial: str, debugging: bool, save: Path | None, devices: str | None
) -> int:
    """Run TRIAL again, here and now, with the code and data of its sweep. Nothing is recorded.

    Its output goes to the terminal. With --save its weights and predictions are left in a folder: so a trial whose
    files were let go gives them again.
    """
    if debugging and as_json:
        raise click.UsageError("a debugger needs the terminal: leave out --json")
    settings = load_settings(settings.root, devices=devices)
    db = need_store(settings.root)
    one = again(db, read.find_trial(db, trial), save is not None)
    with output_spared() if as_json else nullcontext():
        outcome = run(settings, one, save and save.resolve(), post_mortem if debugging else lambda error, code: None)
    if as_json:
        print_json({"trial": one.trial, **outcome._asdict(), "recorded": one.recorded})
    else:
        click.echo(debug_text(one, outcome))
    return 0 if outcome.state == "succeeded" else 4
