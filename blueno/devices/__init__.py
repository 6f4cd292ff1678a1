"""What this machine has to train on, and how it is shared out into slots for workers.

A GPU is locked machine-wide by its UUID while a scheduler lives, across stores and users; one that somebody else's
process uses is left alone, and said. GPUs go by nvidia-smi's order, not CUDA's.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil

from ..errors import BluenoError
from ..executors import Slot
from ..tables import size
from .locks import FOLDER, Lock, take
from .nvidia import Gpu, find_gpus

WORKER_BYTES = 1024**3  # what a worker on the CPU may need: no more are started than fit into free memory


class Devices:
    """The devices that one scheduler may use. GPUs are looked for, and locked, when they are first asked for."""

    def __init__(
        self,
        wanted: str = "",
        per_device: int = 0,
        cpus: int = 0,
        *,
        tell: Callable[[str], None] = lambda line: None,
        environment: Mapping[str, str] = os.environ,
        locks: Path = FOLDER,
    ) -> None:
        """`wanted`: "" for what there is, "cpu", or GPUs by index or UUID, separated by commas. `per_device`: workers
        on each (0: as many as fit). `cpus`: cores to use (0: all that this process may use).
        """
        self._wanted, self._per_device = wanted.strip(), per_device
        self._cores = min(cpus or usable_cores(), usable_cores())
        self._tell, self._environment, self._lock_folder = tell, environment, locks
        self._gpus: list[Gpu] | None = None
        self._locks: list[Lock] = []

    def slots_for(self, resources: Mapping[str, Any]) -> list[Slot]:
        """The slots for trials that need `resources`: `gpus` (a count, or a share below 1), `cpus`, `memory_bytes` and
        `gpu_memory_bytes` each. Fewer than there could be, for lack of memory, are told.

        Raises BluenoError when the sweep asks for GPUs and none is free, or none is large enough.
        """
        share = resources.get("gpus")
        if self._wanted == "cpu" or share == 0:
            return self._on_cpu(resources)
        gpus = self._large_enough(resources.get("gpu_memory_bytes") or 0)
        if len(gpus) < (share or 0) or (self._wanted and not gpus):
            raise BluenoError(
                f"{len(gpus)} GPUs are free here, and the sweep needs {share or 1}",
                "wait for them, or pass --devices cpu to train on the CPU",
            )
        return self._on_gpus(gpus, resources) if gpus else self._on_cpu(resources)

    def _on_cpu(self, resources: Mapping[str, Any]) -> list[Slot]:
        threads, each_bytes = int(resources.get("cpus") or 0), resources.get("memory_bytes") or 0
        free_bytes = int(min(psutil.virtual_memory().available, memory_left()))
        slots = cpu_slots(self._cores, threads, self._per_device, free_bytes, each_bytes or WORKER_BYTES)
        most = len(cpu_slots(self._cores, threads, self._per_device, free_bytes, 0))
        if each_bytes:
            self._tell_limit(len(slots), most, "memory", each_bytes, f"{size(free_bytes)} are free")
        return slots

    def _on_gpus(self, gpus: list[Gpu], resources: Mapping[str, Any]) -> list[Slot]:
        threads, share = int(resources.get("cpus") or 0), float(resources.get("gpus") or 1)
        gpu_bytes, host_bytes = resources.get("gpu_memory_bytes") or 0, resources.get("memory_bytes") or 0
        smallest, workers = min(gpu.memory_bytes for gpu in gpus), self._per_device
        if gpu_bytes and smallest and not workers and share <= 1 / 2 and smallest // gpu_bytes < int(1 / share + 1e-9):
            workers = smallest // gpu_bytes
            there = f"the smallest GPU has {size(smallest)}"
            self._tell_limit(workers, int(1 / share + 1e-9), "gpu_memory", gpu_bytes, there, " on each GPU")
        slots = _described(gpu_slots([gpu.uuid for gpu in gpus], share, threads, workers, self._cores), gpus)
        if host_bytes and not self._per_device:
            free_bytes = int(min(psutil.virtual_memory().available, memory_left()))
            fitting = slots[: max(1, free_bytes // host_bytes)]
            self._tell_limit(len(fitting), len(slots), "memory", host_bytes, f"{size(free_bytes)} are free")
            return fitting
        return slots

    def _tell_limit(self, count: int, most: int, what: str, each_bytes: int, there: str, where: str = "") -> None:
        if count < most:
            workers = "1 worker" if count == 1 else f"{count} workers"
            self._tell(
                f"{workers}{where}, not {most}: a trial needs {size(each_bytes)} (resources.{what}), and {there}"
            )

    def close(self) -> None:
        """Gives the GPUs back to others."""
        for lock in self._locks:
            lock.release()
        self._locks, self._gpus = [], None

    def _held(self) -> list[Gpu]:
        """The GPUs that are wanted, free, and locked by us."""
        if self._gpus is None:
            self._gpus = [gpu for gpu in self._candidates() if self._lock(gpu)]
        return self._gpus

    def _large_enough(self, need_bytes: int) -> list[Gpu]:
        """Those of our GPUs that a trial fits into; the others are told. Raises BluenoError when there are none."""
        gpus = self._held()
        small = [gpu for gpu in gpus if 0 < gpu.memory_bytes < need_bytes]
        for gpu in small:
            has = f"it has {size(gpu.memory_bytes)}, and a trial needs {size(need_bytes)} (resources.gpu_memory)"
            self._tell(f"{gpu.label()} is left alone: {has}")
        if small and len(small) == len(gpus):
            raise BluenoError(
                f"no free GPU has the {size(need_bytes)} that a trial needs (resources.gpu_memory)",
                "write a smaller resources.gpu_memory, or pass --devices cpu to train on the CPU",
            )
        return [gpu for gpu in gpus if gpu not in small]

    def _candidates(self) -> list[Gpu]:
        gpus = find_gpus(self._environment, self._tell)
        if self._wanted:
            return _chosen(gpus, self._wanted)  # who names a GPU gets it, whoever else is on it
        for gpu in gpus:
            if gpu.used_by:
                self._tell(f"{gpu.label()} is left alone: {gpu.used_by} uses it (--devices {gpu.number} takes it)")
        return [gpu for gpu in gpus if not gpu.used_by]

    def _lock(self, gpu: Gpu) -> bool:
        lock = take(gpu.uuid, self._lock_folder)
        if isinstance(lock, str):
            self._tell(f"{gpu.label()} is left alone: {lock} holds it")
            return False
        self._locks.append(lock)
        return True


def _chosen(gpus: list[Gpu], wanted: str) -> list[Gpu]:
    chosen = []
    for word in dict.fromkeys(part.strip() for part in wanted.split(",") if part.strip()):
        found = [gpu for gpu in gpus if word == str(gpu.number) or (len(word) > 3 and gpu.uuid.startswith(word))]
        if len(found) != 1:
            there = ", ".join(gpu.label() for gpu in gpus) or "none"
            raise BluenoError(f"there is no GPU {word}; GPUs here: {there}", "name GPUs by index or UUID, or write cpu")
        chosen += found
    return list(dict.fromkeys(chosen))


# ---- sharing out


def cpu_slots(cores: int, threads: int, workers: int, free_bytes: int, each_bytes: int = WORKER_BYTES) -> list[Slot]:
    """Slots on `cores` cores: `workers` of them, or by default one for each `threads` cores (0: for each core), as
    long as each finds `each_bytes` of memory.

    One single-threaded worker a core is what trains small models quickest (docs/performance.md).
    """
    fitting = max(1, min(cores // max(1, threads), free_bytes // max(1, each_bytes)))
    count = workers or fitting
    each = threads or max(1, cores // count)
    return [Slot(f"cpu:{i}", "cpu", each, "", 1.0) for i in range(count)]


def gpu_slots(uuids: list[str], share: float, threads: int, workers: int, cores: int) -> list[Slot]:
    """Slots on GPUs: a share of one (0.5: two slots a GPU; or `workers` slots a GPU), one, or several (their UUIDs
    in `device`, separated by commas). The cores are shared out too, or limit the slots if each needs `threads`.
    """
    if share > 1:
        size = int(share)
        groups = [uuids[i : i + size] for i in range(0, len(uuids) - size + 1, size)]
        named = [(f"gpu:{'+'.join(group)}:0", ",".join(group), share) for group in groups]
    else:
        count = workers or int(1 / share + 1e-9)
        named = [(f"gpu:{uuid}:{i}", uuid, 1 / count if workers else share) for i in range(count) for uuid in uuids]
    if threads:
        named = named[: max(1, cores // threads)]
    each = threads or max(1, cores // len(named))
    return [Slot(name, "gpu", each, device, part) for name, device, part in named]


def _described(slots: list[Slot], gpus: list[Gpu]) -> list[Slot]:
    """The slots with the names and the memory of their GPUs."""
    by_uuid = {gpu.uuid: gpu for gpu in gpus}
    found = []
    for slot in slots:
        held = [by_uuid[uuid] for uuid in slot.device.split(",")]
        names = ", ".join(dict.fromkeys(gpu.name for gpu in held))
        found.append(slot._replace(gpu=names, gpu_bytes=sum(gpu.memory_bytes for gpu in held)))
    return found


# ---- cores


def usable_cores(cgroups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Cores that this process may use: by its affinity, and by the limits of the container it runs in."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, int(min([cores, *_limits(cgroups, own)])))


def _limits(cgroups: Path, own: Path) -> list[float]:
    """CPU limits, in cores, of the process's control group (versions 1 and 2) and of those around it."""
    limits = []
    for folder in _groups(cgroups, own):
        quota, _, period = _text(folder / "cpu.max").partition(" ")
        if not quota:
            quota, period = _text(folder / "cpu.cfs_quota_us"), _text(folder / "cpu.cfs_period_us")
        if quota.isdigit() and period.isdigit():  # "max" and "-1" are no limit
            limits.append(int(quota) / int(period))
    return limits


def memory_left(cgroups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> float:
    """Bytes until this process's control group (versions 1 and 2) or one around it is full; infinite without limits.

    Pages of files, which the kernel takes back when it must, count as free.
    """
    left = float("inf")
    for folder in _groups(cgroups, own, "memory"):
        limit, used = _text(folder / "memory.max"), _text(folder / "memory.current")
        if not limit:
            limit, used = _text(folder / "memory.limit_in_bytes"), _text(folder / "memory.usage_in_bytes")
        facts = dict(line.split(" ", 1) for line in _text(folder / "memory.stat").splitlines() if " " in line)
        if limit.isdigit() and used.isdigit():  # "max" is no limit
            left = min(left, int(limit) - int(used) + int(facts.get("inactive_file", 0)))
    return max(0.0, left)


def _groups(cgroups: Path, own: Path, controller: str = "cpu") -> list[Path]:
    groups = [cgroups, cgroups / controller]
    for line in _text(own).splitlines():
        _, controllers, path = line.split(":", 2)
        if not controllers or controller in controllers.split(","):
            base = cgroups / controller if controllers else cgroups
            inside = base / path.lstrip("/")
            groups += [inside, *(folder for folder in inside.parents if folder.is_relative_to(base))]
    return groups


def _text(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
