"""A pack against `fit`, both on JAX: the same trials, one at a time and together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
import pytest

from blueno.ml.engines import fit
from blueno.ml.engines.fused.family import open_family
from blueno.ml.engines.fused.pack import Task, train_pack
from blueno.ml.job import Job, Outcome
from tests.unit import ml_jobs

COSINE = {"cosine": {"from": 0.01, "to": 0.0, "warmup_epochs": 1, "decay_epochs": None}}
STOPPING = {"monitor": "val_loss", "patience": 1, "min_delta": 0.0}


def trial(folder: Path, number: int) -> Job:
    """One of a family: seeds, rates, decays, dropouts, lengths and rules differ."""
    odd = number % 2
    model = {"architecture": "mlp", "hidden": [16], "dropout": (0.1, 0.3)[odd], "batch_norm": True}
    changes: dict[str, Any] = {
        "learning_rate": (1e-3, 1e-2, COSINE)[number % 3],
        "optimizer": {"adamw": {"weight_decay": (0.004, 0.1)[odd]}},
        "epochs": (3, 5)[odd],
        "early_stopping": STOPPING if number == 1 else None,
    }
    return ml_jobs.job(folder / str(number), ml_jobs.digits(), model, seed=number, **changes)


def packed(jobs: list[Job], width: int, **options: Any) -> dict[int, Outcome]:
    """The outcome of each job by its seed; `width` of them at once, the others as places come free."""
    waiting = [(job, ml_jobs.quiet) for job in jobs[width:]]
    found: dict[int, Outcome] = {}

    def more(count: int) -> list[Task]:
        taken, waiting[:] = waiting[:count], waiting[count:]
        return taken

    def done(job: Job, outcome: Outcome) -> None:
        found[job.recipe["seed"]] = outcome

    train_pack(open_family(jobs), [(job, ml_jobs.quiet) for job in jobs[:width]], more, done, **options)
    return found


def rates(model: keras.Model) -> list[float]:
    return [layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)]


@pytest.mark.parametrize("how", ["map", "vmap"])
def test_a_pack_gives_what_fit_gives(tmp_path: Path, how: str) -> None:
    found = packed([trial(tmp_path / "pack", number) for number in range(6)], 4, how=how)
    for number in range(6):
        alone, together = fit.train(trial(tmp_path / "fit", number), ml_jobs.quiet), found[number]
        assert (together.state, together.epoch, together.engine) == (alone.state, alone.epoch, "fused")
        assert together.history.keys() == alone.history.keys()
        for name, values in alone.history.items():
            assert np.allclose(together.history[name], values, atol=2e-6), name
        assert together.metrics == pytest.approx(alone.metrics, abs=1e-5)
        one, other = (keras.saving.load_model(each.artefacts["weights"]) for each in (alone, together))
        assert rates(one) == rates(other) == [(0.1, 0.3)[number % 2]]
        for before, after in zip(one.get_weights(), other.get_weights(), strict=True):
            assert np.allclose(before, after, atol=1e-4)


def test_neighbours_change_nothing(tmp_path: Path) -> None:
    """The same bits, whoever trains beside a lane; one that diverges stays by itself."""
    jobs = [trial(tmp_path / "a", number) for number in range(4)]
    wild = trial(tmp_path / "b", 2)
    wild.recipe["train"]["learning_rate"] = 1e30
    others = [trial(tmp_path / "b", 3), wild, trial(tmp_path / "b", 1), trial(tmp_path / "b", 0)]
    one, other = packed(jobs, 4), packed(others, 4)
    assert other[2].state == "diverged" and one[2].state == "succeeded"
    for number in (0, 1, 3):
        assert one[number].history == other[number].history
        assert one[number].metrics == other[number].metrics


@pytest.mark.parametrize(("how", "places"), [("map", {4}), ("vmap", {4, 1})])
def test_a_narrower_pack_runs_the_programs_that_there_are(tmp_path: Path, how: Any, places: set[int]) -> None:
    """By vmap only where most of its places are taken. One lane in the program of four has the bits that it had."""
    jobs = [trial(tmp_path / "a", number) for number in range(4)]
    again = trial(tmp_path / "b", 3)
    family, found = open_family([*jobs, again]), {}

    def train(some: list[Job]) -> dict[int, Outcome]:
        def done(job: Job, outcome: Outcome) -> None:
            found[job.recipe["seed"]] = outcome

        train_pack(family, [(job, ml_jobs.quiet) for job in some], lambda _: [], done, how, waits=ml_jobs.quiet)
        return dict(found)

    one = train(jobs)
    with compilations() as compiled:
        other = train([again])
    assert list(family.widths.values()) == [places]
    assert ("one_by_one" in compiled or "side_by_side" in compiled) == (how == "vmap")
    if how == "map":
        assert one[3].history == other[3].history and one[3].metrics == other[3].metrics


@contextmanager
def compilations() -> Iterator[set[str]]:
    """The names of the functions that JAX compiles meanwhile."""
    found: set[str] = set()

    def note(event: str, duration_secs: float, **about: str | int) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            found.add(str(about.get("fun_name")).removeprefix("jit(").removesuffix(")"))

    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        yield found
    finally:
        jax.monitoring.unregister_event_duration_listener(note)
