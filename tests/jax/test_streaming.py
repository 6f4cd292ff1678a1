"""Samples that the device has no room for are streamed, with the bits of those that it has; and packs are as wide as
there is room.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from blueno.etl.dataset import Dataset
from blueno.ml.engines.fused.family import open_family
from blueno.ml.engines.fused.ways import Ways
from blueno.ml.job import Job, Outcome
from blueno.worker.inbox import Inbox
from blueno.worker.packs import train_packs
from blueno.worker.work import open_worker
from tests.jax.families import packed, trials
from tests.unit import ml_jobs

SAMPLES, VALUES = 24_000, 64
WHOLE = SAMPLES * (VALUES + 1) * 4  # bytes of the samples, with their targets
TIGHT = int(1.5 * WHOLE)  # too little for samples on the device, which may take half of it
SMALL = {"architecture": "mlp", "hidden": [4], "dropout": 0.2, "batch_norm": True}
STOPPING = {"monitor": "val_loss", "patience": 1, "min_delta": 0.02}


class Watched:
    """Features in a file that note what is read of them, and what of them lies on the device meanwhile."""

    def __init__(self, path: Path, values: np.ndarray) -> None:
        np.save(path, values)
        self.array = np.load(path, mmap_mode="r")
        self.filename, self.shape, self.dtype, self.ndim = str(path), values.shape, values.dtype, values.ndim
        self.reads: list[int] = []  # samples
        self.held: list[int] = []  # bytes

    def __len__(self) -> int:
        return len(self.array)

    def __getitem__(self, rows: Any) -> np.ndarray:
        found = np.asarray(self.array[rows])
        self.reads.append(len(found))
        self.held.append(sum(each.nbytes for each in jax.live_arrays() if each.shape[1:] == self.shape[1:]))
        return found

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self[:].astype(dtype or self.dtype)


def data_of(folder: Path, number: int = 0, shape: tuple[int, ...] = (VALUES,)) -> Dataset:
    """Two classes that can be told apart, each preparation with other values."""
    random = np.random.default_rng(number)
    target = np.arange(SAMPLES) % 2
    values = random.normal(size=(SAMPLES, VALUES)) + 0.2 * target[:, None]
    folder.mkdir(parents=True, exist_ok=True)
    data: Any = Watched(folder / f"features-{number}.npy", values.reshape(-1, *shape))
    target_file = folder / f"target-{number}.npy"
    np.save(target_file, target.astype(np.int64))
    return ml_jobs.dataset(data, np.load(target_file, mmap_mode="r"), "binary")


def of_fold(data: Dataset, fold: int) -> Dataset:
    rows = np.arange(SAMPLES)
    parts = {"train": rows[rows % 3 != fold], "validation": rows[rows % 3 == fold]}
    return data._replace(parts=parts, id=f"{data.features.filename[-5:]}{fold}")  # type: ignore[attr-defined]


def jobs_of(folder: Path, datasets: list[Dataset], count: int, **changes: Any) -> list[Job]:
    """Trials whose seeds are 0 and 1 by turns, on one of these data after the other."""

    def make(folder: Path, i: int) -> Job:
        options = {"learning_rate": 0.003 * (i + 1), "batch_size": 500, "metrics": ["train_loss"], **changes}
        return ml_jobs.job(folder, datasets[i % len(datasets)], options.pop("model", SMALL), seed=i % 2, **options)

    return [job._replace(keep={"weights": "all", "predictions": "none"}) for job in trials(folder, count, make)]


def weights_of(outcome: Outcome) -> list[np.ndarray]:
    import keras

    return keras.saving.load_model(outcome.artefacts["weights"]).get_weights()


def assert_same(ones: list[Outcome], others: list[Outcome]) -> None:
    """Bit for bit."""
    for one, other in zip(ones, others, strict=True):
        assert (one.state, one.epoch) == (other.state, other.epoch) == ("succeeded", one.epoch)
        assert one.history == other.history and one.metrics == other.metrics
        for before, after in zip(weights_of(one), weights_of(other), strict=True):
            assert np.array_equal(before, after)


RULES: dict[str, dict[str, Any]] = {
    "early stopping": {"early_stopping": STOPPING, "epochs": 5},
    "class weights": {"class_weight": {"0": 2.0, "1": 0.5}},
    "a remainder": {"batch_size": 501},
    "a convolution": {"model": {"architecture": "cnn", "filters": [2], "dropout": 0.1}, "epochs": 1},
    "a recurrence": {"model": {"architecture": "gru", "units": [3]}, "epochs": 1},
}
SHAPES: dict[str, tuple[int, ...]] = {"a convolution": (8, 8, 1), "a recurrence": (8, 8)}


@pytest.mark.parametrize("name", RULES)
def test_streamed_folds_have_the_bits_of_those_at_hand(tmp_path: Path, name: str) -> None:
    data = data_of(tmp_path, shape=SHAPES.get(name, (VALUES,)))
    folds = [of_fold(data, fold) for fold in range(3)]
    whole = packed(jobs_of(tmp_path / "whole", folds, 4, **RULES[name]), budget=2**40)
    assert max(data.features.reads) == SAMPLES  # type: ignore[attr-defined]
    data.features.reads.clear()  # type: ignore[attr-defined]
    streamed = packed(jobs_of(tmp_path / "streamed", folds, 4, **RULES[name]), budget=TIGHT)
    assert max(data.features.reads) < SAMPLES / 4  # type: ignore[attr-defined]
    assert_same(whole, streamed)
    assert name != "early stopping" or min(len(each.history["loss"]) for each in streamed) < 5


def test_two_preparations_and_lanes_that_come_and_go(tmp_path: Path) -> None:
    datasets = [of_fold(data_of(tmp_path, number), number) for number in range(2)]
    whole = packed(jobs_of(tmp_path / "whole", datasets, 5), 3, budget=2**40)
    streamed = packed(jobs_of(tmp_path / "streamed", datasets, 5), 3, budget=2 * TIGHT)
    assert all(max(each.features.reads[-9:]) < SAMPLES / 4 for each in datasets)  # type: ignore[attr-defined]
    assert_same(whole, streamed)


STAGES = [
    {"epochs": 3, "trainable": "head", "loss": {"binary_crossentropy": {"label_smoothing": 0.1}}, "batch_size": 300,
     "early_stopping": STOPPING},
    {"epochs": 2, "optimizer": {"sgd": {"momentum": 0.9}}, "class_weight": {"0": 2.0}},
    {"epochs": 1, "batch_size": 2000, "learning_rate": 30.0},
]  # fmt: skip


def test_stages_are_streamed_too(tmp_path: Path) -> None:
    """Each with its batches, its weights of classes and its loss, which for the epoch that counts is not the last's."""
    data = data_of(tmp_path)
    folds, terms = [of_fold(data, fold) for fold in range(3)], {"stages": STAGES, "select": {"best": "val_accuracy"}}
    whole = packed(jobs_of(tmp_path / "whole", folds, 4, **terms), 3, budget=2**40)
    data.features.reads.clear()  # type: ignore[attr-defined]
    streamed = packed(jobs_of(tmp_path / "streamed", folds, 4, **terms), 3, budget=TIGHT)
    assert 3000 < max(data.features.reads) <= 6000  # type: ignore[attr-defined]
    assert_same(whole, streamed)
    assert all(each.history["stage"][each.epoch - 1] < 3 == each.history["stage"][-1] for each in streamed)


