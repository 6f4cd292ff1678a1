"""What a worker makes of messages, in this process: results, logs, artefacts, wear, and what surrounds a trial."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from blueno.cache.folder import FolderCache
from blueno.canonical import digest, digest_file
from blueno.messages import Message
from blueno.usercode import PACKAGE, CodeFolder
from blueno.worker.code import code_folder
from blueno.worker.epochs import EpochReport, finite
from blueno.worker.memory import held_bytes, peak_bytes, reset_peak
from blueno.worker.output import bounded, tail, trial_log
from blueno.worker.work import OPEN_DATASETS, Worker, handle, open_worker, remove_leftovers

from .ml_jobs import line

CODE = {"snapshot": "snapshots/abc.zip", "folder": "specs"}


@pytest.fixture(autouse=True)
def same_interpreter() -> Iterator[None]:
    """Forgets the user code of a test."""
    path, folder = list(sys.path), os.getcwd()
    yield
    sys.path[:] = path
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]
    os.chdir(folder)


@pytest.fixture
def worker(tmp_path: Path) -> Worker:
    return open_worker("w1", tmp_path / "project", threads=1)


def submit(worker: Worker, text: str, key: str = "snapshots/abc.zip") -> None:
    """Puts a snapshot whose specs/job.py is `text` into the cache."""
    archive = worker.root.parent / "snapshot.zip"
    with ZipFile(archive, "w") as file:
        file.writestr("specs/job.py", text)
    worker.cache.put_if_absent(key, archive)


def train(model: dict[str, Any] | None = None, dataset: str | None = None, **other: Any) -> Message:
    recipe = {
        "recipe": 1, "model": model or {"function": "job.py:train"}, "dataset": dataset, "seed": 0, "train": None,
        "augment": [], "code": {},
    }  # fmt: skip
    message = {
        "kind": "train", "trial": digest(recipe), "attempt": 1, "recipe": recipe, "config": "c", "fold": None,
        "code": CODE, "files": {}, "objective": {"metric": "score", "direction": "maximize"}, "metrics": [], "keep": {},
    }  # fmt: skip
    return message | other


def ask(worker: Worker, message: Message) -> list[Message]:
    said: list[Message] = []
    handle(worker, message, lambda answer: said.append(json.loads(json.dumps(answer, allow_nan=False))))
    return said


def result(worker: Worker, message: Message) -> Message:
    return ask(worker, message)[-1]


# ---- trials


def test_a_trial_from_start_to_result(worker: Worker) -> None:
    submit(worker, "def train(trial):\n    trial.report(1, {'score': 0.5})\n    return {'score': 0.75}\n")
    worker.clock, worker.stopwatch = iter([0.0, 1.0]).__next__, iter([7.0, 10.5]).__next__
    started, epoch, done = ask(worker, train())
    assert started == {"kind": "started", "trial": done["trial"], "attempt": 1}
    assert (epoch["epoch"], epoch["metrics"]) == (1, {"score": 0.5})
    assert (done["state"], done["metrics"], done["nonfinite"]) == ("succeeded", {"score": 0.75}, [])
    assert (done["engine"], done["history"], done["error"]) == ("function", {"score": [0.5]}, None)
    assert (done["started"], done["duration_s"]) == ("1970-01-01T00:00:00.000Z", 3.5)
    assert done["peak_memory_bytes"] > 10_000_000


def test_a_functions_metrics_that_are_not_finite_are_null_and_named(worker: Worker) -> None:
    text = "trial.report(1, {'score': 1.0, 'loss': float('inf'), 'gone': float('nan')})"
    submit(worker, f"def train(trial):\n    {text}\n    return {{'score': float('nan'), 'gone': 1.0}}\n")
    done = result(worker, train())
    assert (done["state"], done["nonfinite"]) == ("diverged", ["score", "loss"])
    assert done["metrics"] == {"score": None, "loss": None, "gone": 1.0}
    assert done["history"] == {"score": [1.0], "loss": [None], "gone": [None]}


def test_an_estimators_metrics_that_are_not_finite_are_null_and_named(worker: Worker) -> None:
    text = "class Lost:\n    def fit(self, x, y): pass\n    def predict(self, x): return x[:, 0] * float('nan')\n"
    submit(worker, text)
    data = line()
    worker.datasets[data.id] = data
    objective = {"metric": "val_r2", "direction": "maximize"}
    done = result(worker, train({"estimator": "job.py:Lost"}, data.id, objective=objective))
    assert (done["state"], done["engine"]) == ("diverged", "estimator") and "val_r2" in done["nonfinite"]
    assert done["metrics"] == dict.fromkeys(done["nonfinite"])


def test_the_log_has_every_attempt_and_ends_with_the_traceback(worker: Worker) -> None:
    submit(worker, "import os\ndef train(trial):\n    os.write(1, b'said\\n')\n    raise ValueError('no')\n")
    result(worker, train())
    log = result(worker, train(attempt=2))["log"]
    lines = log.splitlines()
    assert [line[:14] for line in lines if line.startswith("---")] == ["--- attempt 1,", "--- attempt 2,"]
    assert lines[1] == "said"
    assert lines[-1] == "ValueError: no"
    assert trial_log(worker.root, train()["trial"]).read_text() == log


def test_artefacts_are_kept_by_attempt_and_the_scratch_is_gone(worker: Worker) -> None:
    submit(
        worker,
        """
