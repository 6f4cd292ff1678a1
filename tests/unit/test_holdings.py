"""What caches hold: totals that count shared parts once, what goes with what, and what stays for whom."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from blueno.cache.folder import FolderCache
from blueno.cache.manifests import dataset_key, node_key
from blueno.holdings.budget import to_remove
from blueno.holdings.collect import collect, garbage, is_nothing
from blueno.holdings.held import alone_bytes, holdings, orphans, total_bytes
from blueno.holdings.leftovers import leftovers, remove_leftovers, under_way
from blueno.holdings.removal import removal_of, remove

from .held_data import age, age_all, part_key, put, put_dataset, put_node, recipe

NOW = time.time()
DAY_S = 86_400.0
A, B, C, SHARED = b"a" * 1000, b"b" * 2000, b"c" * 3000, b"s" * 10_000


@pytest.fixture
def cache(tmp_path: Path) -> FolderCache:
    return FolderCache(tmp_path / "cache")


@pytest.fixture
def three(cache: FolderCache, tmp_path: Path) -> list[str]:
    """Ids of three datasets that share a part, last used 3, 2 and 1 days ago."""
    made = []
    for steps, own, days in ((("scale",), A, 3), (("pca",), B, 2), (("quantile",), C, 1)):
        id = put_dataset(cache, recipe(steps=steps), [own, SHARED], tmp_path)
        age(cache, dataset_key(id), days * DAY_S, NOW)
        made.append(id)
    return made


def manifests(cache: FolderCache) -> int:
    return sum(entry.bytes for entry in cache.entries("datasets/")) + sum(e.bytes for e in cache.entries("nodes/"))


def test_shared_parts_count_once(cache: FolderCache, three: list[str]) -> None:
    held = holdings(cache)
    assert set(held.items) == set(three)
    assert total_bytes(held) == 16_000 + manifests(cache)
    assert held.items[three[0]].bytes == 11_000
    assert alone_bytes(held)[three[0]] == 1000 + held.items[three[0]].manifest.bytes


def test_a_part_goes_with_the_last_that_needs_it(cache: FolderCache, three: list[str]) -> None:
    held = holdings(cache)
    one, all_three = removal_of(held, three[:1]), removal_of(held, three)
    assert [part.key for part in one.parts] == [part_key(A)]
    assert {part.key for part in all_three.parts} == {part_key(each) for each in (A, B, C, SHARED)}
    assert remove(one, cache) == one.bytes
    assert cache.stat(part_key(SHARED)) == len(SHARED) and cache.stat(dataset_key(three[0])) is None
    assert not holdings(cache).items[three[1]].missing


def test_what_a_build_came_to_need_meanwhile_stays(cache: FolderCache, three: list[str], tmp_path: Path) -> None:
    going = removal_of(holdings(cache), three[:1])
    again = put_dataset(cache, recipe("wine"), [A], tmp_path)
    remove(going, cache)
    assert not holdings(cache).items[again].missing
    going = removal_of(holdings(cache), [again])
    put(cache, part_key(A), A, tmp_path)  # a build stores it again, and will name it
    remove(going, cache)
    assert cache.stat(part_key(A)) == len(A)


def test_the_oldest_use_goes_first(cache: FolderCache, three: list[str]) -> None:
    held = holdings(cache)
    all_bytes = total_bytes(held)
    assert to_remove(held, all_bytes, (), {}) == []
    assert to_remove(held, all_bytes - 1, (), {}) == three[:1]
    assert to_remove(held, all_bytes - 3000, (), {}) == three[:2]
    assert to_remove(held, 0, (), {}) == three
    assert to_remove(held, all_bytes - 1, (), {three[0]: NOW}) == three[1:2]
    assert to_remove(held, all_bytes - 1, three[:1], {}) == three[1:2]
    assert to_remove(held, 0, three[1:], {}) == three[:1]


def test_what_would_make_no_room_stays(cache: FolderCache, tmp_path: Path) -> None:
    made = recipe(steps=("scale",))
    node = put_node(cache, made, 1, [SHARED], tmp_path)
    age(cache, node_key(node), 9 * DAY_S, NOW)
    dataset = put_dataset(cache, made, [SHARED], tmp_path)
    other = put_dataset(cache, recipe("wine"), [A], tmp_path)
    age(cache, dataset_key(other), DAY_S, NOW)
    held = holdings(cache)
    assert to_remove(held, total_bytes(held) - 1000, (), {}) == [other]
    assert to_remove(held, 0, [dataset], {}) == [other]
    assert to_remove(held, 0, (), {}) == [node, other, dataset]


def test_what_lacks_parts_goes_before_anything_else(cache: FolderCache, three: list[str]) -> None:
    cache.delete(part_key(C))
    held = holdings(cache)
    assert held.items[three[2]].missing == [part_key(C)]
    assert to_remove(held, total_bytes(held) - 1, (), {}) == three[2:]


# ---- leftovers


def test_parts_that_nothing_names_go_when_they_are_old(cache: FolderCache, three: list[str], tmp_path: Path) -> None:
    orphan = put(cache, part_key(b"left"), b"left", tmp_path)
    assert [entry.key for entry in orphans(holdings(cache))] == [orphan]
    assert leftovers(cache, holdings(cache), (), NOW).entries == []
    age(cache, orphan, 2 * 3600, NOW)
    found = leftovers(cache, holdings(cache), (), NOW)
    assert [entry.key for entry in found.entries] == [orphan] and found.bytes == 4
    remove_leftovers(found, cache)
    assert orphans(holdings(cache)) == [] and not any(item.missing for item in holdings(cache).items.values())


def test_unreadable_manifests_go(cache: FolderCache, tmp_path: Path) -> None:
    put(cache, dataset_key("0" * 64), b"{", tmp_path)
    put(cache, dataset_key("1" * 64), b'{"id": "2"}', tmp_path)
    held = holdings(cache)
    assert len(held.unreadable) == 2 and not held.items
    remove_leftovers(leftovers(cache, held, (), NOW), cache)
    assert list(cache.list("")) == []


def test_code_that_no_sweep_runs_goes_after_a_day(cache: FolderCache, tmp_path: Path) -> None:
    for name in ("used", "new", "old"):
        put(cache, f"snapshots/{name}.zip", name.encode(), tmp_path)
    for name in ("used", "old"):
        age(cache, f"snapshots/{name}.zip", 2 * DAY_S, NOW)
    found = leftovers(cache, holdings(cache), {"snapshots/used.zip"}, NOW)
    assert [entry.key for entry in found.entries] == ["snapshots/old.zip"]


BUILDER = """
import sys
from pathlib import Path
from blueno.cache.folder import FolderCache
from blueno.etl.storage import workplace
with workplace("a" * 64, FolderCache(Path(sys.argv[1]))) as folder:
    (folder / "part.npy").write_bytes(b"half")
    print("in it", flush=True)
    sys.stdin.read()
