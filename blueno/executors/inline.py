"""Workers inside this process: nothing is spawned, `breakpoint()` works, and a segmentation fault is ours too."""

from __future__ import annotations

import os
import time
from bdb import BdbQuit
from collections import deque
from dataclasses import dataclass, field

from .. import environment
from ..messages import Message
from ..worker.work import Worker, handle, open_worker
from . import WorkerSpec


@dataclass
class _Held:
    worker: Worker
    waiting: deque[Message] = field(default_factory=deque)


class InlineExecutor:
    """An `Executor` whose `receive` itself does the work, one message a call."""

    def __init__(self) -> None:
        self._workers: dict[str, _Held] = {}
        self._said: list[tuple[str, Message]] = []

    def start(self, worker: WorkerSpec) -> None:
        opened = open_worker(
            worker.id, worker.root, worker.slot.threads, redirect=False, fatal=(KeyboardInterrupt, BdbQuit),
            project=worker.project,
        )  # fmt: skip
        self._workers[worker.id] = _Held(opened)
        facts = environment.facts(worker.slot, "inline")
        self._said.append((worker.id, {"kind": "ready", "pid": os.getpid(), "environment": facts}))

    def send(self, worker_id: str, message: Message) -> None:
        held = self._workers.get(worker_id)
        if held is None or message["kind"] == "go":  # nobody waits for an answer here
            return
        if message["kind"] == "stop":
            key = (message["trial"], message["attempt"])
            held.waiting = deque(each for each in held.waiting if (each.get("trial"), each.get("attempt")) != key)
        else:
            held.waiting.append(message)

    def receive(self, timeout_s: float) -> list[tuple[str, Message]]:
        if not self._said:
            busy = next((id for id, held in self._workers.items() if held.waiting), None)
            if busy is None:
                time.sleep(timeout_s)  # nobody else could say anything meanwhile
            else:
                self._work(busy)
        said, self._said = self._said, []
        return said

    def kill(self, worker_id: str) -> None:
        if worker_id in self._workers:
            self._end(worker_id, "killed")

    def process(self, worker_id: str) -> None:
        """None: a later scheduler must not take the process of an earlier one for a worker's."""

    def close(self) -> None:
        for worker_id in list(self._workers):
            self.kill(worker_id)

    def _work(self, worker_id: str) -> None:
        held = self._workers[worker_id]
        message = held.waiting.popleft()
        if message["kind"] == "finish":
            self._end(worker_id, "exited 0")
        else:
            handle(held.worker, message, lambda answer: self._said.append((worker_id, answer)))

    def _end(self, worker_id: str, reason: str) -> None:
        del self._workers[worker_id]
        self._said.append((worker_id, {"kind": "gone", "reason": reason, "output": ""}))
