"""What a worker of the engine `fused` does: trials of one family that have come are trained together, and each is told
of as if it had been alone.

What goes wrong with a whole pack is tried again: in halves for lack of memory, else by `fit`.
"""

from __future__ import annotations

import gc
import shutil
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from ..clock import SharedTime, iso
from ..errors import BluenoError, MissingLibrary
from ..messages import Message
from .alike import Opened, alike, fixed, opened_fits
from .epochs import EpochReport
from .inbox import Inbox
from .memory import peak_bytes, reset_peak
from .output import bounded, pack_log, redirected
from .work import Emit, Worker, failure, job_of, note_wear, nothing, same_folder, scratch, trained

if TYPE_CHECKING:
    from ..ml.job import Job, Outcome, Report

WRITERS = 2  # results wait for the disk, not for a core
ARRIVING_S = 1.0  # trials that are sent at once come within this time of one another


@dataclass
class Lane:
    """A trial of the pack that is on."""

    message: Message
    job: Job
    report: EpochReport
    files: ExitStack  # its scratch folder
    begun: float
    begun_share_s: float


@dataclass
class Desk:
    """What a worker has of the family that it is on."""

    worker: Worker
    emit: Emit
    inbox: Inbox
    writers: Executor
    family: str
    lanes: int  # at a time
    budget: int | None  # bytes on the device; by what it has
    waiting: deque[Message] = field(default_factory=deque)
    begun: dict[Path, Lane] = field(default_factory=dict)  # by the job's folder
    told: set[str] = field(default_factory=set)  # trials that were said to have started
    time: SharedTime = field(default_factory=SharedTime)
    writing: deque[Future[None]] = field(default_factory=deque)  # results on their way


def start_libraries(worker: Worker) -> None:
    """Imports what packs need before the first one comes; what goes wrong is told by that one."""
    with suppress(Exception):
        _start(worker)


def _start(worker: Worker) -> None:
    from ..ml.runtime import start_keras

    start_keras(worker.threads)
    import_module("..ml.engines.fused.pack", __package__)


def train_packs(worker: Worker, first: Message, emit: Emit, inbox: Inbox, budget: int | None = None) -> None:
    """Trains `first` and what comes of its family, until nothing of it waits. Other messages are kept for later."""
    log = pack_log(worker.root, worker.id)
    with ThreadPoolExecutor(WRITERS) as writers, redirected(log, ""), same_folder():
        pack = first["pack"]
        worker.emit = emit
        desk = Desk(worker, emit, inbox, writers, pack["family"], pack["lanes"], budget, deque([first]))
        while len(desk.waiting) < desk.lanes and _take_in(desk, ARRIVING_S):
            pass
        reset_peak()
        while desk.waiting or desk.writing:
            if not desk.waiting:
                _wait_for_writer(desk)
            elif desk.family in worker.refused:
                _give_back(desk, desk.waiting.popleft(), worker.refused[desk.family])
            else:
                _train(desk)
    log.unlink(missing_ok=True)
    note_wear(worker)


def _take_in(desk: Desk, timeout_s: float = 0.0) -> bool:
    """Sorts the next message that has come; False if none has."""
    message = desk.inbox.look(timeout_s)
    if message is None:
        return False
    if message["kind"] == "stop":
        return True  # the inbox knows it
    if message["kind"] == "train" and message.get("pack", {}).get("family") == desk.family:
        desk.waiting.append(message)
    else:
        desk.inbox.keep(message)
    return True


# ---- a pack


def _train(desk: Desk) -> None:
    """Trains one pack: the first trials that wait, those that are alike, and those that take their places."""
    try:
        _start(desk.worker)
        lanes = _first_lanes(desk)
        if lanes:
            _run(desk, lanes)
    except desk.worker.fatal:
        raise
    except BaseException as error:
        _over(desk, error)


def _first_lanes(desk: Desk) -> list[Lane]:
    """As many as fit, all on data of the first one's shape; the others wait for a pack of their own."""
    lanes: list[Lane] = []

    def fits(job: Job) -> bool:
        return not lanes or alike(job) == alike(lanes[0].job)

    return _begin_some(desk, _most(desk), fits, lanes)


def _most(desk: Desk) -> int:
    """So many lanes at a time: no more than fit into memory, as far as that is known."""
    opened = desk.worker.opened
    known = opened.family.most.values() if opened is not None and opened.key == desk.family else ()
    return min([desk.lanes, *known])