def train(trial):
    (trial.folder / "a").mkdir()
    (trial.folder / "b").mkdir()
    (trial.folder / "a" / "x.txt").write_text("in a")
    (trial.folder / "b" / "x.txt").write_text("in b")
    return {"score": 1.0}
""",
    )
    first = result(worker, train())["artefacts"]
    second = result(worker, train(attempt=2))["artefacts"]
    assert sorted(first) == ["a/x.txt", "b/x.txt"]
    assert first["a/x.txt"]["key"] != second["a/x.txt"]["key"]
    for name, text in (("a/x.txt", "in a"), ("b/x.txt", "in b")):
        file = worker.models.get(first[name]["key"])
        assert file.read_text() == text
        assert (digest_file(file), file.stat().st_size) == (first[name]["sha256"], first[name]["bytes"])
    assert list(worker.models.scratch.iterdir()) == []


def test_the_next_trial_begins_in_the_same_folder(worker: Worker, tmp_path: Path) -> None:
    submit(worker, f"import os\ndef train(trial):\n    os.chdir({str(tmp_path)!r})\n    return {{'score': 1.0}}\n")
    before = os.getcwd()
    assert result(worker, train())["state"] == "succeeded"
    assert os.getcwd() == before


def test_a_checkpoint_survives_a_failed_attempt_and_no_more(worker: Worker) -> None:
    submit(
        worker,
        """
def train(trial):
    mark = trial.checkpoint / "mark"
    if not mark.exists():
        mark.write_text("been here")
        raise RuntimeError("the first time")
    return {"score": 1.0}
""",
    )
    assert result(worker, train())["state"] == "failed"
    assert result(worker, train(attempt=2))["state"] == "succeeded"
    assert result(worker, train(attempt=3))["state"] == "failed"


def test_the_fold_and_the_parameters_arrive(worker: Worker) -> None:
    submit(worker, "def train(trial):\n    return {'score': trial.fold + trial.params['add']}\n")
    message = train({"function": "job.py:train", "add": 10}, fold=3)
    assert result(worker, message)["metrics"] == {"score": 13.0}


@pytest.mark.parametrize("statement", ["raise SystemExit(3)", "raise KeyboardInterrupt", "import sys; sys.exit()"])
def test_user_code_cannot_end_the_worker(worker: Worker, statement: str) -> None:
    submit(worker, f"def train(trial):\n    {statement}\n")
    done = result(worker, train())
    assert (done["state"], done["error"]["class"]) == ("failed", "user_code")


def test_what_ends_an_inline_worker_passes_through(worker: Worker) -> None:
    submit(worker, "def train(trial):\n    raise KeyboardInterrupt\n")
    worker.fatal = (KeyboardInterrupt,)
    with pytest.raises(KeyboardInterrupt):
        ask(worker, train())
    assert list(worker.models.scratch.iterdir()) == []


def test_a_full_disk_is_a_result(worker: Worker) -> None:
    submit(worker, "import errno\ndef train(trial):\n    raise OSError(errno.ENOSPC, 'No space left on device')\n")
    assert result(worker, train())["error"]["class"] == "disk_full"


def test_a_log_that_cannot_be_written_is_a_result(worker: Worker) -> None:
    submit(worker, "def train(trial):\n    return {'score': 1.0}\n")
    worker.root.joinpath("logs").write_text("a file where the folder should be")
    done = result(worker, train())
    assert (done["state"], done["error"]["type"]) == ("failed", "NotADirectoryError")


def test_a_dataset_that_is_gone_is_asked_for_again(worker: Worker) -> None:
    submit(worker, "def train(trial):\n    return {'score': 1.0}\n")
    assert result(worker, train(dataset="0" * 64))["error"]["class"] == "dataset_missing"


def test_a_snapshot_that_is_gone(worker: Worker) -> None:
    error = result(worker, train())["error"]
    assert error["message"] == "the snapshot of its code is gone from the cache"
    assert error["class"] == "snapshot_missing"


def test_a_clock_that_is_set_back_makes_no_negative_duration(worker: Worker) -> None:
    submit(worker, "def train(trial):\n    return {'score': 1.0}\n")
    clock = iter(range(1000, 0, -1))
    worker.clock = lambda: float(next(clock))
    assert 0 <= result(worker, train())["duration_s"] < 60


def test_what_a_killed_worker_left_is_removed(worker: Worker) -> None:
    submit(worker, "import os\ndef train(trial):\n    (trial.folder / 'big').touch()\n    os._exit(1)\n")
    program = f"""
