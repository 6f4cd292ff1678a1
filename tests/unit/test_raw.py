"""Raw data in buckets, against a real server: pinned when planned with, fetched once, checked."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from blueno.canonical import digest
from blueno.errors import DataError, Unreachable
from blueno.planning.fingerprint import fingerprint
from blueno.raw import fetching
from blueno.raw.address import address_of, matches
from blueno.raw.bucket import Gone, client_of
from blueno.raw.check import Bucket, compare, repair
from blueno.raw.fetching import fetch
from blueno.raw.pins import pin
from tests.gcs_server import Server

DAMAGED = b"damaged on its way"


def put(bucket: str, root: Path, files: dict[str, bytes], **about: str) -> None:
    """Uploads files, by their names in the bucket."""
    with client_of(root) as client:
        for name, data in files.items():
            blob = client.bucket(bucket.removeprefix("gs://")).blob(name)
            for key, value in about.items():
                setattr(blob, key, value)
            blob.upload_from_string(data)


def remove(bucket: str, root: Path, name: str) -> None:
    with client_of(root) as client:
        client.bucket(bucket.removeprefix("gs://")).blob(name).delete()


class Between:
    """A real server in front of the real server, which lets a test damage, refuse or break off what passes through."""

    def __init__(self, behind: str) -> None:
        self.behind = behind
        self.reads: list[str] = []  # the range of each request for bytes
        self.listings = 0
        self.change: Callable[[str, bytes], bytes] = lambda path, body: body
        self.refuse: Callable[[str], int] = lambda path: 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.answer(self)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        is_read = "alt=media" in handler.path or "/download/" in handler.path
        if is_read:
            self.reads.append(handler.headers.get("Range", ""))
        else:
            self.listings += 1
        number = self.refuse(handler.path)
        body, headers = b"", {}
        if not number:
            asked = {key: value for key, value in handler.headers.items() if key.lower() != "host"}
            try:
                with urlopen(Request(f"{self.behind}{handler.path}", headers=asked)) as found:
                    number, body, headers = found.status, found.read(), dict(found.headers)
            except HTTPError as error:
                number, body, headers = error.code, error.read(), dict(error.headers)
        if is_read and number < 300:
            body = self.change(handler.path, body)
        try:
            self.send(handler, number, body, headers)
        except OSError:  # whoever asked is gone
            handler.close_connection = True

    @staticmethod
    def send(handler: BaseHTTPRequestHandler, number: int, body: bytes, headers: dict[str, str]) -> None:
        handler.send_response(number)
        for key, value in headers.items():
            if key.lower() not in ("content-length", "transfer-encoding", "connection", "date"):
                handler.send_header(key, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)


@pytest.fixture
def between(gcs_server: Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Between]:
    made = Between(gcs_server.url)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", made.url)
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for two minutes."""
    monkeypatch.setattr("blueno.raw.bucket.LISTING_S", 0.5)
    monkeypatch.setattr("blueno.raw.bucket.FETCHING_S", 0.5)


# ---- addresses


def test_addresses() -> None:
    one, prefix = address_of("gs://data-b/a/b/c.csv"), address_of("gs://data-b/a/")
    pattern, whole = address_of("gs://data-b/a/*/x-?.npy"), address_of("gs://data-b/")
    assert (one.kind, one.folder, one.rest, one.prefix) == ("object", "a/b/", "c.csv", "a/b/c.csv")
    assert (prefix.kind, prefix.folder, prefix.prefix) == ("prefix", "a/", "a/")
    assert (pattern.kind, pattern.folder, pattern.rest, pattern.prefix) == ("pattern", "a/", "*/x-?.npy", "a/")
    assert (whole.kind, whole.folder, whole.prefix) == ("prefix", "", "")
    assert address_of("gs://data-b/a/scan-*").prefix == "a/scan-"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("gs://", "gs://: names no bucket"),
        ("gs:///x", "gs:///x: names no bucket"),
        ("gs://data-*/x", "gs://data-*/x: 'data-*' is no bucket's name"),
        ("gs://data-b", "gs://data-b names a bucket, and nothing in it"),
        ("gs://data-b//x", "gs://data-b//x has an empty part, or one of dots"),
        ("gs://data-b/../x", "gs://data-b/../x has an empty part, or one of dots"),
    ],
)
def test_addresses_of_nothing(path: str, message: str) -> None:
    with pytest.raises(DataError) as raised:
        address_of(path)
    assert raised.value.message == message


