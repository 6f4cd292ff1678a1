"""Two levels of cache: a dataset is built once among machines, and nothing that is wrong with the bucket stops one."""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from blueno.cache import Cache
from blueno.cache.downloads import half_of
from blueno.cache.folder import FolderCache
from blueno.cache.gcs import GcsCache
from blueno.cache.google import storage_client
from blueno.cache.opening import local_cache
from blueno.cache.outbox import noted, outbox_of
from blueno.cache.parts import parts_in
from blueno.cache.publisher import publish
from blueno.cache.tiers import TieredCache
from blueno.cache.twice import Removed, Versioned, fetched
from blueno.canonical import digest
from blueno.errors import CacheDamaged, CacheUnavailable
from blueno.etl.build import build
from blueno.etl.dataset import check_dataset
from blueno.testing import CacheContract
from tests.gcs_server import Server
from tests.proxy import Proxy

COLUMNS = dict.fromkeys(("target", "features", "drop", "id", "group", "time", "task", "positive", "target_scale"))
SPLIT = {"test": 0.2, "validation": 0.2, "stratify": True, "group": None, "seed": 0, "stop": None}
SOURCE = {"name": "sklearn", "params": {"name": "digits"}, "code": 1, "fingerprint": None}

# urllib3 leaves sockets to the garbage collector after an answer that ends the connection
pytestmark = pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")


def recipe(seed: int = 0) -> dict[str, Any]:
    return {"columns": COLUMNS, "fold": None, "source": SOURCE, "split": {**SPLIT, "seed": seed}, "steps": []}


def fitted() -> dict[str, Any]:
    """A recipe whose dataset shares no features with the nodes that it is made from."""
    return recipe() | {"steps": [{"name": "scale", "params": {"method": "standard"}, "columns": None, "code": 1}]}


def manifest_of(made: dict[str, Any]) -> str:
    return f"datasets/{digest(made)}.json"


MANIFEST = manifest_of(recipe())


class Counted:
    """A cache that remembers what was asked of it."""

    def __init__(self, cache: Cache) -> None:
        self.cache, self.scratch = cache, cache.scratch
        self.got: list[str] = []
        self.put: list[str] = []
        self.stat, self.list, self.delete = cache.stat, cache.list, cache.delete
        if isinstance(cache, Versioned):
            self.version, self.delete_version = cache.version, cache.delete_version

    def get(self, key: str) -> Path:
        self.got.append(key)
        return self.cache.get(key)

    def put_if_absent(self, key: str, source: Path) -> bool:
        self.put.append(key)
        return self.cache.put_if_absent(key, source)


class Machine:
    """A root of its own that shares a bucket."""

    def __init__(self, root: Path, url: str, patience_s: float = 10.0) -> None:
        self.root, self.local, self.notes = root, local_cache(root), outbox_of(root)
        self.said: list[str] = []
        self.remote = Counted(GcsCache(url, self.local.scratch, storage_client(root), patience_s))
        self.cache = TieredCache(self.local, lambda: self.remote, self.notes, url, self.said.append)

    def build(self, seed: int = 0, made: dict[str, Any] | None = None) -> list[str]:
        """What had to be computed."""
        return build(made or recipe(seed), self.cache).computed

    def publish(self) -> int:
        return publish(self.local, self.remote, self.notes, self.said.append)

    def close(self) -> None:
        assert isinstance(self.remote.cache, GcsCache)
        self.remote.cache.client.close()

    def is_sound(self, made: dict[str, Any] | None = None) -> bool:
        leftovers = [path for path in self.local.scratch.iterdir() if path.is_file()]
        return check_dataset(digest(made or recipe()), self.local) == [] and leftovers == []

    def parts(self, made: dict[str, Any] | None = None) -> list[dict[str, Any]]:
        manifest = json.loads(self.local.get(manifest_of(made or recipe())).read_text())
        return sorted(parts_in(manifest), key=lambda part: part["bytes"])  # type: ignore[return-value, arg-type]


