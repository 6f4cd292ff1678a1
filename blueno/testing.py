"""Contracts that ship with the seams: a new implementation is tested by a subclass that says how to make one."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from zipfile import ZipFile

import pytest

from .cache import Cache
from .cache.opening import local_cache
from .canonical import digest, digest_file
from .executors import Executor, Slot, WorkerSpec
from .messages import Message

KEY = "parts/ab12.npy"
RACERS = 16
A_WHILE_S = 3600.0  # so far may clocks be apart
CRC32C_OF_12345 = "GNEjNQ=="

PATIENCE_S = 60.0  # a worker that says nothing for so long has failed its test
CPU = Slot("cpu:0", "cpu", 1, "", 1.0)


class CacheContract:
    """What every cache keeps to. A subclass gives the fixture `cache`: an empty cache for each test."""

    def test_what_was_put_can_be_got(self, cache: Cache, tmp_path: Path) -> None:
        """The bytes come back, and their size is known."""
        assert cache.put_if_absent(KEY, _file(tmp_path, b"bytes")) is True
        assert cache.get(KEY).read_bytes() == b"bytes"
        assert cache.stat(KEY) == 5

    def test_an_absent_key(self, cache: Cache) -> None:
        """No size, a KeyError that names it, and nothing to delete."""
        assert cache.stat(KEY) is None
        with pytest.raises(KeyError, match=KEY):
            cache.get(KEY)
        cache.delete(KEY)

    def test_a_key_is_written_once(self, cache: Cache, tmp_path: Path) -> None:
        """The second writer is told, and changes nothing."""
        assert cache.put_if_absent(KEY, _file(tmp_path, b"first")) is True
        assert cache.put_if_absent(KEY, _file(tmp_path, b"second")) is False
        assert cache.get(KEY).read_bytes() == b"first"

    def test_the_source_is_left_alone(self, cache: Cache, tmp_path: Path) -> None:
        """What happens to a file after it was put does not reach the cache, nor the other way round."""
        source = _file(tmp_path, b"before")
        cache.put_if_absent(KEY, source)
        source.write_bytes(b"after!")
        assert cache.get(KEY).read_bytes() == b"before"

    def test_a_file_of_scratch_can_be_put(self, cache: Cache) -> None:
        """Files that are made in `scratch` need not be copied, and are no keys."""
        cache.scratch.mkdir(parents=True, exist_ok=True)
        source = _file(cache.scratch, b"made here")
        assert cache.put_if_absent(KEY, source) is True
        source.unlink(missing_ok=True)
        assert cache.get(KEY).read_bytes() == b"made here"
        assert list(cache.list("")) == [KEY]

    def test_files_are_read_only(self, cache: Cache, tmp_path: Path) -> None:
        """Nobody changes a key's bytes by accident."""
        cache.put_if_absent(KEY, _file(tmp_path, b"bytes"))
        assert cache.get(KEY).stat().st_mode & 0o222 == 0

    def test_keys_are_listed_by_prefix_and_sorted(self, cache: Cache, tmp_path: Path) -> None:
        """A prefix is text, not a folder."""
        for key in ("nodes/b.json", "nodes/a.json", "nodes/deep/er.json", "node", "parts/a"):
            cache.put_if_absent(key, _file(tmp_path, b"bytes"))
        assert list(cache.list("nodes/")) == ["nodes/a.json", "nodes/b.json", "nodes/deep/er.json"]
        assert list(cache.list("nodes/a")) == ["nodes/a.json"]
        assert next(iter(cache.list("node"))) == "node"
        assert len(list(cache.list(""))) == 5
        assert list(cache.list("nothing/")) == []

    def test_a_listing_says_sizes_and_times(self, cache: Cache, tmp_path: Path) -> None:
        """What is known of keys at no further cost: their bytes, when they were put, perhaps a checksum."""
        begun_s = time.time()
        for key, content in (("parts/b", b"12345"), ("parts/a", b""), ("other", b"1")):
            cache.put_if_absent(key, _file(tmp_path, content))
        found = list(cache.entries("parts/"))
        assert [(entry.key, entry.bytes) for entry in found] == [("parts/a", 0), ("parts/b", 5)]
        assert all(abs(entry.changed_s - begun_s) < A_WHILE_S for entry in found)
        assert {entry.crc32c for entry in found} in ({None}, {"AAAAAA==", CRC32C_OF_12345})
        assert list(cache.entries("nothing/")) == []

    def test_a_deleted_key_is_gone_and_can_come_back(self, cache: Cache, tmp_path: Path) -> None:
        """What can be rebuilt may be deleted."""
        cache.put_if_absent(KEY, _file(tmp_path, b"old"))
        cache.delete(KEY)
        assert cache.stat(KEY) is None
        assert list(cache.list("")) == []
        assert cache.put_if_absent(KEY, _file(tmp_path, b"new")) is True

    def test_an_empty_file_is_a_value(self, cache: Cache, tmp_path: Path) -> None:
        """Size 0 is not absence."""
        cache.put_if_absent(KEY, _file(tmp_path, b""))
        assert cache.stat(KEY) == 0

    @pytest.mark.parametrize("key", ["", "/parts/a", "../a", "parts/../../a", "parts//a", "parts/", "./a", "parts/a\0"])
    def test_what_is_no_key(self, cache: Cache, tmp_path: Path, key: str) -> None:
        """Nothing outside the cache is reached."""
        source = _file(tmp_path, b"bytes")
        with pytest.raises(ValueError, match="not a cache key"):
            cache.put_if_absent(key, source)
        for refuse in (cache.stat, cache.get, cache.delete):
            with pytest.raises(ValueError, match="not a cache key"):
                refuse(key)

    def test_of_many_writers_one_wins(self, cache: Cache, tmp_path: Path) -> None:
        """Exactly one is told that it wrote, and the key has its bytes, whole."""
        sources = [_file(tmp_path, bytes([number]) * 100_000, f"source-{number}") for number in range(RACERS)]
        with ThreadPoolExecutor(RACERS) as pool:
            for round in range(5):
                key = f"parts/{round}"
                wrote = list(pool.map(lambda source, key=key: cache.put_if_absent(key, source), sources))
                assert wrote.count(True) == 1
                assert cache.get(key).read_bytes() == sources[wrote.index(True)].read_bytes()


