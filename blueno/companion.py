"""A process beside a scheduler that shows results elsewhere, as the scheduler sees it: it is started, heard and let go.
Whatever goes wrong with it, trials do not notice. Nothing of what such a process uses is imported here.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from .settings import Settings, as_variables

GAVE_UP = 3  # exit code of the process when it has said why it can do nothing: nobody needs to start it again
AGAIN_S, LONGEST_AGAIN_S = 5.0, 300.0  # until a process that died is started again, each time twice as long


def is_over(input_fd: int, timeout_s: float) -> bool:
    """For the process: whether the scheduler is gone, or goes; waits up to so long for that."""
    ready, _, _ = select.select([input_fd], [], [], timeout_s)
    return bool(ready) and not os.read(input_fd, 64)


class Work(NamedTuple):
    """What a process beside the scheduler is for."""

    module: str  # run with the root as its argument
    place: str  # where what it sends goes, for people
    is_wanted: Callable[[Settings], bool]
    look: str = ""  # the command that says how it stands, if the process says an empty line when it has begun


ELASTIC = Work(
    "blueno.elastic.process", "Elasticsearch", lambda settings: bool(settings.elastic_url or settings.elastic_cloud_id),
    "blueno elastic status",
)  # fmt: skip
SINKS = Work("blueno.sinks.process", "the sinks", lambda settings: bool(settings.sinks))


class Companion:
    """Does nothing where the settings do not want its work."""

    def __init__(self, settings: Settings, work: Work, tell: Callable[[str], None], again_s: float = AGAIN_S) -> None:
        self.settings, self.work, self.tell, self._again_s = settings, work, tell, again_s
        self.process: subprocess.Popen[bytes] | None = None
        self._due: float | None = None  # when one that died is started again, on the monotonic clock
        self._told = False
        self._begun = False  # as the process has said
        if work.is_wanted(settings):
            self._start()

    def _start(self) -> None:
        self._rest = b""
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", self.work.module, str(self.settings.root)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
                env={**os.environ, **as_variables(self.settings)},
            )  # fmt: skip
        except OSError as error:
            self.tell(f"{self.work.place}: nothing is sent at present: {error}")
            return
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)

    def hear(self) -> None:
        """Passes on what it has said; starts it again when it has died. Never waits."""
        self._listen()
        if self.process is not None and self.process.poll() not in (None, 0, GAVE_UP):
            self._start_again(self.process)

    def _start_again(self, dead: subprocess.Popen[bytes]) -> None:
        """Starts it again when it is time to."""
        if not self._told:
            self._told = True
            self.tell(
                f"the process that sends to {self.work.place} died (exit code {dead.returncode}); it is started again,"
                " and what it should send waits here"
            )
        if self._due is None:
            self._due = time.monotonic() + self._again_s
            self._again_s = min(LONGEST_AGAIN_S, 2 * self._again_s)
        elif time.monotonic() >= self._due:
            self._due = None
            self.close()
            self._start()

    def _listen(self) -> None:
        if self.process is None or self.process.stdout is None or self.process.stdout.closed:
            return
        with suppress(BlockingIOError, OSError):
            while said := os.read(self.process.stdout.fileno(), 65536):
                *lines, self._rest = (self._rest + said).split(b"\n")
                self._begun = self._begun or b"" in lines
                for line in filter(None, lines):
                    self.tell(line.decode(errors="replace"))

    def close(self, wait_s: float = 0.0) -> None:
        """Says that the sweep is over; the process sends what is left and ends by itself. Waits only if told to."""
        if self.process is None or self.process.stdin is None or self.process.stdout is None:
            return
        with suppress(OSError):
            self.process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(wait_s)
        self._listen()
        self.process.stdout.close()
        self._tell_the_end(self.process.returncode)
        if self.process.returncode is None:
            self.process.returncode = 0  # it goes on without us, which is no reason to warn

    def _tell_the_end(self, code: int | None) -> None:
        """What nobody has told yet of a process that is let go."""
        if code not in (None, 0, GAVE_UP) and not self._told:
            self.tell(f"the process that sends to {self.work.place} died (exit code {code}); what it should send waits")
        elif code in (None, 0) and self.work.look and not self._begun and not self._told:
            after = f"that happens now, after the end ({self.work.look} says whether it worked)"
            self.tell(f"{self.work.place}: nothing was sent yet; {after}")
