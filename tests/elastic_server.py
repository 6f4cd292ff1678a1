"""A real Elasticsearch for tests: its core from Maven Central, in a folder outside of the repository."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

VERSION = "8.19.16"
UNPACK = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:unpack"
ARTIFACT = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{VERSION}:zip"
NOBODY = 65534  # the server refuses to run as root
JAVA = 17


class Missing(Exception):
    """The server cannot be had here."""


def cache_folder() -> Path:
    """Where the server is kept between runs; root's is where another user can read it."""
    given = os.environ.get("BLUENO_TEST_CACHE")
    if given:
        return Path(given)
    return Path("/var/cache/blueno-tests") if os.geteuid() == 0 else Path.home() / ".cache" / "blueno-tests"


def java_home() -> Path:
    """The home of a Java that runs this server."""
    candidates = [*sorted(Path("/usr/lib/jvm").glob(f"*{JAVA}*")), Path(os.environ.get("JAVA_HOME", "/nowhere"))]
    for home in candidates:
        release = home / "release"
        if (home / "bin" / "java").exists() and (not release.exists() or f'"{JAVA}.' in release.read_text()):
            return home.resolve()
    raise Missing(f"there is no Java {JAVA} (Debian: openjdk-{JAVA}-jre-headless)")


def distribution() -> Path:
    """The unpacked server, fetched once."""
    folder = cache_folder() / f"elasticsearch-{VERSION}"
    if folder.exists():
        return folder
    if shutil.which("mvn") is None:
        raise Missing("there is no Maven to fetch it (Debian: maven)")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if folder.exists():
            return folder
        with tempfile.TemporaryDirectory(dir=folder.parent) as unpacked:
            command = ["mvn", "-B", "-q", UNPACK, f"-DoutputDirectory={unpacked}", f"-Dartifact={ARTIFACT}"]
            fetched = subprocess.run(command, cwd=unpacked, capture_output=True, text=True, timeout=600)
            if fetched.returncode:
                raise Missing(f"Maven cannot fetch it: {(fetched.stdout + fetched.stderr)[-500:]}")
            made = Path(unpacked) / folder.name
            for path in (made / "bin").iterdir():
                path.chmod(0o755)
            subprocess.run(["chmod", "-R", "a+rX", unpacked], check=True)
            made.rename(folder)
    return folder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One server with data of its own, which can be killed and started again on the same port."""

    def __init__(self) -> None:
        self.program, self.java, self.port = distribution(), java_home(), free_port()
        self.folder = Path(tempfile.mkdtemp(prefix="blueno-elastic-"))
        shutil.copytree(self.program / "config", self.folder / "config")
        (self.folder / "tmp").mkdir()
        memory = Path("/dev/shm")  # where there is one: the server flushes each index it makes, and many are made
        self.data = Path(tempfile.mkdtemp(prefix="blueno-elastic-", dir=memory if os.access(memory, os.W_OK) else None))
        self.process: subprocess.Popen[bytes] | None = None
        if os.geteuid() == 0:
            for path in (self.data, self.folder, *self.folder.rglob("*")):
                os.chown(path, NOBODY, NOBODY)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, wait_s: float = 300.0) -> None:
        """Starts it, and waits until it answers."""
        settings = {
            "discovery.type": "single-node", "network.host": "127.0.0.1", "http.port": self.port,
            "transport.port": free_port(), "path.data": self.data, "path.logs": self.folder / "logs",
            "xpack.security.enabled": "false", "cluster.routing.allocation.disk.threshold_enabled": "false",
        }  # fmt: skip
        options = [word for name, value in settings.items() for word in ("-E", f"{name}={value}")]
        home = str(self.folder)
        environment = {
            "PATH": os.environ["PATH"], "HOME": home, "ES_JAVA_HOME": str(self.java), "ES_TMPDIR": f"{home}/tmp",
            "ES_PATH_CONF": f"{home}/config", "ES_JAVA_OPTS": "-Xms512m -Xmx512m",
        }  # fmt: skip
        user: dict[str, Any] = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                [self.program / "bin" / "elasticsearch", *options], env=environment, cwd=home,
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **user,
            )  # fmt: skip
        end = time.monotonic() + wait_s
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > end:
                said = (self.folder / "output").read_text(errors="replace")[-2000:]
                self.kill()
                raise RuntimeError(f"Elasticsearch does not start: {said}")
            time.sleep(0.2)

    def answers(self) -> bool:
        try:
            return bool(self.ask("GET", "/_cluster/health"))
        except OSError:
            return False

    def kill(self) -> None:
        """`kill -9`, the server and what it started."""
        if self.process is not None:
            try:
                os.killpg(self.process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            self.process.wait()
            self.process = None

    def close(self) -> None:
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.data, ignore_errors=True)

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """What it answers to a request, without any of our own code between."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def documents(self, index: str, **match: Any) -> list[dict[str, Any]]:
        """The documents of an index (or alias) with these values, refreshed; up to 10,000."""
        self.ask("POST", f"/{index}/_refresh")
        query = {"bool": {"filter": [{"term": {name: value}} for name, value in match.items()]}}
        found = self.ask("POST", f"/{index}/_search", {"query": query, "size": 10_000, "version": True})
        return [{**hit["_source"], "_id": hit["_id"], "_version": hit["_version"]} for hit in found["hits"]["hits"]]

    def count(self, index: str) -> int:
        try:
            self.ask("POST", f"/{index}/_refresh")
            return int(self.ask("GET", f"/{index}/_count")["count"])
        except urllib.error.HTTPError as error:
            if error.code == 404:
                return 0
            raise


class Running(Server):
    """A server that somebody else started, and ends: nothing of it may be killed."""

    def __init__(self, port: int) -> None:
        self.port = port

    def close(self) -> None:
        pass


def started(shared: bool = False) -> Server:
    """A server that runs. Where it cannot be had the tests that want it are skipped; under CI they fail.

    `shared`: the test does not break it, so that one that runs already will do (BLUENO_TEST_ELASTIC_PORT).
    """
    if shared and (port := os.environ.get("BLUENO_TEST_ELASTIC_PORT")):
        return Running(int(port))
    try:
        server = Server()
    except Missing as missing:
        if os.environ.get("CI"):
            pytest.fail(f"no Elasticsearch for the tests: {missing}")
        pytest.skip(f"no Elasticsearch for this test: {missing}")
    server.start()
    return server
