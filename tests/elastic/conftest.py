"""One real server for all tests here that do not break theirs; each works under a prefix of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..elastic_server import Server, started


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A server takes its time to start where the machine is busy."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(900))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    server = started(shared=True)
    yield server
    server.close()


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that the test may kill."""
    server = started()
    yield server
    server.close()


@pytest.fixture
def prefix() -> str:
    return f"t{uuid.uuid4().hex[:10]}"