def test_patterns_are_those_of_glob(tmp_path: Path) -> None:
    names = ["a.npy", "b.csv", ".h.npy", "d/a.npy", "d/.h/a.npy", "d/e/a.npy", ".d/a.npy", "d/e/f"]
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    import glob

    for pattern in ("*.npy", "**/*.npy", "*/*", "d/**", "?.*", "[ab].*", "d/**/a.npy", ".d/*", "**", "*/**/a.npy"):
        expected = {
            os.path.relpath(each, tmp_path)
            for each in glob.glob(str(tmp_path / pattern), recursive=True)
            if os.path.isfile(each)
        }
        assert {name for name in names if matches(pattern, name)} == expected, pattern


# ---- pins


def test_a_changed_object_is_another_id_and_the_same_content_is_not(bucket: str, tmp_path: Path) -> None:
    put(bucket, tmp_path, {"t/a.csv": b"1", "other/a.csv": b"1"})
    first = pin(f"{bucket}/t/a.csv", tmp_path).pin
    assert pin(f"{bucket}/other/a.csv", tmp_path).pin.id == first.id
    put(bucket, tmp_path, {"t/a.csv": b"1"})
    again = pin(f"{bucket}/t/a.csv", tmp_path).pin
    assert again.id == first.id
    assert again.objects[0].generation != first.objects[0].generation
    put(bucket, tmp_path, {"t/a.csv": b"2"})
    assert pin(f"{bucket}/t/a.csv", tmp_path).pin.id != first.id


def test_prefixes_and_patterns_count_names_and_contents(bucket: str, tmp_path: Path) -> None:
    files = {"s/a/1.csv": b"1", "s/b/2.csv": b"2", "s/b/3.txt": b"3", "s/.hidden": b"h", "s/": b"", "sx/4.csv": b"4"}
    put(bucket, tmp_path, files)
    every = pin(f"{bucket}/s/", tmp_path).pin
    assert [each.name for each in every.objects] == ["a/1.csv", "b/2.csv", "b/3.txt"]
    assert [each.name for each in pin(f"{bucket}/s/**/*.csv", tmp_path).pin.objects] == ["a/1.csv", "b/2.csv"]
    put(bucket, tmp_path, {"s/b/9.csv": b"2"})
    assert pin(f"{bucket}/s/", tmp_path).pin.id != every.id
    remove(bucket, tmp_path, "s/b/9.csv")
    assert pin(f"{bucket}/s/", tmp_path).pin.id == every.id


def test_what_is_not_there(bucket: str, tmp_path: Path) -> None:
    put(bucket, tmp_path, {"s/a.csv": b"1"})
    for path, message, fix in [
        ("/nothing.csv", "there is no object {0}/nothing.csv", "correct it, or upload it"),
        ("/s", "there is no object {0}/s", "write {0}/s/ for all that lies below it"),
        ("/t/", "no object lies below {0}/t/", "correct it, or upload the data"),
        ("/s/*.png", "no object matches {0}/s/*.png", "correct it, or upload the data"),
    ]:
        with pytest.raises(DataError) as raised:
            pin(f"{bucket}{path}", tmp_path)
        assert (raised.value.message, raised.value.fix) == (message.format(bucket), fix.format(bucket))
    with pytest.raises(DataError, match="there is no bucket bucket-nowhere"):
        pin("gs://bucket-nowhere/s/", tmp_path)


def test_a_bucket_that_may_not_be_read(between: Between, bucket: str, tmp_path: Path) -> None:
    between.refuse = lambda path: 403
    for path in ("/a.csv", "/s/"):
        with pytest.raises(DataError) as raised:
            pin(f"{bucket}{path}", tmp_path)
        assert raised.value.message == f"{bucket}{path} may not be read (403, not allowed)"


def test_what_was_listed_last_stands_in_for_a_bucket_that_does_not_answer(
    between: Between, bucket: str, tmp_path: Path
) -> None:
    put_behind(between, bucket, tmp_path, {"a.csv": b"1"})
    between.refuse = lambda path: 503
    with pytest.raises(Unreachable, match="503, it is not available"):
        pin(f"{bucket}/a.csv", tmp_path)
    between.refuse = lambda path: 0
    first = pin(f"{bucket}/a.csv", tmp_path)
    assert first.age_s is None
    between.refuse = lambda path: 503
    again = pin(f"{bucket}/a.csv", tmp_path)
    assert again.pin == first.pin
    assert again.age_s is not None
    assert again.why == f"{bucket}/a.csv: 503, it is not available"


