"""The server that these benchmarks run against, the same as the tests'."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.gcs_server import Server, server_binary


@contextmanager
def served() -> Iterator[tuple[Server, Path]]:
    """A server, found by Google's libraries, and a folder for files; both are gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(server_binary(), Path(folder) / "server")
        server.start()
        os.environ["STORAGE_EMULATOR_HOST"] = server.url
        try:
            yield server, Path(folder)
        finally:
            del os.environ["STORAGE_EMULATOR_HOST"]
            server.kill()