"""


def test_a_build_under_way_is_left_alone_and_a_dead_one_is_not(cache: FolderCache, tmp_path: Path) -> None:
    orphan = put(cache, part_key(b"of the build"), b"of the build", tmp_path)
    command = [sys.executable, "-c", BUILDER, str(cache.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as builder:
        assert builder.stdout is not None
        builder.stdout.readline()
        half = cache.scratch / ("a" * 64)
        lock = cache.scratch / f"{half.name}.lock"
        os.utime(lock, (NOW - 5 * 3600, NOW - 5 * 3600))  # it began five hours ago
        age(cache, orphan, 4 * 3600, NOW)
        assert list(under_way(cache.scratch)) == [half.name]
        found = garbage(cache, 0, (), {}, (), NOW)
        assert is_nothing(found)
        collect(found, cache)
        assert half.is_dir() and lock.exists() and cache.stat(orphan)
        builder.kill()
    assert under_way(cache.scratch) == {}
    found = garbage(cache, 0, (), {}, (), NOW)
    assert [path.name for path in found.leftovers.paths] == [half.name]
    assert collect(found, cache) == len(b"half") + len(b"of the build")
    assert list(cache.scratch.iterdir()) == [] and list(cache.list("")) == []


def test_a_dataset_that_is_being_built_is_not_removed(cache: FolderCache, three: list[str]) -> None:
    with (cache.scratch / f"{three[0]}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert three[0] not in [item.id for item in garbage(cache, 0, (), {}, (), NOW).removal.items]
    assert three[0] in [item.id for item in garbage(cache, 0, (), {}, (), NOW).removal.items]


def test_files_in_scratch_go_after_a_day(cache: FolderCache) -> None:
    cache.scratch.mkdir(parents=True)
    for name in ("new", "old", ".rename.lock"):
        (cache.scratch / name).write_bytes(b"12345")
    (cache.scratch / "folder").mkdir()
    for name in ("old", ".rename.lock", "folder"):
        os.utime(cache.scratch / name, (NOW - 2 * DAY_S, NOW - 2 * DAY_S))
    found = leftovers(cache, holdings(cache), (), NOW)
    assert [path.name for path in found.paths] == ["folder", "old"] and found.bytes == 5
    remove_leftovers(found, cache)
    assert sorted(path.name for path in cache.scratch.iterdir()) == [".rename.lock", "new"]


def test_a_cache_is_kept_to_its_size(cache: FolderCache, three: list[str]) -> None:
    before = total_bytes(holdings(cache))
    found = garbage(cache, before - 3000, three[:1], {}, (), NOW)
    assert (found.before_bytes, [item.id for item in found.removal.items]) == (before, three[1:])
    assert before - collect(found, cache) == total_bytes(holdings(cache)) == found.after_bytes
    assert is_nothing(garbage(cache, None, (), {}, (), NOW))


def test_a_use_is_a_files_time(cache: FolderCache, three: list[str], tmp_path: Path) -> None:
    age_all(cache, 9 * DAY_S, NOW)
    put_dataset(cache, recipe(steps=("pca",)), [B, SHARED], tmp_path)  # a build finds it all there
    changed = {id: item.manifest.changed_s for id, item in holdings(cache).items.items()}
    assert changed[three[1]] > NOW - 3600 > changed[three[0]]
