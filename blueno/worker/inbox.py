"""The messages that came for a worker, while it was busy or not."""

from __future__ import annotations

import time
from collections import deque
from queue import Empty, SimpleQueue

from ..messages import Message


class Inbox:
    """Filled by one thread, read by another. What is looked at and not taken is got later, in order."""

    def __init__(self) -> None:
        self._arriving: SimpleQueue[Message] = SimpleQueue()
        self._kept: deque[Message] = deque()
        self._stopped: set[tuple[str, int]] = set()

    def put(self, message: Message) -> None:
        """A message has come. That a trial is stopped is known at once, whatever came before it."""
        if message["kind"] == "stop":
            self._stopped.add((message["trial"], message["attempt"]))
        self._arriving.put(message)

    def is_stopped(self, message: Message) -> bool:
        """Whether nobody waits any more for the trial that a message is about."""
        return (message.get("trial"), message.get("attempt")) in self._stopped

    def get(self) -> Message:
        """The oldest message; waits for one."""
        return self._kept.popleft() if self._kept else self._arriving.get()

    def look(self, timeout_s: float = 0.0) -> Message | None:
        """The next message that has come and was not kept; None if none comes in time."""
        try:
            return self._arriving.get(block=timeout_s > 0, timeout=timeout_s)
        except Empty:
            return None

    def keep(self, message: Message) -> None:
        """Not now."""
        self._kept.append(message)

    def answer(self, trial: str, attempt: int, timeout_s: float) -> str:
        """What is said of a trial that runs, `go` or `stop`; "" if nothing comes in time. Other messages are kept."""
        if (trial, attempt) in self._stopped:
            return "stop"
        end_s = time.monotonic() + timeout_s
        while (message := self.look(max(0.0, end_s - time.monotonic()))) is not None:
            if message["kind"] not in ("go", "stop"):
                self.keep(message)
            elif (message["trial"], message["attempt"]) == (trial, attempt):
                return str(message["kind"])
        return ""

    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self._kept and self._arriving.empty()