# ---- fetching


def test_files_are_fetched_once_and_lie_under_their_names(between: Between, bucket: str, tmp_path: Path) -> None:
    put_behind(between, bucket, tmp_path, {"pets/cat/1.png": b"c1", "pets/dog/1.png": b"d1", "pets/dog/2.png": b"c1"})
    id = pin(f"{bucket}/pets/", tmp_path).pin.id
    found = fetch(f"{bucket}/pets/", id, tmp_path)
    assert Path(found.path).name == "pets"
    assert (Path(found.path) / "dog" / "2.png").read_bytes() == b"c1"
    assert found.content == fingerprint(found.path, tmp_path / "memory")
    assert len(between.reads) == 2  # two contents
    between.refuse = lambda path: 503
    assert fetch(f"{bucket}/pets/", id, tmp_path) == found
    assert len(between.reads) == 2


def put_behind(between: Between, bucket: str, root: Path, files: dict[str, bytes], **about: str) -> None:
    """As `put`, past the server in between, which only reads."""
    os.environ["STORAGE_EMULATOR_HOST"] = between.behind
    try:
        put(bucket, root, files, **about)
    finally:
        os.environ["STORAGE_EMULATOR_HOST"] = between.url


def test_a_single_object_lies_under_its_name(bucket: str, tmp_path: Path) -> None:
    put(bucket, tmp_path, {"deep/table.csv": b"a,b\n"})
    found = fetch(f"{bucket}/deep/table.csv", pin(f"{bucket}/deep/table.csv", tmp_path).pin.id, tmp_path)
    assert Path(found.path).name == "table.csv"
    assert Path(found.path).read_bytes() == b"a,b\n"
    assert found.content == fingerprint(found.path, tmp_path / "memory")


def test_a_new_object_of_a_set_is_all_that_is_fetched(between: Between, bucket: str, tmp_path: Path) -> None:
    put_behind(between, bucket, tmp_path, {"s/1": b"one", "s/2": b"two"})
    fetch(f"{bucket}/s/", pin(f"{bucket}/s/", tmp_path).pin.id, tmp_path)
    put_behind(between, bucket, tmp_path, {"s/3": b"three"})
    fetch(f"{bucket}/s/", pin(f"{bucket}/s/", tmp_path).pin.id, tmp_path)
    assert len(between.reads) == 3


