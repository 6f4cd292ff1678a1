"""Fingerprints of data files: content counts, and is read once."""

from __future__ import annotations

import multiprocessing
import os
from hashlib import sha256
from pathlib import Path

import pytest

from blueno.canonical import digest
from blueno.errors import DataError
from blueno.planning.fingerprint import fingerprint, recall

LATER = 4e9  # a time at which every file here has settled


def later() -> float:
    return LATER


class Reads:
    """Counts what is hashed."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []

    def __call__(self, file: Path, done: int, size: int) -> None:
        self.seen.append((file.name, done, size))


def test_a_file_is_hashed_once_and_again_when_it_changes(tmp_path: Path) -> None:
    data, memory, reads = tmp_path / "a.csv", tmp_path / "data" / "fingerprints.json", Reads()
    data.write_bytes(b"1,2\n")
    assert fingerprint(data, memory, reads, later) == sha256(b"1,2\n").hexdigest()
    assert fingerprint(str(data), memory, reads, later) == sha256(b"1,2\n").hexdigest()
    assert reads.seen == [("a.csv", 4, 4)]
    data.write_bytes(b"1,3\n")
    os.utime(data, ns=(1, 1))
    assert fingerprint(data, memory, reads, later) == sha256(b"1,3\n").hexdigest()
    assert len(reads.seen) == 2


def test_a_file_that_has_not_settled_is_not_remembered(tmp_path: Path) -> None:
    data, memory = tmp_path / "a.csv", tmp_path / "fingerprints.json"
    data.write_bytes(b"1")
    fingerprint(data, memory, clock=lambda: data.stat().st_mtime + 1.0)
    assert recall(memory) == {}
    fingerprint(data, memory, clock=lambda: data.stat().st_mtime + 3.0)
    assert list(recall(memory).values()) == [sha256(b"1").hexdigest()]


def test_a_damaged_memory_is_no_memory(tmp_path: Path) -> None:
    data, memory, reads = tmp_path / "a.csv", tmp_path / "fingerprints.json", Reads()
    data.write_bytes(b"1")
    memory.write_bytes(b'\xff\x00[1, 2]\n{"a": 1}\n["cut o')
    for _ in range(2):
        assert fingerprint(data, memory, reads, later) == sha256(b"1").hexdigest()
    assert len(reads.seen) == 1


def test_a_memory_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    data, memory = tmp_path / "a.csv", tmp_path / "folder"
    data.write_bytes(b"1")
    memory.mkdir()
    assert fingerprint(data, memory, clock=later) == sha256(b"1").hexdigest()


def test_folders_and_patterns_count_names_and_contents(tmp_path: Path) -> None:
    memory, scans = tmp_path / "fingerprints.json", tmp_path / "scans"
    (scans / "deep").mkdir(parents=True)
    (scans / "b.npy").write_bytes(b"b")
    (scans / "deep" / "a.npy").write_bytes(b"a")
    (scans / ".hidden").write_bytes(b"h")
    b, deep = ["b.npy", sha256(b"b").hexdigest()], ["deep/a.npy", sha256(b"a").hexdigest()]
    assert fingerprint(scans, memory) == digest([b, deep])
    assert fingerprint(f"{scans}/**/*.npy", memory) == digest([b, deep])
    assert fingerprint(f"{scans}/*.npy", memory) == digest([b])
    moved = scans.rename(tmp_path / "elsewhere")
    assert fingerprint(moved, memory) == digest([b, deep])
    (moved / "b.npy").rename(moved / "c.npy")
    assert fingerprint(moved, memory) != digest([b, deep])


@pytest.mark.parametrize("path", ["gone.csv", "gone/*.csv", "empty"])
def test_nothing_there_is_said(tmp_path: Path, path: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="there is no file at"):
        fingerprint(tmp_path / path, tmp_path / "fingerprints.json")


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "a.csv"
    data.write_bytes(b"1")

    def append(file: Path, done: int, size: int) -> None:
        with file.open("ab") as opened:
            opened.write(b"2")

    with pytest.raises(DataError, match="changed while it was read"):
        fingerprint(data, tmp_path / "fingerprints.json", lambda *told: append(*told) if told[1] == 1 else None)


def _hash_all(folder: Path, memory: Path) -> None:
    for file in sorted(folder.iterdir()):
        fingerprint(file, memory, clock=later)


def test_processes_share_one_memory(tmp_path: Path) -> None:
    folder, memory = tmp_path / "many", tmp_path / "fingerprints.json"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number}.csv").write_bytes(str(number).encode())
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_hash_all, args=(folder, memory)) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert sorted(recall(memory).values()) == sorted(sha256(str(n).encode()).hexdigest() for n in range(30))
    reads = Reads()
    fingerprint(folder, memory, reads, later)
    assert reads.seen == []


def test_the_progress_of_a_folder_is_that_of_all_its_files(tmp_path: Path) -> None:
    scans, memory, reads = tmp_path / "scans", tmp_path / "fingerprints.json", Reads()
    scans.mkdir()
    for name in ("a", "b"):
        (scans / name).write_bytes(b"123")
    fingerprint(scans, memory, reads, later)
    assert reads.seen == [("scans", 3, 6), ("scans", 6, 6)]
    (scans / "b").write_bytes(b"1234")
    fingerprint(scans, memory, reads, later)
    assert reads.seen[2:] == [("scans", 4, 4)]


def test_what_was_hashed_before_an_error_is_remembered(tmp_path: Path) -> None:
    scans, memory = tmp_path / "scans", tmp_path / "fingerprints.json"
    scans.mkdir()
    (scans / "a").write_bytes(b"1")
    (scans / "b").write_bytes(b"2")

    def written_meanwhile(file: Path, done: int, size: int) -> None:
        if done == 2:
            (scans / "b").write_bytes(b"more")

    with pytest.raises(DataError, match="b changed while it was read"):
        fingerprint(scans, memory, written_meanwhile, later)
    assert [Path(state.path).name for state in recall(memory)] == ["a"]