def _file(folder: Path, content: bytes, name: str = "source") -> Path:
    path = folder / name
    path.unlink(missing_ok=True)
    path.write_bytes(content)
    return path


# ---- executors

JOB = """
import json, sys, time

def train(trial):
    for epoch in range(1, trial.params.get("epochs", 1) + 1):
        trial.report(epoch, {"score": float(epoch)})
    action = trial.params.get("action", "end")
    if action == "raise":
        raise ValueError(f"no luck with {id(trial)}")
    if action == "exit":
        sys.exit(3)
    if action == "slow":
        time.sleep(1.0)
    if action == "print":
        print(json.dumps({"kind": "gone", "reason": "a lie", "output": ""}), flush=True)
        print("and to the other stream", file=sys.stderr)
    if action == "much":
        trial.report(2, {f"metric {i}": 0.5 for i in range(150_000)})
    (trial.folder / "note.txt").write_text("kept")
    return {"score": float(len(trial.params.get("text", "")) or 1), "not_finite": float("nan")}
"""


class Desk:
    """An executor together with a project of one user file, as a scheduler would use them in a test."""

    def __init__(self, executor: Executor, root: Path, job: str = JOB) -> None:
        self.executor, self.root = executor, root
        self.snapshot = _snapshot(local_cache(root), root, job)
        self._trials = 0

    def start(self, id: str = "w1", interpreter: str = sys.executable) -> None:
        """Starts a worker."""
        self.executor.start(WorkerSpec(id, CPU, self.root, self.snapshot, interpreter))

    def train(self, worker_id: str = "w1", **params: object) -> str:
        """Sends a trial of the user's function, and returns its id."""
        self._trials += 1
        model = {"function": "job.py:train", "number": self._trials, **params}
        recipe: Message = {
            "recipe": 1,
            "model": model,
            "dataset": None,
            "seed": 0,
            "train": None,
            "augment": [],
            "code": {},
        }
        self.executor.send(worker_id, {
            "kind": "train", "trial": digest(recipe), "attempt": 1, "recipe": recipe, "config": "c", "fold": None,
            "code": {"snapshot": self.snapshot, "folder": ""}, "files": {}, "metrics": [], "keep": {},
            "objective": {"metric": "score", "direction": "maximize"},
        })  # fmt: skip
        return digest(recipe)

    def pid(self, worker_id: str = "w1") -> int:
        """The process behind a worker."""
        process = self.executor.process(worker_id)
        assert process is not None, f"{worker_id} has no process"
        return process[0]

    def hear(self, *kinds: str, count: int = 1) -> list[tuple[str, Message]]:
        """All that is said until `count` messages of these kinds have come."""
        said: list[tuple[str, Message]] = []
        end_s = time.monotonic() + PATIENCE_S
        while sum(message["kind"] in kinds for _, message in said) < count:
            assert time.monotonic() < end_s, f"waited for {count} of {kinds}, heard {said}"
            said += self.executor.receive(1.0)
        return said

    def last(self, *kinds: str, count: int = 1) -> Message:
        """The message that ended `hear`."""
        return [message for _, message in self.hear(*kinds, count=count) if message["kind"] in kinds][-1]