def _begin_some(desk: Desk, count: int, fits: Callable[[Job], bool], lanes: list[Lane]) -> list[Lane]:
    """Adds up to `count` lanes for trials that wait to `lanes`."""
    for _ in range(len(desk.waiting)):
        if len(lanes) == count:
            break
        lane = _begin(desk, desk.waiting.popleft(), fits)
        lanes += [lane] if lane else []
    return lanes


def _run(desk: Desk, lanes: Sequence[Lane]) -> None:
    from ..ml.engines.fused.pack import train_pack

    opened = _opened(desk, lanes)

    def fits(job: Job) -> bool:
        return opened_fits(opened, job)

    def more(count: int) -> list[tuple[Job, Report]]:
        while _take_in(desk):
            pass
        return [_task(desk, lane) for lane in _begin_some(desk, count, fits, [])]

    def done(job: Job, outcome: Outcome) -> None:
        lane = desk.begun[job.folder]

        def left() -> Message:
            said = trained(desk.worker, lane.message, outcome, job.folder)
            if job.checkpoint is not None:
                shutil.rmtree(job.checkpoint, ignore_errors=True)
            return said

        _answer(desk, lane, left)

    def failed(job: Job, error: Exception) -> None:
        lane = desk.begun[job.folder]
        if _is_not_fusable(error):
            _now(desk)
            desk.begun.pop(job.folder).files.close()
            _give_back(desk, lane.message, str(error))
        else:
            _answer(desk, lane, lambda: _failed(desk, lane.message, error))

    def waits(job: Job) -> None:
        _put_back(desk, desk.begun[job.folder])

    tasks = [_task(desk, lane) for lane in lanes]
    train_pack(opened.family, tasks, more, done, failed=failed, waits=waits, budget=desk.budget)
    assert not desk.begun, "BUG: a pack has ended, and some of its trials have not"


def _opened(desk: Desk, lanes: Sequence[Lane]) -> Opened:
    """The family, compiled for these and for what else of it waits; the one that is open, if it will do. NotFusable
    where it cannot be, or is not worth it and nobody asked for it.
    """
    from ..ml.engines.fused.family import open_family
    from ..ml.engines.fused.paying import why_not
    from ..ml.engines.fused.template import NotFusable

    opened = desk.worker.opened
    if opened is not None and opened.key == desk.family and all(opened_fits(opened, lane.job) for lane in lanes):
        return opened
    first = lanes[0].job
    ends = [first._replace(recipe=recipe) for recipe in lanes[0].message["pack"]["ends"]]
    jobs = [*(lane.job for lane in lanes), *ends]
    desk.worker.opened = None  # two families would hold twice the memory
    family = open_family(jobs)
    if not lanes[0].message["pack"]["must"] and (why := why_not(family)):
        raise NotFusable(why)
    desk.worker.opened = Opened(desk.family, alike(first), fixed(jobs), family)
    return desk.worker.opened


# ---- a lane


def _begin(desk: Desk, message: Message, fits: Callable[[Job], bool]) -> Lane | None:
    """A lane for a trial; None when it was stopped, cannot begin (that is told), or has to wait for another pack."""
    if desk.inbox.is_stopped(message):
        return None
    worker, files = desk.worker, ExitStack()
    begun, begun_share_s = worker.clock(), _now(desk)
    try:
        job = job_of(worker, message, files.enter_context(scratch(worker.models.scratch)))
        if not fits(job):
            files.close()
            desk.waiting.append(message)
            return None
    except worker.fatal:
        raise
    except BaseException as error:
        files.close()
        _say_started(desk, message)
        _tell(desk, message, _failed(desk, message, error), begun, 0.0)
        return None
    _say_started(desk, message)
    base = {"trial": message["trial"], "attempt": message["attempt"]}
    report = EpochReport(base, desk.emit, prune=message.get("prune"))
    desk.begun[job.folder] = Lane(message, job, report, files, begun, begun_share_s)
    return desk.begun[job.folder]


def _say_started(desk: Desk, message: Message) -> None:
    if message["trial"] not in desk.told:
        desk.told.add(message["trial"])
        desk.emit({"kind": "started", "trial": message["trial"], "attempt": message["attempt"]})


def _task(desk: Desk, lane: Lane) -> tuple[Job, Report]:
    def report(epoch: int, epochs: int, metrics: dict[str, float]) -> bool:
        while _take_in(desk):
            pass
        return lane.report(epoch, epochs, metrics) or desk.inbox.is_stopped(lane.message)

    return lane.job, report