def test_blocks_share_a_program_and_stay_within_the_budget(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    data = data_of(tmp_path)
    jobs = jobs_of(tmp_path, [data], 4, batch_size=501, metrics=[])
    with jax.log_compiles():
        packed(jobs, budget=TIGHT)
    compiled = [
        each.getMessage() for each in caplog.records if "XLA compilation of jit(one_by_one)" in each.getMessage()
    ]
    assert len(compiled) == 3  # what draws weights, what trains, what scores
    blocks = [count for count in data.features.reads if count > 1]  # type: ignore[attr-defined]
    assert len(blocks) > 10 and max(blocks) < SAMPLES / 4
    assert 0 < max(data.features.held) < TIGHT / 2  # type: ignore[attr-defined]


def test_lanes_of_a_seed_share_what_is_read(tmp_path: Path) -> None:
    """So many lanes read no more than one does."""
    read = {}
    for count in (1, 3):
        data = data_of(tmp_path / str(count))
        jobs = jobs_of(tmp_path / str(count), [data], 2 * count)[::2]
        packed(jobs, budget=TIGHT)
        read[count] = sum(data.features.reads)  # type: ignore[attr-defined]
    assert read[1] == pytest.approx(read[3], abs=20)


HEAD_THEN_ALL = [{"epochs": 1, "trainable": "head"}, {"epochs": 1}]


@pytest.mark.parametrize("stages", [None, HEAD_THEN_ALL])
def test_a_pack_is_as_wide_as_there_is_room_for(tmp_path: Path, stages: Any) -> None:
    """In every stage. What has no room waits, and ends with the same bits; one lane is tried in any case."""
    data = ml_jobs.blobs(300)
    model = {"architecture": "mlp", "hidden": [64, 64]}

    def jobs(name: str) -> list[Job]:
        return [
            job._replace(keep={"weights": "all", "predictions": "none"})
            for job in trials(
                tmp_path / name, 5, lambda folder, i: ml_jobs.job(folder, data, model, seed=i, stages=stages)
            )
        ]

    family = open_family(jobs("family"))
    wide = packed(jobs("wide"), family=family, budget=2**40)
    states = sum(int(np.prod(each.shape)) * 4 for each in family.stages[-1].setup.trainee.optimizer.variables)
    for name, budget, most in (("narrow", 16 * states, 2), ("least", 1, 1)):
        assert_same(wide, packed(jobs(name), family=family, budget=budget))
        assert family.most == {Ways("map"): most}
        assert most in family.widths[Ways("map")], "no more places than there is room for, though more are compiled"
    assert_same(wide, packed(jobs("known"), family=family, budget=2**40))


def test_what_a_program_takes_beside_limits_a_pack(tmp_path: Path) -> None:
    """Lanes side by side each have activations of their own, those one after the other need them once."""
    model = {"architecture": "cnn", "filters": [16]}
    jobs = trials(tmp_path, 4, lambda folder, i: ml_jobs.job(folder, ml_jobs.digits(), model, seed=i, epochs=1))
    family = open_family(jobs)
    for how in ("map", "vmap"):
        packed(jobs, family=family, budget=3 * 2**20, how=how)
    assert family.most.keys() == {Ways("vmap")}
    assert 1 < family.most[Ways("vmap")] < 4


def test_a_worker_takes_no_more_than_there_is_room_for(tmp_path: Path) -> None:
    """The others wait, and each is told of as if there had been room for all."""
    results = {}
    for name, budget in (("wide", 2**40), ("narrow", 1)):
        said: list[Any] = []
        worker, inbox = open_worker(name, tmp_path / name, 1), Inbox()
        data = ml_jobs.blobs()
        worker.datasets[data.id] = data
        messages = [message_of(ml_jobs.job(tmp_path / "job", data, ml_jobs.MLP, seed=seed)) for seed in range(4)]
        for message in messages[1:]:
            inbox.put(message)
        train_packs(worker, messages[0], said.append, inbox, budget)
        assert set(worker.opened.family.most.values()) == ({1} if budget == 1 else set())
        assert sorted(each["kind"] for each in said if each["kind"] != "epoch") == ["result"] * 4 + ["started"] * 4
        results[name] = {each["trial"]: (each["history"], each["metrics"]) for each in said if each["kind"] == "result"}
    assert results["wide"] == results["narrow"] and len(results["wide"]) == 4


def message_of(job: Job) -> Any:
    """What a worker is sent about a trial of a pack."""
    recipe, trial = job.recipe, f"t{job.recipe['seed']}"
    pack = {"family": "f", "lanes": 4, "ends": [recipe, recipe], "must": True}
    return {
        "kind": "train", "trial": trial, "attempt": 1, "recipe": recipe, "config": "c", "fold": None, "files": {},
        "code": {"snapshot": "", "folder": ""}, "objective": job.objective, "metrics": [], "pack": pack,
        "keep": {"weights": "none", "predictions": "none"},
    }  # fmt: skip
