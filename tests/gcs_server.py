"""A real server of Google Cloud Storage's protocol: fake-gcs-server, built once by Go and kept outside the repository.

A test may kill it and start it again on the same port with the same data.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

VERSION = "v1.56.1"
MODULE = f"github.com/fsouza/fake-gcs-server@{VERSION}"
BINARIES = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "blueno" / "tests" / VERSION
PATIENCE_S = 30.0


class Server:
    """A running server with its data in a folder. Every bucket that a test names has to be made first."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.binary, self.folder, self.port = binary, folder, _free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Starts it, or starts it again, and waits until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.process = subprocess.Popen(
            [
                str(self.binary), "-scheme", "http", "-host", "127.0.0.1", "-port", str(self.port),
                "-backend", "filesystem", "-filesystem-root", str(self.folder), "-log-level", "error",
                "-public-host", f"127.0.0.1:{self.port}", "-external-url", self.url,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )  # fmt: skip
        end_s = time.monotonic() + PATIENCE_S
        while time.monotonic() < end_s:
            try:
                urllib.request.urlopen(f"{self.url}/storage/v1/b?project=none", timeout=1).close()
                return
            except urllib.error.HTTPError:
                return
            except OSError:
                assert self.process.poll() is None, f"fake-gcs-server ended with {self.process.returncode}"
                time.sleep(0.05)
        raise AssertionError(f"fake-gcs-server does not answer on {self.url}")

    def kill(self) -> None:
        """`kill -9`; its data stays."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def make_bucket(self, name: str) -> None:
        (self.folder / name).mkdir(parents=True, exist_ok=True)


def server_binary() -> Path:
    """The program, built if it is not there yet. Skips the test without Go; fails it under CI."""
    binary = BINARIES / "fake-gcs-server"
    if binary.exists():
        return binary
    go = shutil.which("go")
    if go is None:
        _refuse("Go is not installed, so that fake-gcs-server cannot be built (apt-get install golang-go)")
    BINARIES.mkdir(parents=True, exist_ok=True)
    making = BINARIES / f"making-{os.getpid()}"
    built = subprocess.run(
        [str(go), "install", MODULE], env={**os.environ, "GOBIN": str(making)}, capture_output=True, text=True
    )
    if built.returncode:
        _refuse(f"fake-gcs-server could not be built: {built.stderr.strip()[-400:]}")
    os.replace(making / "fake-gcs-server", binary)
    making.rmdir()
    return binary


def _refuse(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
