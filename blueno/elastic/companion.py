"""The sender beside a scheduler, as the scheduler sees it: a process that is started, heard and let go. Whatever goes
wrong with it, trials do not notice. Nothing of the Elasticsearch client is imported here.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

from ..settings import TYPES, Settings

WAIT_S = 5.0  # at the end, for what is sent at once; the process goes on alone if that takes longer


class Companion:
    """Does nothing where the settings name no place to send to."""

    def __init__(self, settings: Settings, tell: Callable[[str], None]) -> None:
        self.tell = tell
        self.process: subprocess.Popen[bytes] | None = None
        self._rest = b""
        if not (settings.elastic_url or settings.elastic_cloud_id):
            return
        flags = {f"BLUENO_{name.upper()}": str(getattr(settings, name)) for name in TYPES}
        try:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "blueno.elastic.process", str(settings.root)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
                env={**os.environ, **flags},
            )  # fmt: skip
        except OSError as error:
            tell(f"Elasticsearch gets nothing at present: {error}")
            return
        assert self.process.stdout is not None
        os.set_blocking(self.process.stdout.fileno(), False)

    def hear(self) -> None:
        """Passes on what it has said; never waits."""
        if self.process is None or self.process.stdout is None:
            return
        with suppress(BlockingIOError, OSError):
            while said := os.read(self.process.stdout.fileno(), 65536):
                *lines, self._rest = (self._rest + said).split(b"\n")
                for line in lines:
                    self.tell(line.decode(errors="replace"))

    def close(self, wait_s: float = WAIT_S) -> None:
        """Says that the sweep is over, and waits a little for what is sent at once."""
        if self.process is None or self.process.stdin is None or self.process.stdout is None:
            return
        with suppress(OSError):
            self.process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(wait_s)
        self.hear()
        self.process.stdout.close()
        if self.process.returncode is None:
            self.process.returncode = 0  # it goes on without us, which is no reason to warn
