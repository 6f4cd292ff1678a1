"""What differs from lane to lane of a pack, against `fit`: data, chance, rules; lanes that come, go, fail, go on."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import jax
import numpy as np
import psutil
import pytest

from blueno.etl.dataset import Dataset
from blueno.ml.engines.fused.family import open_family
from blueno.ml.engines.fused.lane import lane_of
from blueno.ml.engines.fused.pack import train_pack
from blueno.ml.engines.fused.template import NotFusable
from blueno.ml.engines.fused.worth import Best
from blueno.ml.job import Job, Outcome, Report
from tests.jax.families import packed, same_as_fit, trials
from tests.unit import ml_jobs

SMALL = {"architecture": "mlp", "hidden": [4]}


def of_fold(data: Dataset, fold: int) -> Dataset:
    rows = np.arange(len(data.target))
    parts = {"train": rows[rows % 3 != fold], "validation": rows[rows % 3 == fold]}
    return data._replace(parts=parts, id=str(fold) * 64)


def test_folds_and_preparations(tmp_path: Path) -> None:
    """Lanes on other folds, and on samples of another scale; two at a time, so that samples come and go."""
    data = ml_jobs.blobs(90)
    others = [data, data._replace(features=data.features * 2, id="e" * 64)]

    def make(folder: Path, i: int) -> Job:
        return ml_jobs.job(folder, of_fold(others[i // 3], i % 3), SMALL, seed=i, learning_rate=0.01)

    same_as_fit(trials(tmp_path, 6, make), width=2)


def test_class_weights(tmp_path: Path) -> None:
    weights: list[Any] = [None, "balanced", {"0": 2.0, "1": 0.5}]
    same_as_fit(
        trials(tmp_path, 3, lambda folder, i: ml_jobs.job(folder, ml_jobs.blobs(), SMALL, class_weight=weights[i]))
    )


def augmented(folder: Path, seed: int, factor: float) -> Job:
    augment = [{"random_flip": {"mode": "horizontal"}}, {"random_rotation": {"factor": factor}}]
    model = {"architecture": "cnn", "filters": [4], "dropout": 0.2}
    return ml_jobs.job(folder, ml_jobs.digits(), model, seed=seed, augment=augment)


def test_augmentation_of_each_lane_s_own_strength_and_dropout(tmp_path: Path) -> None:
    one, other = same_as_fit(trials(tmp_path, 2, lambda folder, i: augmented(folder, 0, (0.1, 0.4)[i])))
    assert one.history["loss"] != other.history["loss"]


def test_a_lane_that_augments_otherwise_than_its_pack_was_compiled_for(tmp_path: Path) -> None:
    family = open_family([augmented(tmp_path, seed, 0.1) for seed in range(2)])
    with pytest.raises(NotFusable, match="its augmentation differs"):
        lane_of(family, augmented(tmp_path, 2, 0.4), ml_jobs.quiet)


def test_rules(tmp_path: Path) -> None:
    """A `stop` part, early stopping, plateaus, selection: each lane its own."""
    data = ml_jobs.blobs(120)
    rows = np.arange(120)
    data = data._replace(parts={name: rows[rows % 4 == i] for i, name in enumerate(("train", "validation", "stop"))})
    stopping = {"monitor": "val_loss", "patience": 1, "min_delta": 0.001}
    plateau = {"monitor": "val_loss", "patience": 1, "factor": 0.5, "after": 1, "min_learning_rate": 1e-4}
    rules: list[dict[str, Any]] = [
        {},
        {"early_stopping": stopping, "epochs": 6},
        {"reduce_on_plateau": plateau, "epochs": 5, "select": {"best": "val_accuracy"}},
        {"early_stopping": stopping, "select": "last", "epochs": 5},
    ]
    same_as_fit(
        trials(tmp_path, 4, lambda folder, i: ml_jobs.job(folder, data, SMALL, seed=i, learning_rate=0.3, **rules[i]))
    )


def test_several_labels_and_several_outputs(tmp_path: Path) -> None:
    data = ml_jobs.blobs(90)
    labels = np.stack([data.target, 1 - data.target], axis=1)
    several = data._replace(target=labels, task="multilabel", classes=["one", "other"])
    values = data._replace(target=labels * 3.0 + 1, task="regression", classes=None, positive=None,
        target_scale={"mean": [2.5, 2.5], "deviation": [1.5, 1.5]},
    )  # fmt: skip
    objective = {"metric": "val_loss", "direction": "minimize"}
    for number, each in enumerate((several, values)):
        same_as_fit(
            trials(
                tmp_path / str(number), 2,
                lambda folder, i, each=each: ml_jobs.job(folder, each, SMALL, seed=i, objective=objective,
                                                         metrics=["train_loss"]),
            )
        )  # fmt: skip


OWN = """
import keras

