"""GPUs as nvidia-smi knows them. A machine without it has none; one where it hangs or fails is told so."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from shutil import which
from typing import NamedTuple

TIMEOUT_S = 20.0  # a driver that has to wake up takes seconds; a broken one hangs for ever
FREE_SHARE = 0.1  # in a container nvidia-smi hides other processes, so more memory in use than this means one


class Gpu(NamedTuple):
    number: int  # nvidia-smi's index, by bus
    uuid: str
    name: str
    memory_mb: int
    used_by: str  # who else uses it, in words; "" for nobody

    @property
    def memory_bytes(self) -> int:
        """0 where it is not told."""
        return self.memory_mb * 1024**2

    def label(self) -> str:
        """How people are told of it."""
        return f"GPU {self.number} ({self.name}, {self.uuid[:12]})"


class NvidiaFailed(Exception):
    """nvidia-smi is there but does not answer; the message says how."""


def find_gpus(environment: Mapping[str, str], tell: Callable[[str], None]) -> list[Gpu]:
    """All GPUs that this process may see (CUDA_VISIBLE_DEVICES counts), in nvidia-smi's order."""
    program = which("nvidia-smi", path=environment.get("PATH"))
    if program is None:
        return []
    try:
        rows = _query(program, "--query-gpu=index,uuid,name,memory.total,memory.used")
        users = _users(_query(program, "--query-compute-apps=gpu_uuid,pid"))
    except NvidiaFailed as error:
        tell(f"GPUs are left out: {error}")
        return []
    gpus = [_gpu(row, users) for row in rows]
    return _visible(gpus, environment.get("CUDA_VISIBLE_DEVICES"))


def _query(program: str, query: str) -> list[list[str]]:
    """The rows of one question, as cells."""
    command = [program, query, "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        raise NvidiaFailed(f"nvidia-smi did not answer within {TIMEOUT_S:g} s") from None
    except OSError as error:
        raise NvidiaFailed(f"nvidia-smi cannot be run: {error}") from None
    if answer.returncode:
        raise NvidiaFailed(f"nvidia-smi failed: {(answer.stdout + answer.stderr).strip()[:500]}")
    return [[cell.strip() for cell in line.split(",")] for line in answer.stdout.splitlines() if line.strip()]


def _users(rows: list[list[str]]) -> dict[str, list[str]]:
    users: dict[str, list[str]] = {}
    for uuid, pid in rows:
        if pid != str(os.getpid()):
            users.setdefault(uuid, []).append(pid)
    return users


def _gpu(row: list[str], users: Mapping[str, list[str]]) -> Gpu:
    number, uuid, *name, total, used = row  # a name may hold commas
    memory_mb, used_mb = _number(total), _number(used)
    used_by = f"process {', '.join(users[uuid])}" if uuid in users else ""
    if not used_by and used_mb > FREE_SHARE * memory_mb:
        used_by = f"somebody with {used_mb} MB of its memory"
    return Gpu(int(number), uuid, ", ".join(name), memory_mb, used_by)


def _number(cell: str) -> int:
    return int(cell) if cell.isdigit() else 0  # "[N/A]" where the GPU shares the host's memory


def _visible(gpus: list[Gpu], variable: str | None) -> list[Gpu]:
    """Those that CUDA_VISIBLE_DEVICES names, by index or UUID; all if it is not set."""
    if variable is None:
        return gpus
    words = [word.strip() for word in variable.split(",") if word.strip()]
    return [gpu for gpu in gpus if any(word == str(gpu.number) or gpu.uuid == word for word in words)]