def _snapshot(cache: Cache, root: Path, job: str) -> str:
    root.mkdir(parents=True, exist_ok=True)
    archive = root / "snapshot.zip"
    with ZipFile(archive, "w") as file:
        file.writestr("job.py", job)
    key = f"snapshots/{sha256(job.encode()).hexdigest()}.zip"
    cache.put_if_absent(key, archive)
    return key


class ExecutorContract:
    """What every executor keeps to. A subclass gives the fixture `executor`."""

    @pytest.fixture
    def desk(self, executor: Executor, tmp_path: Path) -> Iterator[Desk]:
        """A desk whose workers are gone when the test is over."""
        yield Desk(executor, tmp_path / "project")
        executor.close()

    def test_a_worker_says_that_it_is_ready(self, desk: Desk) -> None:
        """And what it runs on."""
        desk.start()
        ready = desk.last("ready")
        assert ready["pid"] > 0
        assert ready["environment"]["slot"] == "cpu:0"
        assert "numpy" in ready["environment"]["libraries"]

    def test_a_trial_is_told_from_its_start_to_its_result(self, desk: Desk) -> None:
        """In order, with metrics that JSON can hold, and with files that are there."""
        desk.start()
        trial = desk.train(epochs=3)
        said = [message for _, message in desk.hear("result")]
        assert [message["kind"] for message in said][:3] == ["ready", "started", "epoch"]
        assert all((m["trial"], m["attempt"]) == (trial, 1) for m in said[1:])
        assert [m["epoch"] for m in said if m["kind"] == "epoch"][-1] == 3
        result = said[-1]
        assert (result["state"], result["metrics"]["score"], result["error"]) == ("diverged", 1.0, None)
        assert result["history"] == {"score": [1.0, 2.0, 3.0]}
        kept = result["artefacts"]["note.txt"]
        file = desk.root / "models" / kept["key"]
        assert (digest_file(file), file.stat().st_size) == (kept["sha256"], kept["bytes"])
        assert kept["key"].startswith(f"{trial[:2]}/{trial}/1/")

    def test_a_trial_that_raises_is_a_result(self, desk: Desk) -> None:
        """Failures that are alike have one group, and the worker goes on."""
        desk.start()
        for action in ("raise", "raise", "exit", "end"):
            desk.train(action=action)
        results = [m for _, m in desk.hear("result", count=4) if m["kind"] == "result"]
        assert [r["state"] for r in results] == ["failed", "failed", "failed", "diverged"]
        first, second, exited = (r["error"] for r in results[:3])
        assert (first["class"], first["type"]) == ("user_code", "ValueError")
        assert first["group"] == second["group"] != exited["group"]
        assert exited["type"] == "SystemExit"
        assert 'File "job.py", line 9, in train' in first["traceback"]

    def test_what_users_print_is_no_message(self, desk: Desk) -> None:
        """Even if it looks like one."""
        desk.start()
        desk.train(action="print")
        desk.train()
        assert [m["kind"] for _, m in desk.hear("result", count=2)].count("gone") == 0

    def test_long_messages(self, desk: Desk) -> None:
        """10 MB there, and as much back."""
        desk.start()
        desk.train(text="x" * 10_000_000, action="much")
        result = desk.last("result")
        assert result["metrics"]["score"] == 10_000_000.0
        assert len(result["history"]) == 150_001

    def test_many_quick_trials_in_order(self, desk: Desk) -> None:
        """One at a time, none lost, none twice."""
        desk.start()
        sent = [desk.train() for _ in range(200)]
        results = [m for _, m in desk.hear("result", count=200) if m["kind"] == "result"]
        assert [r["trial"] for r in results] == sent

    def test_what_is_stopped_before_it_began_is_not_trained(self, desk: Desk) -> None:
        """Nothing is said of it, and the others go on."""
        desk.start()
        first, poor, last = desk.train(action="slow"), desk.train(), desk.train()
        desk.executor.send("w1", {"kind": "stop", "trial": poor, "attempt": 1})
        said = [m for _, m in desk.hear("result", count=2)]
        assert [m["trial"] for m in said if m["kind"] == "started"] == [first, last]

    def test_a_build_that_cannot_be_is_told(self, desk: Desk) -> None:
        """As an answer to that build, and the worker goes on."""
        desk.start()
        source = {"name": "npz", "params": {"path": "nowhere.npz"}, "code": 1, "fingerprint": None}
        recipe: Message = {"source": source, "columns": {}, "fold": None, "split": None, "steps": []}
        message = {"kind": "build", "dataset": "d", "recipe": recipe, "files": {}, "models": []}
        desk.executor.send("w1", message | {"code": {"snapshot": desk.snapshot, "folder": ""}})
        desk.train()
        said = desk.hear("result")
        built = next(m for _, m in said if m["kind"] == "built")
        assert built["dataset"] == "d"
        assert built["error"]["class"] == "data"

    def test_a_worker_finishes_what_it_holds(self, desk: Desk) -> None:
        """It says `gone` once, last, and then nothing that is sent to it does any harm."""
        desk.start()
        for _ in range(3):
            desk.train()
        desk.executor.send("w1", {"kind": "finish"})
        said = [m for _, m in desk.hear("gone")]
        assert [m["kind"] for m in said].count("result") == 3
        assert (said[-1]["kind"], said[-1]["reason"]) == ("gone", "exited 0")
        desk.train()
        desk.executor.kill("w1")
        assert desk.executor.receive(0.3) == []
        assert desk.executor.process("w1") is None

    def test_a_killed_worker_is_gone_once(self, desk: Desk) -> None:
        """And its name may be used again."""
        desk.start()
        desk.hear("ready")
        desk.executor.kill("w1")
        desk.executor.kill("w1")
        desk.hear("gone")
        assert desk.executor.receive(0.3) == []
        desk.start()
        desk.hear("ready")

    def test_workers_are_told_apart(self, desk: Desk) -> None:
        """What one says comes under its name."""
        for id in ("a", "b"):
            desk.start(id)
        trials = {id: desk.train(id) for id in ("a", "b")}
        said = desk.hear("result", count=2)
        assert {id: m["trial"] for id, m in said if m["kind"] == "result"} == trials
