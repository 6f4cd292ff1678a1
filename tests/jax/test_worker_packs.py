"""A worker that trains packs: trials that come while results are on their way, families that are left to `fit`."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np

from blueno.worker.inbox import Inbox
from blueno.worker.packs import train_packs
from blueno.worker.work import Worker, open_worker
from tests.unit import ml_jobs

from .test_streaming import message_of


def worker_on(folder: Path, data: ml_jobs.Dataset) -> Worker:
    worker = open_worker("w", folder, 1)
    worker.datasets[data.id] = data
    return worker


def messages(folder: Path, data: ml_jobs.Dataset, count: int, **changes: Any) -> list[dict[str, Any]]:
    return [message_of(ml_jobs.job(folder / "job", data, seed=seed, epochs=1, **changes)) for seed in range(count)]


def test_trials_that_come_while_results_are_on_their_way_are_trained(tmp_path: Path) -> None:
    data, inbox, lock = ml_jobs.blobs(), Inbox(), threading.Lock()
    first, *later = messages(tmp_path, data, 12)
    results: list[str] = []

    def emit(message: dict[str, Any]) -> None:  # as the scheduler, which sends another trial for each result
        if message["kind"] == "result":
            with lock:
                results.append(message["trial"])
                if later:
                    inbox.put(later.pop(0))

    train_packs(worker_on(tmp_path, data), first, emit, inbox)
    assert len(results) + len(later) >= 2
    while not later and not inbox.empty():  # nothing may be left behind but in the inbox
        train_packs(worker_on(tmp_path, data), inbox.get(), emit, inbox)
    assert sorted(results) == sorted(f"t{seed}" for seed in range(12))


def test_what_was_not_finite_in_a_lane_is_named_once(tmp_path: Path) -> None:
    data, said = ml_jobs.blobs(), list[dict[str, Any]]()
    [wild] = messages(tmp_path, data, 1, learning_rate=1e30)
    train_packs(worker_on(tmp_path, data), wild, said.append, Inbox())
    result = said[-1]
    assert (result["state"], result["engine"]) == ("diverged", "fused")
    assert {"val_accuracy", "val_loss"} <= {*result["nonfinite"]}
    assert len({*result["nonfinite"]}) == len(result["nonfinite"])
    assert {name for name, value in result["metrics"].items() if value is None} <= {*result["nonfinite"]}


def test_a_family_that_does_not_pay_is_given_back_at_once(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    data = ml_jobs.dataset(random.random((96, 32, 32, 1), np.float32), np.arange(96) % 2, "binary")
    sent = messages(tmp_path, data, 6, model={"architecture": "cnn", "filters": [32, 64]})
    for message in sent:
        message["pack"] = {**message["pack"], "must": False, "lanes": 2}
    worker, inbox = worker_on(tmp_path, data), Inbox()
    for message in sent[1:4]:
        inbox.put(message)
    said: list[dict[str, Any]] = []
    train_packs(worker, sent[0], said.append, inbox)
    assert worker.opened is None
    for message in sent[4:]:  # told without being built again
        inbox.put(message)
    while not inbox.empty():
        train_packs(worker, inbox.get(), said.append, inbox)
    refused = [message for message in said if message["kind"] == "unfused"]
    assert sorted(message["trial"] for message in refused) == [f"t{seed}" for seed in range(6)]
    assert all("convolutions are large" in message["why"] for message in refused)
    assert {message["kind"] for message in said} == {"started", "unfused"}
