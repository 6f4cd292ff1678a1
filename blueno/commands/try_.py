"""`blueno try`: what would fail tonight fails now. One trial of each arm, model and sequence of steps trains for one
epoch of a few batches, and architectures are built once; all in a folder that is removed again.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import click

from ..cache import Cache
from ..cache.folder import FolderCache
from ..cache.manifests import dataset_key, node_key
from ..cache.opening import local_cache, open_cache
from ..canonical import canonical
from ..clock import words
from ..devices import Devices
from ..etl.lineage import nodes_of
from ..executors import WorkerSpec, open_executor
from ..messages import Message
from ..narrow import folded, terminal_width
from ..one_worker import OneWorker, ask, last_words
from ..planning.searching import sampled
from ..planning.snapshot import write_snapshot
from ..progress import say
from ..settings import Settings, load_settings
from ..store.preparations import MOST_MODELS
from ..worker.output import output_spared
from ..workplace import lend, workplace
from . import options, print_json
from .plan import compiled

if TYPE_CHECKING:
    from ..planning import Plan, Trial

BATCHES = 3
LIMIT_S = 120.0  # a trial that takes longer has not failed yet, which is all that is asked
TRACEBACK_LINES = 20
KINDS = ("architecture", "estimator", "function", "command")

State = Literal["ok", "fails", "diverges", "unfinished"]


class Kind(NamedTuple):
    """Trials that are alike enough for one to be tried for all."""

    arm: str  # "" without arms
    model: str  # "mlp", "sklearn.svm:SVC", "train.py:train"
    steps: tuple[str, ...]

    def __str__(self) -> str:
        arm = f"{self.arm}: " if self.arm else ""
        return arm + self.model + (f" after {', '.join(self.steps)}" if self.steps else "")


class Tried(NamedTuple):
    """What came of trying something."""

    what: str
    trial: str | None  # id; None for a dataset or an architecture
    state: State
    duration_s: float = 0.0
    error: dict[str, Any] | None = None
    place: str = ""  # file:line of the user's code that raised


# ---- what to try


def choose(plan: Plan) -> dict[Kind, Trial]:
    """The first trial of each kind."""
    arms = {config.id: str(config.params.get("arm", "")) for config in plan.configs}
    steps = {each.id: tuple(step["name"] for step in json.loads(each.recipe)["steps"]) for each in plan.datasets}
    chosen: dict[Kind, Trial] = {}
    seen: set[str] = set()
    for trial in plan.trials:
        if trial.config_id not in seen:
            seen.add(trial.config_id)
            model = json.loads(trial.recipe)["model"]
            kind = Kind(arms[trial.config_id], _name(model), steps.get(trial.dataset_id or "", ()))
            chosen.setdefault(kind, trial)
    return chosen


def _name(model: dict[str, Any]) -> str:
    return next(str(model[kind]) for kind in KINDS if kind in model)


def architectures(plan: Plan, dataset: str) -> dict[str, dict[str, Any]]:
    """The distinct architectures of a dataset's trials: JSON of [code, model] -> as written. At most as many as a
    sweep builds beforehand.
    """
    written = {config.id: config.params["model"] for config in plan.configs}
    found: dict[str, dict[str, Any]] = {}
    for trial in plan.trials:
        if trial.dataset_id == dataset and "architecture" in written[trial.config_id] and len(found) < MOST_MODELS:
            found.setdefault(_code_and_model(trial), written[trial.config_id])
    return found


def _code_and_model(trial: Trial) -> str:
    recipe = json.loads(trial.recipe)
    return canonical([recipe["code"], recipe["model"]])


# ---- trying it


def tried(plan: Plan, settings: Settings, tell: Callable[[str], None]) -> Iterator[Tried]:
    """Tries each kind of trial of a plan, one after the other. Datasets that cannot be built come without trials."""
    chosen = choose(plan)
    datasets = dict.fromkeys(trial.dataset_id for trial in chosen.values())
    devices = Devices(settings.devices, settings.per_device, settings.cpus, tell=tell)
    with (
        workplace(settings.root, "try") as root,
        closing(devices),
        closing(open_executor(settings.executor)) as executor,
    ):
        cache = local_cache(root)
        write_snapshot(plan.snapshot, cache)
        _lend_all(plan, set(datasets), open_cache(settings, tell), cache)
        slot = devices.slots_for(plan.resources)[0]
        spec = WorkerSpec("", slot, root, plan.snapshot.key, sys.executable, project=settings.root)
        worker = OneWorker(executor, spec)
        for dataset in datasets:
            kinds = {kind: trial for kind, trial in chosen.items() if trial.dataset_id == dataset}
            yield from _tried_on(worker, plan, dataset, kinds)


def _lend_all(plan: Plan, datasets: set[str | None], ours: Cache, other: FolderCache) -> None:
    """What is prepared, here or in the shared cache: the dataset, or else the longest node that it can be made from."""
    for each in plan.datasets:
        if each.id in datasets and not lend(dataset_key(each.id), ours, other):
            any(lend(node_key(node), ours, other) for node in reversed(nodes_of(json.loads(each.recipe))))


def _tried_on(worker: OneWorker, plan: Plan, dataset: str | None, kinds: dict[Kind, Trial]) -> Iterator[Tried]:
    """Builds a dataset and the architectures on its shape, then tries the trials that can still work."""
    broken: dict[str, Any] = {}
    if dataset is not None:
        models = architectures(plan, dataset)
        answer = ask(worker, build_message(plan, dataset, list(models)))
        error = _error(worker, answer, "")
        if error is not None:
            what = f"the data of {_together(list(kinds))}"
            yield Tried(what, None, "fails", answer.get("duration_s", 0.0), error, place(error, plan))
            return
        broken = answer["model_errors"]
        steps = next(iter(kinds)).steps
        for model, error in broken.items():
            yield Tried(str(Kind("", _shown(models[model]), steps)), None, "fails", 0.0, error, place(error, plan))
    for kind, trial in kinds.items():
        if _code_and_model(trial) not in broken:
            yield _tried(worker, plan, kind, trial)


def _together(kinds: list[Kind]) -> str:
    """Kinds that share their steps: `mlp, sklearn.svm:SVC after impute, scale`."""
    models = ", ".join(dict.fromkeys(str(kind._replace(steps=())) for kind in kinds))
    return models + (f" after {', '.join(kinds[0].steps)}" if kinds[0].steps else "")


def _tried(worker: OneWorker, plan: Plan, kind: Kind, trial: Trial) -> Tried:
    answer = ask(worker, train_message(plan, trial, BATCHES), LIMIT_S)
    error = _error(worker, answer, trial.id)
    if error and not answer.get("timed_out") and "estimator" in json.loads(trial.recipe)["model"]:
        # A few samples may be too few for it (neighbours, folds of its own): all of them decide.
        answer = ask(worker, train_message(plan, trial, None), LIMIT_S)
        error = _error(worker, answer, trial.id)
    if answer.get("timed_out"):
        return Tried(str(kind), trial.id, "unfinished", LIMIT_S)
    state: State = "fails" if error else "diverges" if answer["state"] == "diverged" else "ok"
    return Tried(str(kind), trial.id, state, answer.get("duration_s", 0.0), error, place(error, plan) if error else "")


def _error(worker: OneWorker, answer: Message, trial: str) -> dict[str, Any] | None:
    if answer["kind"] != "gone":
        return answer["error"]
    message = f"its process ended: {answer['reason']}"
    return {"class": "lost", "type": "", "message": message, "traceback": last_words(worker, answer, trial), "fix": ""}


def build_message(plan: Plan, dataset: str, models: list[str]) -> Message:
    """What the worker is told about a dataset, as in a sweep."""
    recipe = next(each.recipe for each in plan.datasets if each.id == dataset)
    return {
        "kind": "build", "dataset": dataset, "recipe": json.loads(recipe), "code": _code(plan),
        "files": _files(plan, recipe), "models": models,
    }  # fmt: skip


def train_message(plan: Plan, trial: Trial, batches: int | None) -> Message:
    """What the worker is told about a trial: as in a sweep, but for one epoch, of so many batches (None: of all)."""
    recipe = json.loads(trial.recipe)
    if recipe["train"] and "epochs" in recipe["train"]:
        recipe["train"]["epochs"] = 1
    return {
        "kind": "train", "trial": trial.id, "attempt": 1, "recipe": recipe, "config": trial.config_id,
        "fold": trial.fold, "code": _code(plan), "files": _files(plan, trial.recipe), "objective": plan.objective,
        "metrics": plan.metrics, "keep": plan.keep, "batches": batches,
    }  # fmt: skip


def _code(plan: Plan) -> Message:
    return {"snapshot": plan.snapshot.key, "folder": plan.snapshot.folder}


def _files(plan: Plan, recipe: str) -> dict[str, str]:
    """Where the data files are that a recipe names by their SHA-256."""
    return {sha: path for sha, path in plan.files.items() if sha in recipe}


def place(error: dict[str, Any], plan: Plan) -> str:
    """file:line of the deepest frame in the user's own code; "" if there is none."""
    files = {name for name, _, _ in plan.snapshot.files}
    frames = re.findall(r'File "([^"]+)", line (\d+)', error["traceback"])
    return next((f"{file}:{line}" for file, line in reversed(frames) if file in files), "")