def _answer(desk: Desk, lane: Lane, answer: Callable[[], Message]) -> None:
    """Has a trial's files put away and told of, beside the training of others. One that was stopped leaves nothing:
    nobody waits for it.
    """
    share_s = _now(desk) - lane.begun_share_s
    del desk.begun[lane.job.folder]
    if desk.inbox.is_stopped(lane.message):
        lane.files.close()
        return
    lane.report.flush()
    while desk.writing and desk.writing[0].done():
        desk.writing.popleft().result()
    desk.writing.append(desk.writers.submit(_put_away, desk, lane, answer, share_s))


def _put_away(desk: Desk, lane: Lane, answer: Callable[[], Message], share_s: float) -> None:
    with lane.files:
        if desk.inbox.is_stopped(lane.message):
            return
        try:
            said = answer()
        except desk.worker.fatal:
            raise
        except BaseException as error:
            said = _failed(desk, lane.message, error)
    _tell(desk, lane.message, said, lane.begun, share_s)


def _wait_for_writer(desk: Desk) -> None:
    """Until a result is told, and what has come meanwhile is taken in."""
    desk.writing.popleft().result()
    while _take_in(desk):
        pass


def _tell(desk: Desk, message: Message, said: Message, begun: float, share_s: float) -> None:
    desk.emit({
        "kind": "result", "trial": message["trial"], "attempt": message["attempt"], **said, "started": iso(begun),
        "duration_s": share_s, "peak_memory_bytes": peak_bytes(), "log": _log(desk, message, said),
    })  # fmt: skip


def _now(desk: Desk) -> float:
    return desk.time.read(desk.worker.stopwatch(), len(desk.begun))


def _failed(desk: Desk, message: Message, error: BaseException) -> Message:
    return nothing() | {"state": "failed", "error": failure(desk.worker, error, message, "model")}


def _log(desk: Desk, message: Message, said: Message) -> str:
    """What the pack wrote so far; which of its trials wrote it, nobody knows."""
    worker = desk.worker
    if not worker.redirect:
        return ""
    header = f"--- attempt {message['attempt']}, worker {worker.id}, in a pack, {iso(worker.clock())}\n"
    return header + bounded(pack_log(worker.root, worker.id)) + (said["error"] or {"traceback": ""})["traceback"]


# ---- when a pack goes wrong


def _put_back(desk: Desk, lane: Lane) -> None:
    """A trial waits again, before the others."""
    _now(desk)
    del desk.begun[lane.job.folder]
    lane.files.close()
    desk.waiting.appendleft(lane.message)


def _put_all_back(desk: Desk) -> None:
    """Those that have not ended wait again, before the others."""
    for lane in reversed(list(desk.begun.values())):
        _put_back(desk, lane)


def _over(desk: Desk, error: BaseException) -> None:
    """A pack ended with an exception. Its trials that have not ended are tried again with fewer lanes, if memory ran
    out, else given back, to be trained one at a time; if the family cannot be opened, with all that wait of it.
    """
    count, worker = len(desk.begun), desk.worker
    first = next(iter(desk.begun.values())).message if count else desk.waiting[0]
    described = failure(worker, error, first, "model")
    out_of_memory = described["class"] == "out_of_memory"
    if out_of_memory and count > 1:
        worker.opened, desk.lanes = None, (count + 1) // 2
        error.__traceback__ = None  # which holds the arrays
        gc.collect()
        _put_all_back(desk)
    elif count and out_of_memory:
        for lane in list(desk.begun.values()):
            _answer(desk, lane, lambda: nothing() | {"state": "failed", "error": described})
    else:
        _put_all_back(desk)
        if worker.opened is None:
            worker.refused[desk.family] = _why(error)
        for _ in range((worker.opened is not None and count) or len(desk.waiting)):
            _give_back(desk, desk.waiting.popleft(), _why(error))


def _give_back(desk: Desk, message: Message, why: str) -> None:
    desk.emit({"kind": "unfused", "trial": message["trial"], "attempt": message["attempt"], "why": why})


def _is_not_fusable(error: BaseException) -> bool:
    """Told by name, since JAX may be what cannot be imported."""
    return type(error).__name__ == "NotFusable"


def _why(error: BaseException) -> str:
    text = error.message if isinstance(error, BluenoError) else str(error)
    first_line = text.strip().partition("\n")[0]
    if isinstance(error, MissingLibrary) or _is_not_fusable(error):
        return first_line
    return f"its pack ended with {type(error).__name__}: {first_line}"
