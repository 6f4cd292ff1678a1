"""Where packs are left to `fit`, since that is quicker: large convolutions on a CPU."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blueno.ml.engines.fused.family import open_family, programs_of
from blueno.ml.engines.fused.paying import why_not
from blueno.ml.engines.fused.ways import ways_of
from tests.unit import ml_jobs


def images(size: int) -> ml_jobs.Dataset:
    random = np.random.default_rng(0)
    return ml_jobs.dataset(random.random((96, size, size, 1), np.float32), np.arange(96) % 2, "binary")


@pytest.mark.parametrize(("size", "filters", "pays"), [(8, [4, 8], True), (32, [32, 64], False)])
def test_large_convolutions_do_not_pay(tmp_path: Path, size: int, filters: list[int], pays: bool) -> None:
    model = {"architecture": "cnn", "filters": filters}
    family = open_family([ml_jobs.job(tmp_path / str(i), images(size), model, seed=i) for i in range(2)])
    first, second = size * size, (size // 2) ** 2  # outputs of each convolution, which one pooling lies between
    expected = 2 * 9 * (first * filters[0] + second * filters[0] * filters[1])
    assert programs_of(family, ways_of()).met[0].flops / 32 == expected
    why = why_not(family)
    assert (why is None) == pays
    assert pays or f"{expected / 1e6:.1f} MFLOP a sample" in str(why)


def test_networks_without_convolutions_pay(tmp_path: Path) -> None:
    family = open_family([ml_jobs.job(tmp_path / "0", ml_jobs.blobs(), ml_jobs.MLP)])
    assert why_not(family) is None
