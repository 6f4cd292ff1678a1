"""A search in the scheduler's loop, with the real process that makes proposals."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from blueno.cache.opening import local_cache
from blueno.cache.outbox import noted, outbox_of
from blueno.scheduler import end, idle
from blueno.store import searches
from blueno.store.submit import submit

from .specs import DATA, compiled
from .test_scheduler import Bench

SPEC = """\
version: 1
name: prepared
objective: {maximize: val_accuracy}
search: {method: random, configs: 3, seed: 1}
model: {estimator: sklearn.neighbors:KNeighborsClassifier}
preprocess: [{pca: {components: {int_uniform: [2, 4]}}}]
"""
ENOUGH_S = 120.0


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    pytest.importorskip("optuna")
    bench = Bench(tmp_path)
    yield bench
    end(bench.scheduler)
    bench.db.close()


@pytest.mark.parametrize(("shares", "publish"), [(True, "none"), (True, "models"), (False, "none")])
def test_machines_that_share_a_cache_hear_of_datasets_that_are_proposed(
    shares: bool, publish: Literal["none", "models"], bench: Bench
) -> None:
    bench.scheduler.shares, bench.scheduler.publish = shares, publish
    plan = compiled(SPEC + DATA, bench.root)
    assert not plan.datasets, "nobody knows them beforehand"
    sweep = submit(bench.db, plan, {}, "python", bench.now).sweep
    begun_s = time.monotonic()
    while searches.is_open(bench.db, sweep) and time.monotonic() - begun_s < ENOUGH_S:
        bench.steps(1)
        time.sleep(0.01)
    assert not searches.is_open(bench.db, sweep)
    assert not idle(bench.scheduler)
    cache = local_cache(bench.root)
    told = [json.loads((cache.root / entry.key).read_text()) for entry in cache.entries("wants/")]
    proposed = {row["id"] for row in bench.db.execute("SELECT id FROM datasets")}
    assert len(proposed) > 1
    kinds = {row["kind"] for row in bench.db.execute("SELECT kind FROM proposals")}
    assert kinds == {"new", "known"}, "some are drawn twice"
    assert {id for each in told for id in each["datasets"]} == (proposed if shares else set())
    assert len(noted(outbox_of(bench.root))) == len(told)
