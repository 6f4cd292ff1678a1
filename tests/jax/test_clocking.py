"""What programs say of their runs, where a benchmark asks for it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from blueno.ml.engines.fused.clocking import VARIABLE, clocked
from tests.unit import ml_jobs

from .families import packed, trials


@pytest.mark.parametrize(("how", "last"), [("map", (1, 1)), ("vmap", (1, 2))])
def test_each_run_of_a_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, last: Any) -> None:
    clock = told_below(tmp_path, monkeypatch)
    jobs = trials(tmp_path, 3, lambda folder, number: ml_jobs.job(folder, ml_jobs.digits(), seed=number))
    packed(jobs, 2, how=how)
    told = lines(clock)
    training = [each for each in told if each["program"] == "train"]
    assert [(each["lanes"], each["computed"]) for each in training] == [(2, 2), (2, 2), last, last]
    assert len(told) == 2 * len(training) and all(each["seconds"] > 0 for each in told)


def test_compilation_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = told_below(tmp_path, monkeypatch)

    def program(lanes: Any, count: int) -> Any:
        time.sleep(0.2)
        jax.monitoring.record_event_duration_secs("/jax/core/compile/backend_compile_duration", 0.2)
        return lanes

    begun = time.perf_counter()
    clocked("train", program, "map")(np.zeros((2, 3)), 1)
    [told] = lines(clock)
    assert 0 < told["seconds"] <= time.perf_counter() - begun - 0.2


def test_nothing_is_wrapped_when_nobody_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert clocked("train", print, "map") is print


def told_below(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    clock = folder / "clock"
    clock.mkdir()
    monkeypatch.setenv(VARIABLE, str(clock))
    return clock


def lines(clock: Path) -> list[dict[str, Any]]:
    [file] = clock.iterdir()
    return [json.loads(line) for line in file.read_text().splitlines()]
