"""Packs that train in stages, against `fit`: stages that end early, what trains, rates, losses, lanes that go on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from blueno.ml.engines import fit
from blueno.ml.engines.fused.family import open_family
from blueno.ml.engines.fused.pack import Task, train_pack
from blueno.ml.job import Job, Outcome, Report
from tests.jax.families import packed, same_as_fit, trials
from tests.unit import ml_jobs

SMALL = {"architecture": "mlp", "hidden": [4]}
NET = SMALL | {"dropout": 0.2, "batch_norm": True}
STOP = {"monitor": "val_loss", "patience": 1, "min_delta": 0.002}
PLATEAU = {"monitor": "val_accuracy", "patience": 1, "factor": 0.5, "after": 1, "min_learning_rate": 1e-4}
COSINE = {"cosine": {"from": 0.05, "to": 0.0, "warmup_epochs": 1, "decay_epochs": None}}
SGD = {"sgd": {"momentum": 0.9}}


def staged(folder: Path, seed: int, *stages: dict[str, Any], **changes: Any) -> Job:
    return ml_jobs.job(folder, ml_jobs.blobs(), **{"model": SMALL, "seed": seed, "stages": list(stages)} | changes)


def lengths(outcome: Outcome) -> list[int]:
    """Epochs of each stage."""
    column = outcome.history["stage"]
    return [column.count(number) for number in sorted(set(column))]


def weights(outcome: Outcome) -> list[np.ndarray]:
    return [np.asarray(each) for each in keras.saving.load_model(outcome.artefacts["weights"]).get_weights()]


# ---- against `fit`


def head_then_all(folder: Path, i: int) -> Job:
    """The head alone, then everything at another rate by another optimizer; some lanes stop early, each stage anew."""
    return staged(
        folder, i,
        {"epochs": (2, 6, 4)[i], "trainable": "head", "learning_rate": (0.05, 0.3, 0.01)[i],
         "early_stopping": STOP | {"min_delta": 0.05} if i == 1 else None},
        {"epochs": (5, 2, 3)[i], "optimizer": {"sgd": {"momentum": (0.9, 0.5, 0.8)[i]}}, "learning_rate": 0.02,
         "early_stopping": STOP | {"min_delta": 0.05} if i == 0 else None},
        model=NET | {"dropout": (0.2, 0.3, 0.1)[i]}, select=None if i else {"best": "val_loss"},
    )  # fmt: skip


@pytest.mark.parametrize("how", ["map", "vmap"])
def test_head_then_all(tmp_path: Path, how: str) -> None:
    """Two places for three trials: the third begins when the others are through with both stages."""
    outcomes = same_as_fit(trials(tmp_path, 3, head_then_all), width=2, how=how)
    first, second, third = map(lengths, outcomes)
    assert first[0] == 2 and first[1] < 5 and 1 < second[0] < 6 and third == [4, 3]


def test_frozen_layers_keep_weights_and_statistics(tmp_path: Path) -> None:
    def one(folder: Path, *stages: dict[str, Any]) -> Outcome:
        return packed([staged(folder, 0, *stages, model=NET)])[0]

    head = {"epochs": 3, "trainable": "head", "learning_rate": 0.05}
    full, both = {"epochs": 1}, one(tmp_path / "both", {"epochs": 1}, head)
    alone = fit.train(staged(tmp_path / "fit", 0, full, head, model=NET), ml_jobs.quiet)
    before, after = weights(one(tmp_path / "before", full)), weights(both)
    changed = [not np.array_equal(one, other) for one, other in zip(before, after, strict=True)]
    assert changed == [False] * (len(before) - 2) + [True, True]
    for one_of, other in zip(weights(alone), after, strict=True):
        np.testing.assert_allclose(one_of, other, atol=1e-5)


def test_plateaus_schedules_and_rules_begin_anew(tmp_path: Path) -> None:
    """With a `stop` part; each lane has its own order of a plateau, a schedule and a number."""
    data = ml_jobs.blobs(120)
    rows = np.arange(120)
    data = data._replace(parts={name: rows[rows % 4 == i] for i, name in enumerate(("train", "validation", "stop"))})
    terms: list[dict[str, Any]] = [
        {"reduce_on_plateau": PLATEAU}, {"reduce_on_plateau": PLATEAU}, {"learning_rate": COSINE},
        {"early_stopping": STOP}, {"reduce_on_plateau": PLATEAU},
    ]  # fmt: skip

    def make(folder: Path, i: int) -> Job:
        stages = [{"epochs": 4 + (i + k) % 2, **terms[i + k]} for k in range(2)]
        return ml_jobs.job(folder, data, SMALL, seed=i, optimizer=SGD, learning_rate=0.4, stages=stages)

    rates = same_as_fit(trials(tmp_path, 4, make))[0].history["learning_rate"]
    assert min(rates[:4]) < rates[4] == rates[0] and min(rates[4:]) < rates[4]


def test_losses_batches_and_class_weights_of_stages(tmp_path: Path) -> None:
    """The loss of training at the end is that of the stage that counts, in each lane another."""
    smoothed = {"categorical_crossentropy": {"label_smoothing": 0.2}}

    def make(folder: Path, i: int) -> Job:
        first = {"epochs": 4, "loss": smoothed, "batch_size": 16, "class_weight": ("balanced", {"0": 2.0})[i]}
        second = {"epochs": 2, "learning_rate": (30.0, 0.1)[i]}
        rate, select = (0.1, 1e-6)[i], {"best": "val_accuracy"}
        job = staged(folder, i, first, second, learning_rate=rate, select=select)
        return job._replace(dataset=ml_jobs.blobs(120, 4), metrics=["train_loss"])

    one, other = same_as_fit(trials(tmp_path, 2, make))
    assert one.epoch <= 4 < other.epoch and {"train_loss"} <= one.metrics.keys() & other.metrics.keys()


@pytest.mark.parametrize("name", ["adam", "schedule_free_adam_w", "muon"])
def test_an_optimizer_begins_on_the_weights_of_its_stage(tmp_path: Path, name: str) -> None:
    """Some copy them, biases too, which are zero only before the first stage."""

    def make(folder: Path, i: int) -> Job:
        return staged(folder, i, {"epochs": 2, "optimizer": SGD}, {"epochs": 2, "optimizer": {name: {}}},
                      learning_rate=0.01 * (i + 1))  # fmt: skip

    same_as_fit(trials(tmp_path, 2, make))


FROZEN = """
import keras