import json, sys
from pathlib import Path
from blueno.worker.work import handle, open_worker
handle(open_worker("w", Path({str(worker.root)!r}), 1), json.loads(sys.argv[1]), lambda answer: None)
"""
    done = subprocess.run([sys.executable, "-c", program, json.dumps(train())])
    assert done.returncode == 1
    code = worker.root / "data" / "work" / "code"
    (code / "unpacking-x").mkdir()
    assert len(list(worker.models.scratch.iterdir())) == 1
    half_built = worker.root / "data" / "cache" / "tmp" / ("0123456789abcdef" * 4)
    half_built.mkdir(parents=True)
    being_written = half_built.parent / "tmpabc"  # by whoever submits at this moment
    being_written.mkdir()
    remove_leftovers(worker.root)
    assert list(half_built.parent.iterdir()) == [being_written]
    assert list(worker.models.scratch.iterdir()) == []
    assert [path.name for path in code.iterdir()] == ["abc"]


# ---- wear


def test_running_out_of_memory_wears_a_worker_out(worker: Worker) -> None:
    submit(worker, "def train(trial):\n    raise MemoryError\n")
    assert result(worker, train())["error"]["class"] == "out_of_memory"
    assert worker.worn_out


def test_a_little_growth_does_not(worker: Worker) -> None:
    submit(worker, "kept = []\ndef train(trial):\n    kept.append(b'x' * 10**7)\n    return {'score': 1.0}\n")
    for attempt in range(1, 4):
        ask(worker, train(attempt=attempt))
    assert not worker.worn_out
    assert worker.first_held_bytes is not None
    worker.first_held_bytes -= 2 * 1024**3
    ask(worker, train(attempt=4))
    assert worker.worn_out


def test_the_high_water_mark_is_a_trials_own() -> None:
    reset_peak()
    before = peak_bytes()
    block = np.ones(64 * 1024**2, dtype=np.uint8)
    held = held_bytes()
    with_block = peak_bytes()
    assert block.sum() == 64 * 1024**2
    del block
    assert with_block >= before + 60 * 1024**2
    assert held_bytes() < held


# ---- epochs


def test_epochs_are_told_at_most_twice_a_second_and_the_last_in_any_case() -> None:
    now_s = [0.0]
    said: list[Message] = []
    report = EpochReport({"trial": "t", "attempt": 1}, said.append, lambda: now_s[0])
    for epoch in range(1, 12):
        now_s[0] = epoch * 0.2
        assert report(epoch, 11, {"loss": 1 / epoch}) is False
    assert [message["epoch"] for message in said] == [1, 4, 7, 10]
    report.flush()
    report.flush()
    assert [message["epoch"] for message in said] == [1, 4, 7, 10, 11]


def test_what_is_not_finite_is_null() -> None:
    assert [finite(value) for value in (1, float(np.float32(0.5)), float("nan"), float("-inf"))] == [
        1.0,
        0.5,
        None,
        None,
    ]
    said: list[Message] = []
    EpochReport({}, said.append)(1, 1, {"loss": float("inf")})
    assert said[0]["metrics"] == {"loss": None}


# ---- logs


def test_a_long_log_loses_its_middle(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_bytes(b"a" * 100 + b"middle" * 100 + b"z" * 100)
    assert bounded(log, half_bytes=100) == "a" * 100 + "\n[... 600 bytes left out ...]\n" + "z" * 100
    assert bounded(log) == log.read_text()
    assert tail(log, 3) == "zzz"
    assert bounded(tmp_path / "none") == tail(tmp_path / "none") == ""


def test_a_log_need_not_be_text(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"\xff\xfe ok")
    assert bounded(tmp_path / "log").endswith(" ok")


# ---- snapshots


def test_a_snapshot_is_unpacked_once(worker: Worker) -> None:
    submit(worker, "V = 1\n")
    code = code_folder(worker.root, worker.cache, CODE)
    assert code == CodeFolder(worker.root / "data" / "work" / "code" / "abc", "specs")
    (code.root / "mark").touch()
    assert code_folder(worker.root, worker.cache, CODE) == code
    assert (code.root / "mark").exists()
    assert [path.name for path in code.root.parent.iterdir()] == ["abc"]
    assert code_folder(worker.root, worker.cache, {"snapshot": "", "folder": ""}) is None


def test_a_damaged_snapshot_leaves_nothing(worker: Worker, tmp_path: Path) -> None:
    (tmp_path / "damaged").write_bytes(b"no zip")
    worker.cache.put_if_absent("snapshots/abc.zip", tmp_path / "damaged")
    assert result(worker, train())["state"] == "failed"
    assert list((worker.root / "data" / "work" / "code").iterdir()) == []


# ---- datasets


def build_message(tmp_path: Path, n: int = 60, **other: Any) -> Message:
    """A binary task from a file of 4 features."""
    random = np.random.default_rng(0)
    y = np.arange(n) % 2
    np.savez(tmp_path / "set.npz", x=random.normal(size=(n, 4)) + y[:, None], y=y)
    columns = dict.fromkeys(("target", "features", "drop", "id", "group", "time", "task", "positive", "target_scale"))
    split = {"test": None, "validation": 0.3, "stratify": True, "group": None, "seed": 0, "stop": None}
    source = {"name": "npz", "params": {"path": str(tmp_path / "set.npz")}, "code": 1, "fingerprint": None}
    recipe: Message = {"columns": columns, "fold": None, "source": source, "split": split, "steps": []}
    message = {"kind": "build", "dataset": digest(recipe), "recipe": recipe, "code": CODE, "files": {}, "models": []}
    return message | other


def test_a_dataset_is_built_and_trained_on(worker: Worker, tmp_path: Path) -> None:
    submit(worker, "def train(trial):\n    return {'score': len(trial.data.train.ids)}\n")
    message = build_message(tmp_path)
    (built,) = ask(worker, message)
    assert (built["dataset"], built["error"], built["model_errors"]) == (message["dataset"], None, {})
    assert built["bytes"] > 0
    assert message["dataset"] in built["computed"]
    (again,) = ask(worker, message)
    assert (again["computed"], again["summary"]) == ([], built["summary"])
    assert result(worker, train(dataset=message["dataset"]))["metrics"] == {"score": 42.0}
    assert list(worker.datasets) == [message["dataset"]]


def test_few_datasets_stay_open(worker: Worker, tmp_path: Path) -> None:
    submit(worker, "def train(trial):\n    return {'score': 1.0}\n")
    for n in range(20, 20 + 2 * OPEN_DATASETS + 2, 2):
        folder = tmp_path / str(n)
        folder.mkdir()
        message = build_message(folder, n)
        ask(worker, message)
        assert result(worker, train(dataset=message["dataset"]))["state"] == "succeeded"
        assert list(worker.datasets)[-1] == message["dataset"]
    assert len(worker.datasets) == OPEN_DATASETS


@pytest.mark.slow
def test_an_estimator_leaves_weights_and_predictions(worker: Worker, tmp_path: Path) -> None:
    submit(worker, "")
    message = build_message(tmp_path)
    (built,) = ask(worker, message)
    assert built["error"] is None
    model = {"estimator": "sklearn.linear_model:LogisticRegression", "C": 1.0}
    objective = {"metric": "val_accuracy", "direction": "maximize"}
    done = result(worker, train(model, message["dataset"], objective=objective))
    assert (done["state"], done["engine"], done["error"]) == ("succeeded", "estimator", None)
    assert done["metrics"]["val_accuracy"] > 0.5
    assert set(done["artefacts"]) == {"weights", "predictions"}


@pytest.mark.slow
def test_architectures_are_tried_on_the_shape_of_the_data(tmp_path: Path) -> None:
    """In a process of its own: Keras is imported once in a process, and stays."""
    program = f"""
import json
from pathlib import Path
from tests.unit.test_worker import ask, build_message, open_worker
good = json.dumps([{{"model": 1}}, {{"architecture": "mlp", "hidden": [4], "activation": "relu", "dropout": 0.0}}])
bad = json.dumps([{{"model": 1}}, {{"architecture": "cnn", "filters": [4, 4, 4]}}])
path = Path({str(tmp_path)!r})
code = {{"snapshot": "", "folder": ""}}
(built,) = ask(open_worker("w", path / "project", 1), build_message(path, models=[good, bad], code=code))
print(json.dumps(built))
"""
    root = Path(__file__).parent.parent.parent
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    built = json.loads(done.stdout.splitlines()[-1])
    assert built["error"] is None
    (model,) = built["model_errors"]
    assert json.loads(model)[1]["architecture"] == "cnn"
    assert built["model_errors"][model]["class"] == "model"
    assert isinstance(
        FolderCache(tmp_path / "project" / "data" / "cache").stat(f"datasets/{built['dataset']}.json"), int
    )
