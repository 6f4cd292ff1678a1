"""What a worker does with a message: builds a dataset, trains a trial or measures one, and says what came of it.

The same for every executor. User code, Keras and the data libraries are imported from here on and nowhere else. What
goes wrong in a trial is its result, never the end of the worker.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..cache import FETCHED, Cache
from ..cache.folder import FolderCache
from ..cache.opening import local_cache, open_cache
from ..canonical import digest_file
from ..clock import iso
from ..files import DataFiles, located
from ..messages import Message
from ..settings import checkpoint_interval_s
from . import failures, second_opinion
from .code import UNPACKING, code_folder, unpacked
from .epochs import EpochReport, finite
from .measure import measured
from .memory import held_bytes, peak_bytes, reset_peak
from .models import cannot_be_built
from .output import append, bounded, redirected, trial_log

if TYPE_CHECKING:
    from ..etl.dataset import Dataset
    from ..ml.job import Job, Outcome

Emit = Callable[[Message], None]

ABANDONED_S = 3600.0  # nobody fetches a file that has not grown for so long
OPEN_DATASETS = 4  # kept open: sweeps alternate between the folds of few preparations
SCRATCH = "trial-"  # how the folders of running trials are called
GROWTH_BYTES = 2 * 1024**3  # beyond what it held after its first trial, a worker has worn out


@dataclass
class Worker:
    """What lasts from one message to the next."""

    id: str
    root: Path
    project: Path  # whose settings, credentials and raw data it has; `root` itself, unless that is a workplace
    cache: Cache
    models: Cache
    threads: int
    checkpoint_s: float  # Keras trials leave their state at most so often
    redirect: bool = True  # trials' output goes to their logs
    fatal: tuple[type[BaseException], ...] = ()  # what ends the worker instead of being a trial's failure
    emit: Emit = lambda _: None  # where what the cache says goes
    clock: Callable[[], float] = time.time
    stopwatch: Callable[[], float] = time.monotonic  # for durations, whoever sets the clock meanwhile
    datasets: dict[str, Dataset] = field(default_factory=dict)  # oldest use first
    first_held_bytes: int | None = None
    worn_out: bool = False  # its memory is not what it was: it should be replaced
    opened: Any = None  # the family that was trained last, compiled (packs.Opened)
    answer: Callable[[str, int, float], str] | None = None  # waits for what the scheduler says of a trial that runs
    refused: dict[str, str] = field(default_factory=dict)  # families that could not be opened, and why


def open_worker(
    id: str,
    root: Path,
    threads: int,
    redirect: bool = True,
    fatal: tuple[type[BaseException], ...] = (),
    project: Path | None = None,
) -> Worker:
    """A worker that leaves what it makes under `root`: the project's, or a workplace for a `project`."""
    cache, models = local_cache(root), FolderCache(root / "models")
    worker = Worker(
        id, root, project or root, cache, models, threads, checkpoint_interval_s(project or root), redirect, fatal
    )
    if worker.project == root:  # whoever made a workplace has put there what the shared cache has
        worker.cache = open_cache(root, lambda text: worker.emit({"kind": "said", "text": text}))
    return worker


def handle(worker: Worker, message: Message, emit: Emit) -> None:
    """Does what one message asks. `emit` gets the answers; the last is `built` for a build, `result` for a trial,
    `measured` for metrics.
    """
    worker.emit = emit
    action = {"build": _build, "train": _train, "measure": _measure}[message["kind"]]
    action(worker, message, emit)


# ---- datasets


def _build(worker: Worker, message: Message, emit: Emit) -> None:
    begun_s = worker.stopwatch()
    answer: Message = {"bytes": 0, "computed": [], "summary": {}, "model_errors": {}, "error": None}
    try:
        answer |= _built(worker, message, emit)
    except worker.fatal:
        raise
    except BaseException as error:
        answer["error"] = failure(worker, error, message, "data")
    emit({"kind": "built", "dataset": message["dataset"], "duration_s": worker.stopwatch() - begun_s, **answer})


def _built(worker: Worker, message: Message, emit: Emit) -> Message:
    from ..etl.build import build

    code = code_folder(worker.root, worker.cache, message["code"])
    report = build(message["recipe"], worker.cache, code, files=data_files(worker, message, emit))
    broken = broken_models(worker, message)
    if broken and second_opinion.is_due():
        broken = second_opinion.broken_elsewhere(worker.root, worker.project, worker.threads, message, broken)
    return {
        "bytes": report.bytes, "computed": list(report.computed), "summary": report.summary, "model_errors": broken,
    }  # fmt: skip