# ---- saying what came of it


def _shown(model: dict[str, Any]) -> str:
    """An architecture with its parameters, as written."""
    parameters = ", ".join(f"{key}: {json.dumps(value)}" for key, value in model.items() if key not in KINDS)
    return f"{_name(model)} {{{parameters}}}" if parameters else _name(model)


def tried_text(each: Tried, width: int | None = None) -> str:
    """A line, and for what fails where, why, and the end of the traceback; of `width` all but the traceback."""
    lines = _tried_lines(each).splitlines()
    return "\n".join(line if line.lstrip().startswith("|") else folded(line, width) for line in lines)


def _tried_lines(each: Tried) -> str:
    if each.state == "ok":
        return f"ok     {each.what} ({words(each.duration_s)})"
    if each.state == "unfinished":
        return f"ok     {each.what} (still at work after {words(each.duration_s)}, and ended)"
    if each.error is None:
        return f"FAILS  {each.what}\n       it diverges: a loss or prediction is not finite"
    return f"FAILS  {each.what}\n" + "\n".join(f"       {line}" for line in _reason(each.error, each.place))


def _reason(error: dict[str, Any], place: str) -> list[str]:
    head = ": ".join(filter(None, [place, error["type"], error["message"]]))
    lines = [*head.splitlines(), *([f"fix: {error['fix']}"] if error.get("fix") else [])]
    trace = error["traceback"].rstrip().splitlines()
    if any('File "' in line for line in trace) or error["class"] == "lost":
        lines += [f"| {line}" for line in trace[-TRACEBACK_LINES:]]
    return lines


