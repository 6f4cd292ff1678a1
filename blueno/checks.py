"""What `blueno doctor` looks at: the machine, the installation, the project. Nothing heavy is imported, no setting of
the machine changed, and nothing written but, where the setting `cache` names a bucket, a probe that is removed again.
"""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from importlib.util import find_spec
from pathlib import Path
from shutil import disk_usage
from typing import Literal, NamedTuple

import psutil

from . import __version__
from .clock import iso, seconds
from .counting import counted
from .devices import Devices, usable_cores
from .devices.nvidia import find_gpus
from .elastic.access import target_of
from .elastic.standing import standing
from .errors import BluenoError
from .libraries import Library, optional, required, training
from .settings import Settings
from .sinks import LIBRARIES
from .store.database import holder, mounts, open_store, refuse_network, scheduler_runs, store_path
from .tables import size

PYTHONS = ((3, 11), (3, 13))  # the oldest and the newest that are tested
LITTLE_DISK_BYTES = 2 * 10**9
LITTLE_MEMORY_BYTES = 10**9  # what one worker may need
CLOCK_S = 60.0  # so far the store may be ahead of the clock


class Finding(NamedTuple):
    """Something that was looked at. A `problem` prevents sweeping; a `warning` may spoil or slow it."""

    topic: str
    state: Literal["ok", "warning", "problem"]
    text: str
    fix: str = ""


def examine(settings: Settings) -> list[Finding]:
    """Everything that can be told of a project and its machine without running a trial."""
    return [finding for check in CHECKS for finding in check(settings)]


# ---- the installation


def _python(settings: Settings) -> Iterator[Finding]:
    version, (oldest, newest) = sys.version_info[:2], PYTHONS
    text = f"{platform.python_version()}, {sys.executable}; Blueno {__version__}"
    span = f"{oldest[0]}.{oldest[1]} to {newest[0]}.{newest[1]}"
    if oldest <= version <= newest:
        yield Finding("python", "ok", text)
    else:
        yield Finding("python", "warning", f"{text}; tested with {span}", f"use Python {span}")


def _system(settings: Settings) -> Iterator[Finding]:
    text = f"{platform.system()} {platform.release()}, {platform.machine()}"
    if sys.platform == "linux":
        yield Finding("system", "ok", text + (" (WSL)" if "microsoft" in platform.release().lower() else ""))
    elif sys.platform == "darwin":
        yield Finding("system", "ok", f"{text}: trains on the CPU")
    else:
        yield Finding("system", "problem", f"{text} is not supported", "on Windows, work inside of WSL2")


def _libraries(settings: Settings) -> Iterator[Finding]:
    for library in required():
        yield _library(library, "problem", _install(library))
    for library in training(os.environ):
        yield _library(library, "warning", f"{_install(library)}: architectures need it")
    for library, needs_it in optional():
        if library.found is None:
            text = f"{library.name} is not installed (for {needs_it}: {_install(library)})"
            yield Finding("library", "ok", text)
        else:
            yield _library(library, "warning", f"{_install(library)}, for {needs_it}")


def _install(library: Library) -> str:
    """What installs a library, new enough."""
    return f"pip install -U '{library.name}>={library.least}'" if library.least else f"pip install {library.name}"


def _library(library: Library, state: Literal["warning", "problem"], fix: str) -> Finding:
    if library.will_do:
        return Finding("library", "ok", f"{library.name} {library.found}")
    found = "is not installed" if library.found is None else f"{library.found} is older than {library.least}"
    return Finding("library", state, f"{library.name} {found}", fix)


# ---- the machine


def _devices(settings: Settings) -> Iterator[Finding]:
    said: list[str] = []
    gpus = find_gpus(os.environ, said.append)
    for line in said:
        yield Finding("gpu", "warning", line, "see that nvidia-smi works, or train with --devices cpu")
    for gpu in gpus:
        used = f", used by {gpu.used_by}" if gpu.used_by else ""
        yield Finding("gpu", "ok", f"{gpu.label()}, {gpu.memory_mb} MB{used}")
    if gpus and any(library.name == "tensorflow-cpu" for library in training(os.environ)):
        yield Finding(
            "gpu",
            "warning",
            "tensorflow-cpu uses no GPU",
            "pip uninstall tensorflow-cpu, then pip install 'tensorflow[and-cuda]'",
        )
    if not gpus and not said:
        yield Finding("gpu", "ok", "none")
    yield Finding("cpu", "ok", f"{usable_cores()} cores for this process, of {os.cpu_count()}")


def _workers(settings: Settings) -> Iterator[Finding]:
    """The workers that a sweep would start now; asking locks free GPUs for a moment, so not beside a scheduler."""
    if scheduler_runs(settings.root):
        return
    devices = Devices(settings.devices, settings.per_device, settings.cpus)
    try:
        slots = devices.slots_for({})
        yield Finding("workers", "ok", ", ".join(f"{slot.name} ({_threads(slot.threads)})" for slot in slots))
    except BluenoError as error:
        yield Finding("workers", "problem", error.message, error.fix)
    finally:
        devices.close()


def _threads(count: int) -> str:
    return "1 thread" if count == 1 else f"{count} threads"


def _memory(settings: Settings) -> Iterator[Finding]:
    memory = psutil.virtual_memory()
    text = f"{size(memory.available)} free of {size(memory.total)}"
    if memory.available < LITTLE_MEMORY_BYTES:
        yield Finding("memory", "warning", text, "end what else runs here, or use fewer workers (--per-device)")
    else:
        yield Finding("memory", "ok", text)


