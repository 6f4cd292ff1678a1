"""The scheduler keeps the cache to its limit by itself: what was used longest ago goes, what trials need stays."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blueno.cache.folder import FolderCache
from blueno.cache.manifests import dataset_key
from blueno.canonical import canonical, digest
from blueno.holdings.held import holdings, total_bytes
from blueno.planning import DatasetNode
from blueno.scheduler import step
from blueno.scheduler.cache_limit import EVERY_S, keep_to_limit

from .held_data import age, put_dataset, recipe
from .test_scheduler import Bench, good

OLD, OLDER, WANTED = recipe(steps=("scale",)), recipe(steps=("pca",)), recipe("wine")
DAY_S = 86_400.0


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.db.close()


@pytest.fixture
def cache(bench: Bench, tmp_path: Path) -> FolderCache:
    """Three datasets of 1 kB each and what they share, the oldest of which a trial waits for."""
    cache = FolderCache(bench.root / "data" / "cache")
    for number, each in enumerate((OLD, OLDER, WANTED)):
        put_dataset(cache, each, [bytes([number]) * 1000, b"shared"], tmp_path / "made")
        age(cache, dataset_key(digest(each)), DAY_S * (number + 1), bench.now)
    return cache


def submit_on(bench: Bench, made: dict[str, Any]) -> None:
    node = DatasetNode(digest(made), canonical(made))
    bench.submit(values=(1,), datasets=[node])
    bench.db.execute("UPDATE trials SET dataset = ?", (node.id,))


def test_without_a_limit_everything_stays(bench: Bench, cache: FolderCache) -> None:
    bench.steps(1)
    assert len(holdings(cache).items) == 3 and bench.said == []


def test_the_oldest_use_makes_room_before_anything_runs(bench: Bench, cache: FolderCache) -> None:
    submit_on(bench, WANTED)
    bench.scheduler.cache_limit = total_bytes(holdings(cache)) - 1
    step(bench.scheduler, 0.0)
    assert set(holdings(cache).items) == {digest(OLD), digest(WANTED)}
    assert bench.said[0].startswith("1 datasets and nodes that were used longest ago made room")


def test_what_waits_needs_more_than_the_limit(bench: Bench, cache: FolderCache) -> None:
    submit_on(bench, WANTED)
    bench.scheduler.cache_limit = 100
    bench.steps(2)
    assert set(holdings(cache).items) == {digest(WANTED)}
    assert [line for line in bench.said if "more than cache_limit (100 B)" in line] == [bench.said[-1]]


def test_it_is_looked_at_after_builds_and_not_all_the_time(bench: Bench, cache: FolderCache, tmp_path: Path) -> None:
    bench.scheduler.cache_limit = total_bytes(holdings(cache)) + 500
    bench.steps(1)
    put_dataset(cache, recipe("digits"), [b"d" * 100], tmp_path / "made")
    bench.now += 2 * EVERY_S
    bench.steps(1)
    assert len(holdings(cache).items) == 4  # nobody said that anything was built
    bench.scheduler.cache_grew = True
    bench.scheduler.cache_seen_s = bench.now - EVERY_S / 2
    bench.steps(1)
    assert len(holdings(cache).items) == 4
    bench.now += EVERY_S
    bench.steps(1)
    assert len(holdings(cache).items) == 3


def test_a_build_is_a_reason_to_look(bench: Bench) -> None:
    bench.submit(values=(1,), data=True)
    bench.scheduler.cache_limit = 10**9
    bench.steps(1)
    assert not bench.scheduler.cache_grew
    bench.run(good)
    assert bench.scheduler.cache_grew


def test_what_cannot_be_removed_ends_nothing(bench: Bench, cache: FolderCache, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    monkeypatch.setattr(Path, "unlink", refuse)
    bench.scheduler.cache_limit = 1
    for _ in range(2):
        bench.scheduler.cache_grew = True
        keep_to_limit(bench.scheduler, bench.now, every_s=0.0)
    assert len(bench.said) == 1 and "cannot be kept to its limit" in bench.said[0]