def data_files(worker: Worker, message: Message, emit: Emit | None = None) -> DataFiles:
    """Where the files are that a message's recipe names; what lies in a bucket is fetched when it is asked for."""

    def fetched(path: str, sha: str) -> tuple[str, str]:
        from ..raw.fetching import fetch, told

        return fetch(path, sha, worker.project, told(emit, worker.stopwatch))

    return DataFiles(message["files"], fetched)


def broken_models(worker: Worker, message: Message) -> dict[str, Message]:
    """Of the models that a dataset is built for, those that cannot be built on its shape, each with its Error."""
    models = message.get("models") or []
    if not models:
        return {}
    dataset, code = _dataset(worker, message["dataset"]), code_folder(worker.root, worker.cache, message["code"])
    folder, files = worker.models.scratch, data_files(worker, message)
    found = cannot_be_built(models, dataset, code, worker.threads, folder, files, worker.fatal)
    return {model: failure(worker, error, message, "model") for model, error in found}


def _dataset(worker: Worker, id: str | None) -> Dataset | None:
    if id is None:
        return None
    from ..etl.dataset import open_dataset

    dataset = worker.datasets.pop(id) if id in worker.datasets else open_dataset(id, worker.cache)
    worker.datasets[id] = dataset
    while len(worker.datasets) > OPEN_DATASETS:
        del worker.datasets[next(iter(worker.datasets))]
    return dataset


# ---- metrics that were asked for later


def _measure(worker: Worker, message: Message, emit: Emit) -> None:
    base = {name: message[name] for name in ("sweep", "trial", "attempt")}
    emit({"kind": "measured", **base, **measured(message, worker.root, worker.cache, worker.models, worker.fatal)})


# ---- trials


def _train(worker: Worker, message: Message, emit: Emit) -> None:
    _import_libraries(worker, message)
    begun, begun_s = worker.clock(), worker.stopwatch()
    base = {"trial": message["trial"], "attempt": message["attempt"]}
    emit({"kind": "started", **base})
    reset_peak()
    report = EpochReport(
        base,
        emit,
        one_epoch=message.get("batches") is not None,
        prune=message.get("prune"),
        answer=_listener(worker, message),
    )
    answer = _attempt(worker, message, report)
    if report.stopped:
        trial_log(worker.root, message["trial"]).unlink(missing_ok=True)
        return  # nobody waits for it
    emit({
        "kind": "result", **base, **answer, "started": iso(begun), "duration_s": worker.stopwatch() - begun_s,
        "peak_memory_bytes": peak_bytes(), "log": _log(worker, message, answer),
    })  # fmt: skip
    note_wear(worker)


def _listener(worker: Worker, message: Message) -> Callable[[float], str] | None:
    """What hears whether the trial should go on; None for one that is never ended early, or where nobody could say."""
    said = worker.answer
    if said is None or "prune" not in message:
        return None
    return lambda timeout_s: said(message["trial"], message["attempt"], timeout_s)


def _import_libraries(worker: Worker, message: Message) -> None:
    """Imports what the trial's engine needs before its clock starts; what goes wrong is told by the trial itself."""
    with suppress(Exception):
        from ..ml.train import start

        start(message["recipe"]["model"], worker.threads)


def _attempt(worker: Worker, message: Message, report: EpochReport) -> Message:
    """What the result says of the training itself, however it ended."""
    try:
        with _output(worker, message), scratch(worker.models.scratch) as folder, same_folder():
            from ..ml.train import train

            job = job_of(worker, message, folder)
            outcome = train(job, report)
            report.flush()
            answer = nothing() if report.stopped else trained(worker, message, outcome, folder)
            if job.checkpoint is not None:
                shutil.rmtree(job.checkpoint, ignore_errors=True)
            return answer
    except worker.fatal:
        raise
    except BaseException as error:
        return nothing() | {"state": "failed", "error": failure(worker, error, message, "model")}


def job_of(worker: Worker, message: Message, folder: Path) -> Job:
    from ..ml.job import Job

    return Job(
        recipe=located(message["recipe"], data_files(worker, message)),
        dataset=_dataset(worker, message["recipe"]["dataset"]),
        objective=message["objective"], metrics=message["metrics"], keep=message["keep"], folder=folder,
        code=code_folder(worker.root, worker.cache, message["code"]),
        threads=worker.threads, batches=message.get("batches"), fold=message["fold"],
        checkpoint=_checkpoint(worker, message), checkpoint_s=worker.checkpoint_s,
    )  # fmt: skip


