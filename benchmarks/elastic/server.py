"""The server that these benchmarks run against, the same as the tests'."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from tests.elastic_server import Running, Server


@contextmanager
def served() -> Iterator[Server]:
    """A server of its own; that of the tests, where one runs (BLUENO_TEST_ELASTIC_PORT)."""
    port = os.environ.get("BLUENO_TEST_ELASTIC_PORT")
    server = Running(int(port)) if port else Server()
    try:
        if not port:
            server.start()
        yield server
    finally:
        server.close()