def closing_text(found: list[Tried], spec: Path) -> str:
    """How it stands, and what to do next."""
    failed = sum(each.state in ("fails", "diverges") for each in found)
    if failed:
        return f"\n{failed} of {len(found)} would fail tonight; nothing was recorded"
    return f"\nnothing fails so far; nothing was recorded. Run it: blueno sweep {spec}"


@click.command("try")
@click.argument("spec", type=click.Path(path_type=Path))
@click.option("--executor", type=click.Choice(["inline", "local"]), help="Where the worker lives.")
@click.option("--devices", help="`cpu`, or GPUs by number or UUID: 0,2")
@click.option("--set", "overrides", multiple=True, metavar="PATH=VALUE", help="Override a value: train.batch_size=5")
@options
def command(settings: Settings, as_json: bool, spec: Path, overrides: tuple[str, ...], **flags: Any) -> int:
    """Try SPEC before going home: what would fail tonight fails now.

    One trial of each arm, model and sequence of steps, one epoch, a few batches. Nothing is recorded.
    """
    settings = load_settings(settings.root, **flags)
    plan = sampled(compiled(spec, overrides, settings.root))
    found = []
    with output_spared() if as_json else nullcontext():
        for each in tried(plan, settings, say):
            found.append(each)
            click.echo(tried_text(each, terminal_width()), err=as_json)
    failed = any(each.state in ("fails", "diverges") for each in found)
    if as_json:
        print_json({"name": plan.name, "ok": not failed, "tried": [each._asdict() for each in found]})
    else:
        click.echo(closing_text(found, spec))
    return 4 if failed else 0