class Net(keras.Model):
    def __init__(self, units, activation, penalty):
        super().__init__()
        self.first = keras.layers.Dense(4, activation="relu", kernel_regularizer=keras.regularizers.L2(penalty))
        self.last = keras.layers.Dense(units, activation=activation)

    def call(self, x):
        return self.last(self.first(x))

def build(input_shape, output_units, output_activation, penalty: float = 0.1):
    return Net(output_units, output_activation, penalty)

def loss(y_true, y_pred):
    return keras.ops.mean(keras.ops.square(y_true - y_pred), axis=-1)

def functional(input_shape, output_units, output_activation, penalty: float = 0.1):
    inputs = keras.Input(input_shape)
    x = keras.layers.Dense(4, kernel_regularizer=keras.regularizers.L1L2(l1=penalty))(inputs)
    return keras.Model(inputs, keras.layers.Dense(output_units, activation=output_activation)(x))
"""


@pytest.mark.parametrize("builder", ["build", "functional"])
def test_own_models_penalties_and_losses(tmp_path: Path, builder: str) -> None:
    code = ml_jobs.code(tmp_path / "code", nets=OWN)
    penalties = (0.1, 0.01) if builder == "functional" else (0.1, 0.1)

    def make(folder: Path, i: int) -> Job:
        model = {"architecture": f"nets.py:{builder}", "penalty": penalties[i]}
        return ml_jobs.job(folder, ml_jobs.blobs(), model, seed=i, loss={"nets.py:loss": {}}, code=code)

    same_as_fit(trials(tmp_path, 2, make))


def test_mixed_precision(tmp_path: Path) -> None:
    same_as_fit(
        trials(tmp_path, 2, lambda folder, i: ml_jobs.job(folder, ml_jobs.blobs(), SMALL, seed=i,
                                                          mixed_precision=True)),
        atol=2e-3,
    )  # fmt: skip


def test_a_lane_is_stopped_by_its_report(tmp_path: Path) -> None:
    jobs = trials(tmp_path, 3, lambda folder, i: ml_jobs.job(folder, ml_jobs.blobs(), SMALL, seed=i, epochs=4))
    found: list[Outcome] = []

    def stops(epoch: int, epochs: int, values: dict[str, float]) -> bool:
        return epoch == 2

    reports: list[Report] = [ml_jobs.quiet, stops, ml_jobs.quiet]
    train_pack(
        open_family(jobs), list(zip(jobs, reports, strict=True)), lambda count: [], lambda job, one: found.append(one)
    )
    assert sorted(len(each.history["loss"]) for each in found) == [2, 4, 4]


def test_a_lane_that_fails_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    code = ml_jobs.code(tmp_path / "code", own="def broken(y, s):\n    raise RuntimeError('no')\n")
    jobs = trials(tmp_path, 3, lambda folder, i: ml_jobs.job(folder, ml_jobs.blobs(), SMALL, seed=i))
    objective = {"metric": "val_broken", "direction": "maximize"}
    jobs[1] = jobs[1]._replace(metrics=["own.py:broken"], objective=objective, code=code)
    lost: list[tuple[Path, str]] = []
    found: list[Path] = []
    train_pack(
        open_family(jobs), [(job, ml_jobs.quiet) for job in jobs], lambda count: [],
        lambda job, outcome: found.append(job.folder), failed=lambda job, error: lost.append((job.folder, str(error))),
    )  # fmt: skip
    assert lost == [(jobs[1].folder, "no")]
    assert sorted(found) == [jobs[0].folder, jobs[2].folder]


def test_another_number_than_those_that_were_compiled_is_refused(tmp_path: Path) -> None:
    """It would be trained with the number of the template."""
    jobs = trials(
        tmp_path, 2, lambda folder, i: ml_jobs.job(folder, ml_jobs.blobs(), SMALL | {"dropout": 0.1 + 0.1 * i})
    )
    with pytest.raises(NotFusable, match="differs from those of its pack in dropout"):
        train_pack(open_family(jobs[:1]), [(jobs[1], ml_jobs.quiet)], lambda count: [], lambda job, outcome: None)


def test_an_interrupted_lane_goes_on_in_another_pack(tmp_path: Path) -> None:
    """With the bits of one that nobody interrupted, beside one that begins."""
    stopping = {"monitor": "val_loss", "patience": 9, "min_delta": 0.0}

    def make(folder: Path, i: int) -> Job:
        model = SMALL | {"dropout": 0.2, "batch_norm": True}
        job = ml_jobs.job(folder, ml_jobs.blobs(), model, seed=i, epochs=5, early_stopping=stopping)
        return job._replace(checkpoint=folder / "left", checkpoint_s=0.0)

    jobs = trials(tmp_path, 2, make)
    whole = packed([job._replace(checkpoint=None) for job in jobs])

    class Killed(Exception):
        pass

    def killed(epoch: int, epochs: int, values: dict[str, float]) -> bool:
        if epoch == 3:
            raise Killed
        return False

    with pytest.raises(Killed):
        train_pack(
            open_family(jobs), [(jobs[0], ml_jobs.quiet), (jobs[1], killed)], lambda count: [], lambda job, one: None,
            how="map",
        )  # fmt: skip
    again = packed(jobs)
    for before, after in zip(whole, again, strict=True):
        assert after.history == before.history and after.metrics == before.metrics
        assert any("went on after epoch 2" in note for note in after.notes)


def test_only_the_best_weights_are_written(tmp_path: Path) -> None:
    jobs = trials(tmp_path, 4, lambda folder, i: ml_jobs.job(
        folder, ml_jobs.blobs(), SMALL, seed=i, learning_rate=(1e-6, 1e-1, 1e-5, 1e-2)[i],
        objective={"metric": "val_loss", "direction": "minimize"}))  # fmt: skip
    outcomes = packed([job._replace(keep={"weights": "best 1", "predictions": "all"}) for job in jobs])
    best = min(range(4), key=lambda i: outcomes[i].metrics["val_loss"])
    assert ["weights" in each.artefacts for each in outcomes] == [i == best for i in range(4)]
    assert all("predictions" in each.artefacts for each in outcomes)
    assert outcomes[best - 1].notes == ("its weights are not kept: best 1",)


def test_ties_and_failures_of_the_best(tmp_path: Path) -> None:
    job = ml_jobs.job(tmp_path / "a", ml_jobs.blobs())._replace(keep={"weights": "best 2"})
    worth = Best().worth
    said = [worth(job, value) for value in (0.5, 0.6, 0.5, float("nan"), 0.7, 0.6, 0.5)]
    assert said == [True, True, True, False, True, True, False]


def test_memory_of_many_packs_is_flat(tmp_path: Path) -> None:
    jobs = trials(tmp_path, 2, lambda folder, i: ml_jobs.job(folder, ml_jobs.blobs(), SMALL, seed=i, epochs=1))
    family, process, used = open_family(jobs), psutil.Process(), []
    for _ in range(20):
        train_pack(family, [(job, ml_jobs.quiet) for job in jobs], lambda count: [], lambda job, outcome: None)
        gc.collect()
        used.append((process.memory_info().rss, len(jax.live_arrays())))
    assert used[-1][1] == used[4][1]
    assert used[-1][0] - used[4][0] < 4 * 2**20