@pytest.fixture
def machines(tmp_path: Path, bucket: str) -> Iterator[Callable[..., Machine]]:
    """Makes machines by their names."""
    made: list[Machine] = []

    def machine(name: str, patience_s: float = 10.0) -> Machine:
        made.append(Machine(tmp_path / name, bucket, patience_s))
        return made[-1]

    yield machine
    for each in made:
        each.close()
    gc.collect()


@pytest.fixture
def one(machines: Callable[..., Machine]) -> Machine:
    return machines("one")


@pytest.fixture
def two(machines: Callable[..., Machine]) -> Machine:
    return machines("two")


@pytest.fixture
def three(machines: Callable[..., Machine]) -> Machine:
    return machines("three")


@pytest.fixture
def proxy(gcs_server: Server) -> Iterator[Proxy]:
    proxy = Proxy(gcs_server.port)
    yield proxy
    proxy.close()


@pytest.fixture
def behind(machines: Callable[..., Machine], proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine that reaches the bucket through the proxy."""
    with monkeypatch.context() as patch:
        patch.setenv("STORAGE_EMULATOR_HOST", proxy.url)
        return machines("behind", 1.0)


class TestTieredCache(CacheContract):
    @pytest.fixture
    def cache(self, one: Machine) -> TieredCache:
        return one.cache


# ---- what is built once


def test_what_a_machine_has_built_is_fetched_by_others(one: Machine, two: Machine) -> None:
    assert one.build() != []
    assert one.publish() == 2  # the dataset, and the node of its source
    assert noted(one.notes) == []
    assert two.build() == []
    assert two.is_sound()
    assert noted(two.notes) == []
    assert any(line.startswith("dataset ") and "came from gs://" in line for line in two.said)


def test_what_is_here_asks_nobody(one: Machine) -> None:
    one.build()
    one.remote.got.clear()
    assert one.build() == []
    assert one.remote.got == []


def test_only_what_is_lacking_is_fetched_and_sent(one: Machine, two: Machine) -> None:
    one.build(0)
    one.publish()
    one.build(1)
    one.remote.put.clear()
    one.publish()
    features = one.parts()[-1]["key"]
    assert features not in one.remote.put
    assert len(one.remote.put) == 4  # the rows of three parts, and the manifest
    two.build(0)
    two.remote.got.clear()
    assert two.build(1) == []
    assert len(two.remote.got) == 4
    assert features not in two.remote.got


def test_two_machines_that_race_build_once_each_and_publish_once(one: Machine, two: Machine, three: Machine) -> None:
    with ThreadPoolExecutor(2) as pool:
        assert all(len(computed) <= 2 for computed in pool.map(lambda machine: machine.build(), (one, two)))
        counts = list(pool.map(lambda machine: machine.publish(), (one, two)))
    assert sum(counts) >= 2
    assert sorted(one.remote.list("datasets/")) == [MANIFEST]
    assert three.build() == []
    assert three.is_sound()


BUILDER = """
import json, sys
from pathlib import Path
from blueno.cache.opening import open_cache
from blueno.etl.build import build
print(json.dumps(build(json.loads(sys.argv[2]), open_cache(Path(sys.argv[1]))).computed))
print([name for name in sys.modules if name.startswith(("google.cloud", "google.auth", "blueno.cache.tiers"))])
"""


def builder(root: Path, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(root), json.dumps(recipe())],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **variables},
    )


def test_of_many_processes_one_fetches(one: Machine, two: Machine, bucket: str) -> None:
    one.build()
    one.publish()
    processes = [builder(two.root, BLUENO_CACHE=bucket) for _ in range(2)]
    assert [process.communicate()[0].splitlines()[0] for process in processes] == ["[]"] * 2
    assert two.is_sound()


def test_without_the_setting_nothing_is_imported(tmp_path: Path) -> None:
    computed, modules = builder(tmp_path / "new").communicate()[0].splitlines()
    assert computed != "[]"
    assert modules == "[]"


# ---- what is damaged


def test_what_was_cut_short_here_comes_again(machines: Callable[..., Machine]) -> None:
    first = machines("one")
    first.build()
    first.publish()
    one = machines("one")  # a new process on the same root
    path = one.local.get(one.parts()[-1]["key"])
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:1000])
    assert one.build() == []
    assert one.is_sound()


def test_what_is_damaged_here_is_not_sent(one: Machine) -> None:
    one.build()
    path = one.local.get(one.parts()[-1]["key"])
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert one.publish() == 0
    assert "is damaged here and is not sent" in "".join(one.said)
    assert list(one.remote.list("datasets/")) == []
    assert one.build() != []
    assert one.publish() > 0
    assert one.is_sound()


def spoil(how: str, machine: Machine, server: Server) -> None:
    """Damages what the bucket holds of the features, or of the manifest."""
    key = machine.parts(fitted())[-1]["key"]
    gcs = machine.remote.cache
    assert isinstance(gcs, GcsCache)
    if how == "truncated":
        path = server.folder / gcs.bucket.name / key
        os.truncate(path, 1000)
    elif how == "other bytes":
        content = gcs.get(key).read_bytes()
        gcs.bucket.blob(key).upload_from_string(content[:-1] + b"!")
    elif how == "shorter":
        gcs.bucket.blob(key).upload_from_string(b"short")
    elif how == "deleted":
        gcs.delete(key)
    elif how == "manifest":
        gcs.bucket.blob(manifest_of(fitted())).upload_from_string(b'{"recipe": {}}')


@pytest.mark.parametrize("how", ["truncated", "other bytes", "shorter", "deleted", "manifest"])
def test_damage_in_the_bucket_is_found_told_and_mended(
    how: str, one: Machine, two: Machine, three: Machine, gcs_server: Server
) -> None:
    one.build(made=fitted())
    one.publish()
    spoil(how, one, gcs_server)
    assert two.build(made=fitted()) != []
    assert any("damaged" in line or "gone from it" in line for line in two.said)
    assert two.is_sound(fitted())
    two.publish()
    assert three.build(made=fitted()) == []
    assert three.is_sound(fitted())


class Forbidding(Counted):
    """A cache that may not be deleted from."""

    def __init__(self, cache: Cache) -> None:
        super().__init__(cache)
        self.delete = self.delete_version = self.refuse  # type: ignore[assignment]

    def refuse(self, key: str, version: int = 0) -> None:
        raise CacheUnavailable("403, not allowed")


class Vanishing(FolderCache):
    """A folder from which somebody removes things in this very moment."""

    def get(self, key: str) -> Path:
        path = super().get(key)
        if key.startswith("parts/"):
            path.unlink()
        return path


class Odd(FolderCache):
    """A folder on a disk that fails for one key."""

    def get(self, key: str) -> Path:
        if key == MANIFEST:
            raise PermissionError("private")
        return super().get(key)


def test_a_manifest_that_cannot_be_read_here_holds_up_nothing(one: Machine, two: Machine) -> None:
    one.build()
    one.build(1)
    path = one.local.get(MANIFEST)
    path.chmod(0o644)
    path.write_bytes(b"{")
    assert one.publish() == 2
    assert "damaged here and is not sent" in "".join(one.said)
    assert (noted(one.notes), one.local.stat(MANIFEST)) == ([], None)
    assert two.build(1) == []


def test_what_is_removed_while_it_is_sent_is_not_here(one: Machine) -> None:
    one.build()
    one.local = Vanishing(one.local.root)
    assert one.publish() == 0
    assert noted(one.notes) == []


def test_whatever_goes_wrong_with_one_holds_up_no_other(one: Machine) -> None:
    one.build()
    one.build(1)
    one.local = Odd(one.local.root)
    with pytest.raises(CacheUnavailable, match="PermissionError"):
        one.publish()
    assert noted(one.notes) == [MANIFEST]
    assert "PermissionError" in "".join(one.said) and "private" not in "".join(one.said)


def test_without_the_right_to_delete_one_damaged_object_holds_up_nothing(one: Machine, two: Machine) -> None:
    one.build(made=fitted())
    one.build(1)
    gcs = one.remote.cache
    assert isinstance(gcs, GcsCache)
    gcs.bucket.blob(one.parts(fitted())[-1]["key"]).upload_from_string(b"short")
    one.remote = Forbidding(gcs)
    with pytest.raises(CacheUnavailable, match="cannot be removed"):
        one.publish()
    assert noted(one.notes) == [manifest_of(fitted())]
    assert two.build(1) == []


class Spoiling(Counted):
    """A cache behind a way that spoils what is read, so often."""

    spoils = 1

    def get(self, key: str) -> Path:
        path = super().get(key)
        if key.startswith("parts/") and self.spoils:
            self.spoils -= 1
            path.chmod(0o644)
            path.write_bytes(path.read_bytes()[:-1] + b"!")
        return path


def test_one_bad_read_costs_nobody_anything(one: Machine, two: Machine) -> None:
    one.build()
    one.publish()
    before = list(one.remote.list(""))
    two.remote = Spoiling(two.remote.cache)
    assert two.build() == []
    assert two.is_sound()
    assert list(one.remote.list("")) == before


class Inodes(FolderCache):
    """A cache that tells objects of one key apart; fake-gcs-server deletes whatever generation there is."""

    def version(self, key: str) -> int | None:
        return None if self.stat(key) is None else self._path(key).stat().st_ino

    def delete_version(self, key: str, version: int) -> None:
        if self.version(key) == version:
            self.delete(key)

    def get(self, key: str) -> Path:
        return Path(shutil.copyfile(super().get(key), self.root / "copy"))


def test_only_what_was_damaged_twice_is_removed_and_nothing_newer(tmp_path: Path) -> None:
    cache, source = Inodes(tmp_path / "cache"), tmp_path / "source"
    source.write_bytes(b"bad")
    looks: list[str] = []

    def damage(file: Path, mended_at: int = 0) -> str:
        looks.append(file.read_text())
        if len(looks) == mended_at:  # somebody else has found it, and mends it while this machine reads
            new = tmp_path / "new"
            new.write_bytes(b"good")
            cache.put_if_absent("another", new)  # keeps the old inode from being given out again
            os.replace(shutil.copyfile(new, tmp_path / "copy"), cache.root / "parts" / "a")
        return "damaged" if looks[-1] == "bad" else ""

    cache.put_if_absent("parts/a", source)
    with pytest.raises(CacheDamaged):
        fetched("parts/a", cache, lambda file: damage(file, mended_at=2))
    assert looks == ["bad", "bad"]
    assert cache.get("parts/a").read_bytes() == b"good"
    cache.delete("parts/a")
    cache.put_if_absent("parts/a", source)
    with pytest.raises(Removed):
        fetched("parts/a", cache, damage)
    assert cache.stat("parts/a") is None


def test_a_part_that_another_fetch_has_brought_stays(one: Machine, two: Machine) -> None:
    one.build()
    one.publish()
    part = one.parts()[-1]
    two.local.put_if_absent(part["key"], one.local.get(part["key"]))
    before = two.local.get(part["key"]).stat().st_ino
    two.cache._take_part(two.remote, part)  # type: ignore[arg-type]  # which lacked when the fetch began
    assert two.local.get(part["key"]).stat().st_ino == before
    assert two.remote.got == []


# ---- what is down, forbidden, full, or slow


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "not allowed"), (429, "quota"), (503, "not available"), (507, "it is full")],
)
def test_a_refusal_stops_nothing_is_told_once_and_caught_up(
    behind: Machine, proxy: Proxy, two: Machine, status: int, words: str
) -> None:
    proxy.status = status
    assert behind.build() != []
    assert behind.is_sound()
    assert len(behind.said) == 1
    assert str(status) in behind.said[0]
    assert words in behind.said[0]
    assert "private" not in behind.said[0]
    with pytest.raises(CacheUnavailable, match=words):
        behind.publish()
    assert noted(behind.notes) != []
    proxy.status = None
    assert behind.publish() == 2
    assert two.build() == []


def test_an_identity_that_is_refused(behind: Machine, proxy: Proxy) -> None:
    proxy.status = 401
    assert behind.build() != []
    assert "the identity does not work" in behind.said[0]


def test_a_slow_server_is_given_up(one: Machine, behind: Machine, proxy: Proxy) -> None:
    one.build()
    one.publish()
    proxy.bytes_s = 20_000
    assert behind.build() != []
    assert "slow" in "".join(behind.said) or "no answer in time" in "".join(behind.said)
    assert behind.is_sound()


@pytest.mark.parametrize(("cut", "comes"), [(100_000, True), (100, False)], ids=["late", "at once"])
def test_answers_that_are_cut_short(one: Machine, behind: Machine, proxy: Proxy, cut: int, comes: bool) -> None:
    """What is in pieces is put together; where nothing comes at all, it is built."""
    one.build()
    one.publish()
    proxy.cut = cut
    assert (behind.build() == []) is comes
    assert behind.is_sound()
    assert behind.said != []


HALFWAY = 100_000  # bytes of the dataset


def killed_halfway(proxy: Proxy, kill: Callable[[], None]) -> threading.Thread:
    """Calls `kill` when so much has passed the proxy, which passes nothing on until then, and ends all connections."""
    proxy.holds = proxy.passed + HALFWAY

    def work() -> None:
        proxy.wait_until_held()
        kill()
        proxy.drop()
        proxy.holds = None

    killer = threading.Thread(target=work)
    killer.start()
    return killer


LARGE_BYTES = 12 * 1024**2


@pytest.fixture
def large(one: Machine, tmp_path: Path) -> bytes:
    """What lies in the bucket under `parts/large`."""
    content = os.urandom(LARGE_BYTES)
    (tmp_path / "source").write_bytes(content)
    one.remote.put_if_absent("parts/large", tmp_path / "source")
    return content


def breaking(proxy: Proxy, after: int) -> threading.Thread:
    """Ends all connections when so many bytes have come through the proxy."""
    until = proxy.passed + after

    def work() -> None:
        while proxy.passed < until:
            time.sleep(0.01)
        proxy.drop()

    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_a_download_that_breaks_late_goes_on_where_it_was(behind: Machine, proxy: Proxy, large: bytes) -> None:
    proxy.bytes_s, before = 4_000_000, proxy.passed
    breaker = breaking(proxy, LARGE_BYTES * 2 // 3)  # which takes longer than it is tried again
    started_s = time.monotonic()
    file = behind.remote.get("parts/large")
    assert time.monotonic() - started_s > 1.0, "it broke within the patience of Google's library"
    breaker.join()
    assert file.read_bytes() == large
    assert proxy.passed - before < LARGE_BYTES * 1.5  # not once more from the beginning


def test_a_download_that_was_given_up_goes_on_in_the_next_call(
    behind: Machine, proxy: Proxy, large: bytes, gcs_server: Server
) -> None:
    proxy.holds = proxy.passed + LARGE_BYTES * 5 // 6

    def kill() -> None:
        proxy.wait_until_held()
        gcs_server.kill()
        proxy.drop()
        proxy.holds = None

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        with pytest.raises(CacheUnavailable):
            behind.remote.get("parts/large")
    finally:
        killer.join()
        gcs_server.start()
    [half] = behind.local.scratch.iterdir()
    assert half.name.startswith("half-")
    before = proxy.passed
    assert behind.remote.get("parts/large").read_bytes() == large
    assert proxy.passed - before < LARGE_BYTES / 2
    assert not half.exists()


def test_a_half_goes_on_where_ranges_are_not_known(behind: Machine, proxy: Proxy, large: bytes) -> None:
    """From the beginning; and it does not look like what was left behind, however old it is."""
    gcs = behind.remote.cache
    assert isinstance(gcs, GcsCache)
    with pytest.raises(CacheUnavailable), half_of(gcs.url, "parts/large", gcs.scratch) as file:
        file.write_bytes(large[: LARGE_BYTES * 5 // 6])
        raise CacheUnavailable("gone")
    [half] = gcs.scratch.iterdir()
    os.utime(half, (0, 0))
    with pytest.raises(CacheUnavailable), half_of(gcs.url, "parts/large", gcs.scratch) as file:
        assert file.stat().st_size == LARGE_BYTES * 5 // 6 and file.stat().st_mtime > 10**9
        raise CacheUnavailable("gone")
    proxy.ranges = False
    assert gcs.get("parts/large").read_bytes() == large


def test_what_came_in_pieces_is_checked(behind: Machine, one: Machine, large: bytes) -> None:
    """Google's library does not; and another object under the same key is not put behind half of the first."""
    gcs = behind.remote.cache
    assert isinstance(gcs, GcsCache)
    with pytest.raises(CacheUnavailable), half_of(gcs.url, "parts/large", gcs.scratch) as file:
        file.write_bytes(b"x" + large[1 : LARGE_BYTES * 5 // 6])
        raise CacheUnavailable("gone")
    with pytest.raises(CacheDamaged, match="its CRC32C is another"):
        gcs.get("parts/large")
    assert gcs.get("parts/large").read_bytes() == large  # the damaged half is kept by nobody
    with pytest.raises(CacheUnavailable), half_of(gcs.url, "parts/gone", gcs.scratch) as file:
        file.write_bytes(large)
        raise CacheUnavailable("gone")
    with pytest.raises(KeyError):
        gcs.get("parts/gone")


def test_a_server_killed_during_a_download(
    one: Machine, behind: Machine, three: Machine, proxy: Proxy, gcs_server: Server
) -> None:
    one.build()
    one.publish()
    killer = killed_halfway(proxy, gcs_server.kill)
    try:
        assert behind.build() != []
        assert behind.is_sound()
    finally:
        killer.join()
        gcs_server.start()
    assert three.build() == []


def test_a_server_killed_during_an_upload(behind: Machine, three: Machine, proxy: Proxy, gcs_server: Server) -> None:
    behind.build()
    killer = killed_halfway(proxy, gcs_server.kill)
    try:
        with pytest.raises(CacheUnavailable):
            behind.publish()
    finally:
        killer.join()
        gcs_server.start()
    assert list(behind.remote.list("datasets/")) == []
    assert behind.publish() == 2
    assert three.build() == []
    assert three.is_sound()


def publisher(root: Path, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "blueno.cache.publisher", str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **variables},
    )


def test_a_publisher_killed_in_the_middle(one: Machine, two: Machine, bucket: str, proxy: Proxy) -> None:
    one.build()
    with publisher(one.root, BLUENO_CACHE=bucket, STORAGE_EMULATOR_HOST=proxy.url) as process:
        killed_halfway(proxy, process.kill).join()
    assert list(one.remote.list("datasets/")) == []
    assert MANIFEST in noted(one.notes)
    with publisher(one.root, BLUENO_CACHE=bucket) as process:
        process.communicate(timeout=60)
    assert process.returncode == 0
    assert noted(one.notes) == []
    assert two.build() == []
    assert two.is_sound()


def test_a_publisher_waits_for_a_server_that_comes_back(one: Machine, bucket: str, gcs_server: Server) -> None:
    one.build()
    gcs_server.kill()
    with publisher(one.root, BLUENO_CACHE=bucket) as process:
        assert process.stdout is not None
        assert "cannot be reached" in process.stdout.readline()
        gcs_server.start()
        assert "can be used again" in process.stdout.readline()
        assert noted(one.notes) == []
        process.communicate(timeout=60)
    assert process.returncode == 0


FULL = (
    """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
"""
    + BUILDER
)


def test_a_full_disk_leaves_nothing_half_there(one: Machine, two: Machine, bucket: str) -> None:
    one.build()
    one.publish()
    ended = subprocess.run(
        [sys.executable, "-c", FULL, str(two.root), json.dumps(recipe())],
        capture_output=True,
        text=True,
        env={**os.environ, "BLUENO_CACHE": bucket},
    )
    assert "OSError" in ended.stderr
    assert two.local.stat(MANIFEST) is None
    assert max([two.local.stat(key) or 0 for key in two.local.list("parts/")], default=0) < 100_000
    assert not list(two.local.scratch.glob("fetched-*"))
    assert two.build() == []
    assert two.is_sound()


def test_a_builder_killed_in_the_middle(one: Machine, two: Machine, bucket: str) -> None:
    with builder(two.root, BLUENO_CACHE=bucket) as process:
        while not list(two.local.list("parts/")) and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    two.build()
    assert check_dataset(digest(recipe()), two.local) == []
    two.publish()
    assert one.build() == []