def _checkpoint(worker: Worker, message: Message) -> Path | None:
    """Where a trial leaves what the next attempt goes on from, until it is done. None where there is nothing to go on
    with: an estimator has no epochs, and what is only tried is not repeated.
    """
    if "estimator" in message["recipe"]["model"] or message.get("batches") is not None:
        return None
    return worker.root / "data" / "work" / "checkpoints" / message["trial"]


def trained(worker: Worker, message: Message, outcome: Outcome, folder: Path) -> Message:
    metrics = {name: finite(value) for name, value in outcome.metrics.items()}
    place = f"{message['trial'][:2]}/{message['trial']}/{message['attempt']}"
    artefacts = {
        name: _kept(worker.models, f"{place}/{path.relative_to(folder).as_posix()}", path)
        for name, path in outcome.artefacts.items()
    }
    return {
        "state": outcome.state,
        "metrics": metrics,
        "nonfinite": list(dict.fromkeys([*(name for name in metrics if metrics[name] is None), *outcome.nonfinite])),
        "history": {name: [finite(value) for value in values] for name, values in outcome.history.items()},
        "epochs": list(outcome.epochs),
        "artefacts": artefacts,
        "engine": outcome.engine,
        "epoch": outcome.epoch,
        "notes": list(outcome.notes),
        "error": None,
    }


def _log(worker: Worker, message: Message, answer: Message) -> str:
    """What the trial wrote; a failure's traceback is the last of it."""
    if not worker.redirect:
        return ""
    log = trial_log(worker.root, message["trial"])
    if answer["error"]:
        append(log, answer["error"]["traceback"])
    return bounded(log)


def nothing() -> Message:
    return {"metrics": {}, "nonfinite": [], "history": {}, "artefacts": {}, "engine": "", "epoch": None, "notes": []}


def _kept(models: Cache, key: str, path: Path) -> Message:
    models.put_if_absent(key, path)
    stored = models.get(key)  # hashed as it lies there, so that the record is true whoever put it
    return {"key": key, "sha256": digest_file(stored), "bytes": stored.stat().st_size}


def remove_artefact(root: Path, key: str) -> None:
    """Deletes a file that a trial left under `key` in models/, and its folders when nothing else is in them."""
    (root / "models" / key).unlink(missing_ok=True)
    with suppress(OSError):  # not empty yet, or gone already
        for folder in list((root / "models" / key).parents)[:2]:  # those of the attempt and of the trial
            folder.rmdir()


def failure(worker: Worker, error: BaseException, message: Message, otherwise: str) -> Message:
    described = failures.describe(error, unpacked(worker.root, message["code"]), otherwise)
    worker.worn_out |= described["class"] == "out_of_memory"
    return described


def note_wear(worker: Worker) -> None:
    held = held_bytes()
    if worker.first_held_bytes is None:
        worker.first_held_bytes = held  # after the first trial, since that one imported the libraries
    worker.worn_out |= held > worker.first_held_bytes + GROWTH_BYTES


# ---- what surrounds a trial


def _output(worker: Worker, message: Message) -> AbstractContextManager[None]:
    if not worker.redirect:
        return nullcontext()
    header = f"--- attempt {message['attempt']}, worker {worker.id}, {iso(worker.clock())}\n"
    return redirected(trial_log(worker.root, message["trial"]), header)


@contextmanager
def scratch(parent: Path) -> Iterator[Path]:
    """A fresh folder that is gone afterwards. It lies where artefacts are linked from, not copied."""
    try:
        folder = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=parent))
    except FileNotFoundError:
        parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(root: Path) -> None:
    """Removes what killed workers left half made. Only for the holder of the scheduler's lock, before it starts any."""
    places = ((root / "models" / "tmp", SCRATCH), (root / "data" / "work" / "code", UNPACKING))
    leftovers = [leftover for folder, prefix in places for leftover in folder.glob(f"{prefix}*")]
    scratch = local_cache(root).scratch  # where datasets and nodes are made, in a folder named by the id
    for leftover in [*leftovers, *scratch.glob("[0-9a-f]" * 64)]:
        shutil.rmtree(leftover, ignore_errors=True)
    for file in scratch.glob(f"{FETCHED}*"):
        with suppress(FileNotFoundError):
            if time.time() - file.stat().st_mtime > ABANDONED_S:  # else another command may be fetching it
                file.unlink()


@contextmanager
def same_folder() -> Iterator[None]:
    """User code may change the working folder; the next trial begins in the same one."""
    before = os.getcwd()
    try:
        yield
    finally:
        os.chdir(before)