def build(input_shape, output_units, output_activation, penalty: float = 0.01):
    body = keras.Sequential([
        keras.Input(input_shape), keras.layers.Dense(4, kernel_regularizer=keras.regularizers.L2(penalty)),
        keras.layers.BatchNormalization(), keras.layers.Dropout(0.2),
    ], name="body")
    body.trainable = False
    inputs = keras.Input(input_shape)
    return keras.Model(inputs, keras.layers.Dense(output_units, output_activation, name="head")(body(inputs)))
"""


def test_a_model_that_is_built_frozen_is_thawed_and_frozen_again(tmp_path: Path) -> None:
    """The penalty of what is frozen is none, as in Keras."""
    code = ml_jobs.code(tmp_path / "code", nets=FROZEN)

    def make(folder: Path, i: int) -> Job:
        model = {"architecture": "nets.py:build", "penalty": (0.01, 0.1)[i]}
        stages = [{"epochs": 2}, {"epochs": 2, "trainable": "all"}, {"epochs": 1, "trainable": ["dense*", "head"]}]
        return staged(folder, i, *stages, model=model, learning_rate=0.02, code=code)

    same_as_fit(trials(tmp_path, 2, make))


# ---- lanes that come, go, and go on


def test_a_lane_that_is_told_to_stop_ends_all_its_stages(tmp_path: Path) -> None:
    jobs = trials(tmp_path, 3, lambda folder, i: staged(folder, i, {"epochs": 2}, {"epochs": 2}))
    told: list[tuple[int, int]] = []
    found: dict[Path, Outcome] = {}

    def stops(epoch: int, epochs: int, values: dict[str, float]) -> bool:
        told.append((epoch, epochs))
        return epoch == 2

    reports: list[Report] = [ml_jobs.quiet, stops, ml_jobs.quiet]
    asked: list[int] = []

    def more(count: int) -> list[Task]:
        asked.append(count)
        return []

    train_pack(
        open_family(jobs), list(zip(jobs, reports, strict=True)), more,
        lambda job, one: found.__setitem__(job.folder, one),
    )  # fmt: skip
    assert [lengths(found[job.folder]) for job in jobs] == [[2, 2], [2], [2, 2]]
    assert told == [(1, 4), (2, 4)]
    assert asked == [3]  # when all are done


class Killed(Exception):
    pass


def killed_at(last: int) -> Report:
    def report(epoch: int, epochs: int, values: dict[str, float]) -> bool:
        if epoch == last:
            raise Killed
        return False

    return report


def going_on(folder: Path, i: int) -> Job:
    """The first stage of the second lane ends early."""
    job = staged(
        folder, i, {"epochs": (4, 2)[i], "trainable": "head", "learning_rate": 0.3, "reduce_on_plateau": PLATEAU},
        {"epochs": (3, 4)[i], "optimizer": SGD, "learning_rate": 0.1, "reduce_on_plateau": PLATEAU},
        {"epochs": 2, "learning_rate": COSINE}, model=NET, select={"best": "val_loss"},
    )  # fmt: skip
    return job._replace(checkpoint=folder / "left", checkpoint_s=0.0)


@pytest.mark.parametrize(
    ("how", "kills", "went_on"),
    [
        ("auto", [(0, 6)], [5, 3]),  # both in the second stage
        ("map", [(0, 4)], [3, 2]),  # one in the first, the other has waited for the second
        ("map", [(0, 2), (1, 4), (1, 7), (0, 9)], [8, 7]),
    ],
)
def test_killed_lanes_go_on_to_the_same_bits(
    tmp_path: Path, how: Any, kills: list[tuple[int, int]], went_on: list[int]
) -> None:  # fmt: skip
    jobs = [going_on(tmp_path / str(i), i) for i in range(2)]
    whole = packed([job._replace(checkpoint=None, folder=_made(job.folder / "whole")) for job in jobs], how=how)
    for lane, last in kills:
        reports = [killed_at(last) if i == lane else ml_jobs.quiet for i in range(2)]
        with pytest.raises(Killed):
            train_pack(open_family(jobs), list(zip(jobs, reports, strict=True)), _none, _never, how=how)
    again = packed(jobs, how=how)
    for before, after in zip(whole, again, strict=True):
        assert (after.history, after.metrics, after.epoch) == (before.history, before.metrics, before.epoch)
        for one, other in zip(weights(before), weights(after), strict=True):
            np.testing.assert_array_equal(one, other)
    notes = [next(note for note in reversed(each.notes) if "went on" in note) for each in again]
    assert [int(note.partition(",")[0].split()[-1]) for note in notes] == went_on


def test_what_fit_leaves_in_a_stage_goes_on_in_a_pack(tmp_path: Path) -> None:
    """Beside a lane that begins."""
    jobs = [going_on(tmp_path / str(i), i) for i in range(2)]
    whole = [fit.train(going_on(tmp_path / f"fit {i}", i)._replace(checkpoint=None), ml_jobs.quiet) for i in range(2)]
    with pytest.raises(Killed):
        fit.train(jobs[0], killed_at(6))
    for one, other in zip(packed(jobs), whole, strict=True):
        assert (one.epoch, lengths(one)) == (other.epoch, lengths(other))
        np.testing.assert_allclose(one.history["val_loss"], other.history["val_loss"], rtol=1e-5, atol=1e-5)


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


def _none(count: int) -> list[Task]:
    return []


def _never(job: Job, outcome: Outcome) -> None:
    raise AssertionError("a lane ended before it was killed")
