"""Where workers live. An executor starts workers, carries messages to and from them, and stops them.

It decides nothing: the scheduler does. Adding one is a file here and a line in `EXECUTORS`.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

from ..messages import Message

Engine = Literal["fit", "fused"]


class Slot(NamedTuple):
    """A device, or a share of one, that one worker may hold."""

    name: str  # "cpu:0", "gpu:GPU-5c2f...:0"; unique on this machine
    kind: str  # "cpu" or "gpu"
    threads: int  # CPU threads the worker may use
    device: str  # a GPU's UUID, "" for the CPU
    share: float  # 1.0 for a whole device, 0.5 for half a GPU
    gpu: str = ""  # the name of its GPU, as nvidia-smi knows it: "NVIDIA H200"
    gpu_bytes: int = 0  # the memory of its GPU, or of all of them; 0 where it is not told


class WorkerSpec(NamedTuple):
    """Everything a new worker is told before its first message."""

    id: str
    slot: Slot
    root: Path  # where what it makes lies: the project's root
    snapshot: str  # key of the code snapshot it is bound to, "" for none
    interpreter: str  # the Python recorded at submission
    project: Path | None = None  # where it works, and whose settings, credentials and raw data it has, if not the root
    engine: Engine = "fit"  # what trains its networks


class Executor(Protocol):
    """The seam. No call blocks but `receive`, and that for at most `timeout_s`."""

    # Starts a worker; it will answer with a `ready` message, or `gone` if it could not start.
    def start(self, worker: WorkerSpec) -> None: ...

    # Sends a message; a worker that is gone swallows it (its `gone` is on the way).
    def send(self, worker_id: str, message: Message) -> None: ...

    # What workers said, oldest first, as (worker id, message). A worker that ended says `gone` exactly once, last.
    def receive(self, timeout_s: float) -> list[tuple[str, Message]]: ...

    # Ends a worker and everything it started, at once. Its `gone` follows.
    def kill(self, worker_id: str) -> None: ...

    # The process behind a worker as (pid, start time), so that a later scheduler can end what a dead one left.
    def process(self, worker_id: str) -> tuple[int, float] | None: ...

    # Ends all workers and waits for them.
    def close(self) -> None: ...


EXECUTORS = {"inline": "inline:InlineExecutor", "local": "local:LocalExecutor"}


def open_executor(name: str) -> Executor:
    """The executor that goes by `name` in `EXECUTORS`."""
    module, _, attribute = EXECUTORS[name].partition(":")
    factory: Callable[[], Executor] = getattr(import_module(f".{module}", __name__), attribute)
    return factory()