@pytest.mark.parametrize("linked", ["data", "data/raw"])
def test_a_folder_that_is_a_link_is_the_projects_all_the_same(
    linked: str, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, disk = tmp_path / "project", tmp_path / "disk" / "large"
    (project / linked).parent.mkdir(parents=True)
    disk.mkdir(parents=True)
    (project / linked).symlink_to(disk)
    put(bucket, project, {"a.csv": b"1"})
    id = pin(f"{bucket}/a.csv", project).pin.id
    asked: list[Path] = []

    def noted(root: Path) -> Any:
        asked.append(root)  # whose credentials are taken
        return client_of(root)

    monkeypatch.setattr(fetching, "client_of", noted)
    found = fetch(f"{bucket}/a.csv", id, project)
    assert Path(found.path) == project / "data" / "raw" / "sets" / id / "a.csv"
    assert asked == [project]
    assert sorted(path.name for path in (tmp_path / "disk").iterdir()) == ["large"]
    assert compare(project)[0].here == 1


FETCH = """
import sys
from pathlib import Path
from blueno.raw import fetching
fetching.CHUNK_BYTES = 1000
fetching.fetch(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
"""


def test_a_download_goes_on_where_it_was_when_its_process_was_killed(
    between: Between, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "CHUNK_BYTES", 1000)
    data = bytes(range(256)) * 20
    put_behind(between, bucket, tmp_path, {"large": data})
    id = pin(f"{bucket}/large", tmp_path).pin.id
    reached, killed = threading.Event(), threading.Event()

    def stall(path: str, body: bytes) -> bytes:
        if len(between.reads) == 4:
            reached.set()
            killed.wait()
        return body

    between.change = stall
    child = subprocess.Popen([sys.executable, "-P", "-c", FETCH, f"{bucket}/large", id, str(tmp_path)])
    assert reached.wait(60)
    child.kill()
    child.wait()
    killed.set()
    [part] = (tmp_path / "data" / "raw" / "tmp").glob("*.part")
    assert part.stat().st_size == 3000
    between.change, between.reads = lambda path, body: body, []
    assert Path(fetch(f"{bucket}/large", id, tmp_path).path).read_bytes() == data
    assert between.reads == ["bytes=3000-3999", "bytes=4000-4999", "bytes=5000-5119"]
    assert not list((tmp_path / "data" / "raw" / "tmp").glob("*.part"))


def test_what_arrives_damaged_is_fetched_again(between: Between, bucket: str, tmp_path: Path) -> None:
    put_behind(between, bucket, tmp_path, {"a": b"whole as it is"})
    id = pin(f"{bucket}/a", tmp_path).pin.id
    between.change = lambda path, body: body if len(between.reads) > 1 else b"x" * len(body)
    assert Path(fetch(f"{bucket}/a", id, tmp_path).path).read_bytes() == b"whole as it is"
    assert len(between.reads) == 2


def test_what_always_arrives_damaged_is_an_error_and_leaves_nothing(
    between: Between, bucket: str, tmp_path: Path
) -> None:
    put_behind(between, bucket, tmp_path, {"a": b"whole as it is"})
    found = pin(f"{bucket}/a", tmp_path).pin
    between.change = lambda path, body: b"x" * len(body)
    with pytest.raises(DataError) as raised:
        fetch(f"{bucket}/a", found.id, tmp_path)
    assert raised.value.message == (
        f"{bucket}/a arrived damaged 3 times: its CRC32C is not {found.objects[0].crc32c}, as the bucket says"
    )
    assert not list((tmp_path / "data" / "raw" / "objects").glob("*/*"))
    assert not list((tmp_path / "data" / "raw" / "sets").glob("*/*"))


def test_an_object_that_was_written_again_with_its_content_will_do(bucket: str, tmp_path: Path) -> None:
    put(bucket, tmp_path, {"a": b"1"})
    id = pin(f"{bucket}/a", tmp_path).pin.id
    put(bucket, tmp_path, {"a": b"1"})
    assert Path(fetch(f"{bucket}/a", id, tmp_path).path).read_bytes() == b"1"


@pytest.mark.parametrize(("after", "what"), [(b"2", "is another now"), (None, "was deleted")])
def test_a_generation_that_is_gone_is_an_error_that_says_so(
    bucket: str, tmp_path: Path, after: bytes | None, what: str
) -> None:
    put(bucket, tmp_path, {"a": b"1"})
    found = pin(f"{bucket}/a", tmp_path).pin
    if after is None:
        remove(bucket, tmp_path, "a")
    else:
        put(bucket, tmp_path, {"a": after})
    with pytest.raises(Gone) as raised:
        fetch(f"{bucket}/a", found.id, tmp_path)
    assert raised.value.message == (
        f"{bucket}/a: generation {found.objects[0].generation} is gone from the bucket: the object {what}"
        " since the spec was planned with it"
    )


def test_a_pin_that_was_lost_is_made_again_if_nothing_changed(bucket: str, tmp_path: Path) -> None:
    put(bucket, tmp_path, {"a": b"1"})
    id = pin(f"{bucket}/a", tmp_path).pin.id
    for file in (tmp_path / "data" / "raw" / "pins").glob("*/*"):
        file.write_text("{")
    assert Path(fetch(f"{bucket}/a", id, tmp_path).path).read_bytes() == b"1"
    put(bucket, tmp_path, {"b": b"1"})
    id = pin(f"{bucket}/b", tmp_path).pin.id
    for file in (tmp_path / "data" / "raw" / "pins").glob("*/*"):
        file.unlink()
    put(bucket, tmp_path, {"b": b"2"})
    with pytest.raises(DataError, match="b has changed since it was planned with"):
        fetch(f"{bucket}/b", digest("another"), tmp_path)


def test_what_is_packed_for_the_way_is_unpacked(bucket: str, tmp_path: Path) -> None:
    put(bucket, tmp_path, {"a.csv": gzip.compress(b"a,b\n1,2\n")}, content_encoding="gzip")
    found = fetch(f"{bucket}/a.csv", pin(f"{bucket}/a.csv", tmp_path).pin.id, tmp_path)
    assert Path(found.path).read_bytes() == b"a,b\n1,2\n"


def test_two_at_once_fetch_once(between: Between, bucket: str, tmp_path: Path) -> None:
    put_behind(between, bucket, tmp_path, {"s/1": b"one", "s/2": b"two"})
    id = pin(f"{bucket}/s/", tmp_path).pin.id
    threads = [threading.Thread(target=fetch, args=(f"{bucket}/s/", id, tmp_path)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(between.reads) == 2


def test_progress_counts_every_byte_once(bucket: str, tmp_path: Path) -> None:
    put(bucket, tmp_path, {"s/1": b"one", "s/2": b"two", "s/3": b"two"})
    said: list[tuple[str, int, int]] = []
    fetch(f"{bucket}/s/", pin(f"{bucket}/s/", tmp_path).pin.id, tmp_path, lambda *told: said.append(told))
    assert said[-1] == (f"{bucket}/s/", 9, 9)
    assert [done for _, done, _ in said] == sorted(done for _, done, _ in said)


def test_pins_are_json_that_a_person_can_read(bucket: str, tmp_path: Path) -> None:
    put(bucket, tmp_path, {"a": b"1"})
    pin(f"{bucket}/a", tmp_path)
    [file] = (tmp_path / "data" / "raw" / "pins").glob("*/*.json")
    assert json.loads(file.read_text())["path"] == f"{bucket}/a"


def test_progress_is_said_every_now_and_then() -> None:
    said: list[dict[str, Any]] = []
    now = iter([0.0, 1.0, 10.0, 10.0, 12.0, 30.0, 30.0])
    tell = fetching.told(said.append, lambda: next(now))
    for done in range(1, 5):
        tell("gs://b/s/", done, 4)
    assert said == [{"kind": "said", "text": f"fetching gs://b/s/: {done} B of 4 B"} for done in (2, 4)]


# ---- checking and mending


def test_what_is_here_is_compared_and_mended(bucket: str, tmp_path: Path) -> None:
    put(bucket, tmp_path, {"s/a/1": b"one", "s/a/2": b"two", "s/b/3": b"three"})
    path = f"{bucket}/s/"
    found = fetch(path, pin(path, tmp_path).pin.id, tmp_path)
    [sound] = compare(tmp_path, verify=True)
    assert (sound.objects, sound.here, sound.here_bytes, sound.differences) == (3, 3, 11, [])
    assert sound.bucket == Bucket(3, 11, 0, 0, 0)

    folder = Path(found.path)
    (folder / "a" / "1").chmod(0o644)
    (folder / "a" / "1").write_bytes(b"ONE")
    (folder / "a" / "2").unlink()
    (folder / "b" / "3").chmod(0o644)
    (folder / "b" / "3").write_bytes(b"thr")
    (folder / "b" / "4").write_bytes(b"mine")
    wrong = [("s/a/2", "is missing"), ("s/b/3", "has 3 bytes, not 5"), ("s/b/4", "was not fetched")]
    [quick] = compare(tmp_path)
    assert quick.differences == wrong
    [whole] = compare(tmp_path, verify=True)
    assert whole.differences == [("s/a/1", "has another SHA-256"), *wrong]

    repair(whole, tmp_path)
    assert [each.differences for each in compare(tmp_path, verify=True)] == [[]]
    assert fingerprint(folder, tmp_path / "memory") == found.content


def test_a_bucket_that_changed_is_said_and_is_no_difference(bucket: str, tmp_path: Path) -> None:
    put(bucket, tmp_path, {"s/1": b"one", "s/2": b"two", "s/3": b"three"})
    pin(f"{bucket}/s/", tmp_path)
    remove(bucket, tmp_path, "s/1")
    put(bucket, tmp_path, {"s/2": b"TWO", "s/4": b"four", "s/3": b"three"})
    [found] = compare(tmp_path)
    assert (found.here, found.differences, found.bucket) == (0, [], Bucket(3, 12, 1, 1, 1))


def test_what_cannot_be_mended_stays(bucket: str, tmp_path: Path) -> None:
    put(bucket, tmp_path, {"s/1": b"one", "s/2": b"two"})
    path = f"{bucket}/s/"
    folder = Path(fetch(path, pin(path, tmp_path).pin.id, tmp_path).path)
    (folder / "1").unlink()
    next((tmp_path / "data" / "raw" / "objects").glob("*/*"))
    for each in (tmp_path / "data" / "raw" / "objects").glob("*/*"):
        if each.read_bytes() == b"one":
            each.unlink()
    put(bucket, tmp_path, {"s/1": b"new"})
    [found] = compare(tmp_path)
    with pytest.raises(Gone, match="is another now"):
        repair(found, tmp_path)
    [again] = compare(tmp_path, verify=True)
    assert again.differences == [("s/1", "is missing")]
    assert (folder / "2").read_bytes() == b"two"
