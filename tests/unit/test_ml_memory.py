"""Many trials in one process leave nothing behind."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest

from blueno.ml.train import train

from .ml_jobs import blobs, job, quiet

pytest.importorskip("tensorflow")


@pytest.mark.slow
def test_no_graph_of_a_trial_outlives_it(tmp_path: Path) -> None:
    from tensorflow.python.framework.ops import Graph

    def graphs_after(name: str, trials: int) -> int:
        for trial in range(trials):
            train(job(tmp_path / f"{name}{trial}", blobs(), epochs=1, keep={"weights": "none"}), quiet)
        gc.collect()
        return sum(isinstance(each, Graph) for each in gc.get_objects())

    before = graphs_after("first", 1)
    assert graphs_after("more", 3) <= before
