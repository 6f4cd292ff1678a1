"""Guards for every test: no network, no home folder, a clean environment, a root that was chosen."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gcs_server import Server, server_binary

ROOT = Path(__file__).parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes minutes begins first, so that it does not run alone at the end."""
    items.sort(key=lambda item: item.path.name != "test_jax.py")


@pytest.fixture(autouse=True)
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("BLUENO_"):
            monkeypatch.delenv(name)
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("BLUENO_ROOT", str(tmp_path / "you-forgot-to-choose-a-root"))
    real = socket.socket.connect

    def connect(self: socket.socket, address: object) -> None:
        if self.family == socket.AF_INET and isinstance(address, tuple) and not str(address[0]).startswith("127."):
            raise AssertionError(f"a test reached for the network: {address}")
        return real(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", connect)


@pytest.fixture(scope="session")
def gcs_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of Google Cloud Storage's protocol; a test that kills it starts it again."""
    server = Server(server_binary(), tmp_path_factory.mktemp("gcs"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def bucket(gcs_server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """`gs://` and the name of an empty bucket, which client libraries find without credentials."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    gcs_server.make_bucket(name)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", gcs_server.url)
    return f"gs://{name}"