def _clock(settings: Settings) -> Iterator[Finding]:
    now, newest = time.time(), _newest_event(settings.root)
    if newest is not None and newest > now + CLOCK_S:
        text = f"it is {iso(now)} here, and the store's newest event is of {iso(newest)}"
        yield Finding("clock", "warning", text, "set the clock: times and durations will be wrong")
    else:
        yield Finding("clock", "ok", iso(now))


# ---- the project


def _folder(settings: Settings) -> Iterator[Finding]:
    there = next(path for path in (settings.root, *settings.root.parents) if path.exists())
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        yield Finding("root", "problem", f"{there} cannot be written", "choose another folder with --root")
        return
    free, total = disk_usage(there).free, disk_usage(there).total
    text = f"{settings.root}, {size(free)} free of {size(total)}"
    little = free < LITTLE_DISK_BYTES
    yield Finding("root", "warning" if little else "ok", text, "free some space" if little else "")


def _store(settings: Settings) -> Iterator[Finding]:
    path = store_path(settings.root)
    try:
        refuse_network(path, mounts())
        there = path.exists() and path.stat().st_size
        yield Finding("store", "ok", _holdings(settings.root) if there else "none yet: the first sweep makes it")
    except BluenoError as error:
        yield Finding("store", "problem", error.message, error.fix)
    except sqlite3.DatabaseError as error:
        yield Finding("store", "problem", f"{path} is damaged: {error}", "restore a backup, or move it away")


def _holdings(root: Path) -> str:
    with closing(open_store(root, time.time(), read_only=True)) as db:
        sweeps, trials = (db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in ("sweeps", "trials"))
    held = f"{counted(sweeps, 'sweep')}, {counted(trials, 'trial')}"
    return f"{store_path(root)}, {size(store_path(root).stat().st_size)}: {held}"


def _scheduler(settings: Settings) -> Iterator[Finding]:
    if not scheduler_runs(settings.root):
        yield Finding("scheduler", "ok", "none runs")
        return
    about = holder(settings.root)
    text = f"process {about.get('pid', '?')} on {about.get('host', '?')}, since {about.get('started', '?')}"
    yield Finding("scheduler", "ok", text)


def _cache(settings: Settings) -> Iterator[Finding]:
    for name in ("data/cache", "models", "logs"):
        count, held = _held(settings.root / name)
        yield Finding("files", "ok", f"{name}: {size(held)} in {counted(count, 'file')}")


def _bucket(settings: Settings) -> Iterator[Finding]:
    """Nothing that is wrong with it prevents sweeping: what is not here is then built here."""
    if not settings.cache:
        return
    from .cache.health import examine_bucket

    for health in examine_bucket(settings):
        yield Finding("bucket", "ok" if health.is_well else "warning", health.text, health.fix)


def _elastic(settings: Settings) -> Iterator[Finding]:
    """The index, if the settings name one. It prevents no sweep: what cannot be sent waits."""
    try:
        target = target_of(settings, os.environ)
        if target is None:
            return
        found = standing(settings, target, time.time())
    except BluenoError as error:
        yield Finding("elastic", "warning", error.message, error.fix)
        return
    if target.warning:
        yield Finding("elastic", "warning", target.warning, "write elastic_url with https")
    missing = [each for each in found.kinds if not each.index_name or each.lacking or each.other]
    if found.problem:
        yield Finding("elastic", "warning", f"{found.place}: {found.problem}", "what waits is sent later")
    elif missing:
        fix = "blueno elastic setup" + (" --migrate" if any(each.other for each in missing) else "")
        yield Finding("elastic", "warning", f"{found.place} is not set up as this version needs it", fix)
    elif found.refused:
        text = f"{counted(len(found.refused), 'document')} can never be taken"
        yield Finding("elastic", "warning", text, "blueno elastic status names them")
    else:
        yield Finding("elastic", "ok", f"{found.place}, prefix {found.prefix}: {counted(found.waiting, 'trial')} wait")


def _sinks(settings: Settings) -> Iterator[Finding]:
    """What the setting `sinks` names. It prevents no sweep: a sink gets everything when its library is there."""
    for name in settings.sinks:
        lacking = [found_in for module, found_in in LIBRARIES[name].items() if find_spec(module) is None]
        if lacking:
            text = f"{name} needs {', '.join(lacking)}, not installed"
            yield Finding("sinks", "warning", text, f"pip install {' '.join(lacking)}")
        else:
            yield Finding("sinks", "ok", f"{name} is fed while a sweep runs")


def _held(folder: Path) -> tuple[int, int]:
    """How many files a folder holds, and how many bytes. Files that vanish meanwhile count nothing."""
    sizes = [_bytes(Path(path, name)) for path, _, names in os.walk(folder) for name in names]
    return len(sizes), sum(sizes)


def _bytes(path: Path) -> int:
    try:
        return path.lstat().st_size
    except OSError:
        return 0


def _newest_event(root: Path) -> float | None:
    try:
        with closing(open_store(root, time.time(), read_only=True)) as db:
            row = db.execute("SELECT at FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    except (BluenoError, sqlite3.Error):
        return None
    return seconds(row["at"]) if row else None


CHECKS = (
    _python, _system, _libraries, _devices, _workers, _memory, _clock, _folder, _store, _scheduler, _cache, _bucket,
    _elastic, _sinks,
)  # fmt: skip
