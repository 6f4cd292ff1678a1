"""Metrics that a worker measures from predictions that were kept."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from blueno.messages import Message
from blueno.ml.scored import Scored, save_predictions
from blueno.store.asked import item
from blueno.usercode import PACKAGE
from blueno.worker.work import Worker, handle, open_worker

KEY = "ab/abc/1/predictions.npz"
OWN = """\
def share(target, scores, limit: float = 0.5):
    return float((scores > limit).mean())


def broken(target, scores):
    raise ValueError("no such thing")
"""


@pytest.fixture(autouse=True)
def same_interpreter() -> Iterator[None]:
    path = list(sys.path)
    yield
    sys.path[:] = path
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    """One whose models hold predictions of four samples, and whose cache holds own.py."""
    worker = open_worker("w1", tmp_path / "project", threads=1)
    target, scores = np.array([0, 1, 1, 0]), np.array([0.1, 0.9, 0.4, 0.2])
    scored = Scored("binary", target, scores, (scores > 0.5).astype(np.int64), 2, True)
    source = save_predictions(tmp_path / "predictions.npz", scored, np.array(list("abcd")), ["no", "yes"])
    worker.models.put_if_absent(KEY, source)
    with ZipFile(tmp_path / "code.zip", "w") as file:
        file.writestr("own.py", OWN)
    worker.cache.put_if_absent("snapshots/own.zip", tmp_path / "code.zip")
    return worker


def measured(worker: Worker, *metrics: Any, key: str = KEY) -> Message:
    asked = [{"id": it.id, "name": it.name, "metric": it.written} for it in map(item, metrics)]
    said: list[Message] = []
    message = {
        "kind": "measure", "sweep": 1, "trial": "abc", "attempt": 1, "predictions": key, "metrics": asked,
        "code": {"snapshot": "snapshots/own.zip", "folder": ""},
    }  # fmt: skip
    handle(worker, message, said.append)
    [answer] = said
    assert {key: answer[key] for key in ("kind", "sweep", "trial", "attempt")} == {
        "kind": "measured", "sweep": 1, "trial": "abc", "attempt": 1
    }  # fmt: skip
    return answer


def test_built_in_ones_and_ones_own_under_their_ids(worker: Worker) -> None:
    limited = {"own.py:share": {"limit": 0.3, "as": "above"}}
    found = measured(worker, "val_accuracy", limited)
    assert found["metrics"] == {"val_accuracy": 0.75, item(limited).id: 0.5}
    assert found["notes"] == found["errors"] == {}


def test_what_predictions_cannot_tell_is_null_with_a_note(worker: Worker) -> None:
    found = measured(worker, "val_accuracy", "train_accuracy", "val_loss")
    assert found["metrics"] == {"val_accuracy": 0.75, "train_accuracy": None, "val_loss": None}
    assert set(found["notes"]) == {"train_accuracy", "val_loss"}


def test_one_that_fails_takes_no_other_along(worker: Worker) -> None:
    found = measured(worker, "own.py:broken", "val_accuracy", "own.py:share")
    assert found["metrics"] == {"val_accuracy": 0.75, item("own.py:share").id: 0.25}
    [(id, error)] = found["errors"].items()
    assert id == item("own.py:broken").id
    assert (error["class"], error["type"], error["message"]) == ("user_code", "ValueError", "no such thing")
    assert 'File "own.py", line 6' in error["traceback"]


def test_predictions_that_are_gone_are_an_error_of_each(worker: Worker) -> None:
    found = measured(worker, "val_accuracy", "val_recall", key="ab/abc/2/predictions.npz")
    assert found["metrics"] == {} and set(found["errors"]) == {"val_accuracy", "val_recall"}
