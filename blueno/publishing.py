"""The scheduler's hand on the publisher: started when something waits to be sent, heard, and left to end by itself.

Nothing waits for it: neither a trial nor the end of a command.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .cache.outbox import made, noted, outbox_of
from .settings import Settings

EVERY_S = 1.0
AGAIN_S = 60.0  # after a publisher has died
SAID = re.compile(r"\d{4}-\d\d-\d\dT\S+ ")  # how a line begins that the publisher wrote


@dataclass
class Publishing:
    """The publisher of a root, as one scheduler sees it."""

    settings: Settings
    tell: Callable[[str], None]
    process: subprocess.Popen[bytes] | None = None
    heard: int = 0  # bytes of its log
    next_s: float = 0.0
    failed: str = ""  # what was told of a failure to start it

    @property
    def log(self) -> Path:
        return self.settings.root / "logs" / "cache.log"

    def tend(self) -> None:
        """Called at every turn of the loop: starts the process if it is needed, and passes on what it says."""
        now = time.monotonic()
        if not self.settings.cache or now < self.next_s:
            return
        self.next_s = now + EVERY_S
        try:
            self._hear()
            if self.process is not None and self.process.poll() is not None:
                self.process, self.next_s = None, now + AGAIN_S
            elif self.process is None and noted(outbox_of(self.settings.root)):
                self._start()
        except OSError as error:  # a full disk, no process to be had: no reason to end a sweep
            self.next_s = now + AGAIN_S
            self._tell_failure(error)

    def leave(self) -> None:
        """At the end of the loop, or of a command that needs none: says what is not sent yet. The process goes on
        until it is, or cannot be.
        """
        if not self.settings.cache:
            return
        try:
            self._leave()
        except OSError as error:
            self._tell_failure(error)

    def _leave(self) -> None:
        if self.process is None and noted(outbox_of(self.settings.root)):
            self._start()
        if self.process is not None:
            self._hear()
            assert self.process.stdin is not None
            self.process.stdin.close()
            threading.Thread(target=self.process.wait, daemon=True).start()
        waiting = len(made(outbox_of(self.settings.root)))
        if waiting:
            self.tell(
                f"what was made here ({waiting} datasets, nodes and trials) is still on its way to"
                f" {self.settings.cache}: a process goes on with it, and if it cannot, the next sweep does ({self.log})"
            )

    def _tell_failure(self, error: OSError) -> None:
        text = f"nothing is sent to {self.settings.cache} now ({error.strerror or type(error).__name__})"
        if text != self.failed:
            self.failed = text
            self.tell(f"{text}; what was made here stays noted and is sent later")

    def _start(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.heard = output.tell()
            self.process = subprocess.Popen(  # -P: a module of the project's folder is the user's, not ours
                [sys.executable, "-P", "-m", "blueno.cache.publisher", str(self.settings.root)],
                stdin=subprocess.PIPE, stdout=output, stderr=output, start_new_session=True,
                cwd=self.settings.root, env={**os.environ, "BLUENO_CACHE": self.settings.cache},
            )  # fmt: skip

    def _hear(self) -> None:
        if self.process is None or not self.log.exists():
            return
        with self.log.open("rb") as file:
            file.seek(self.heard)
            whole, _, _ = file.read().rpartition(b"\n")
        self.heard += len(whole) + 1 if whole else 0
        for line in whole.decode(errors="replace").splitlines():
            if SAID.match(line):  # the rest is what Python says of a crash, and stays in the log
                self.tell(line.partition(" ")[2])
