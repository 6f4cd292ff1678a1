"""What builders are given, and how many outputs a model must have."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blueno.errors import ModelError
from blueno.etl.dataset import Dataset

from .ml_jobs import blobs, code, dataset, digits, line

pytest.importorskip("keras")
pytestmark = pytest.mark.slow

SEES = """
import keras

def build(input_shape, input_dtype, output_units, output_activation, vocabulary_size: int | None = None, width=2):
    model = keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(), keras.layers.Dense(output_units)])
    model.seen = (input_shape, input_dtype, output_units, output_activation, vocabulary_size, width)
    return model

def one_unit():
    return keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
"""


def labels(count: int = 3) -> Dataset:
    """Samples that have several of `count` labels at once."""
    random = np.random.default_rng(0)
    target = random.integers(0, 2, (20, count))
    made = dataset(random.normal(size=(20, 3)).astype("float32"), target[:, 0], "binary")
    return made._replace(target=target, task="multilabel", classes=[f"l{i}" for i in range(count)], positive=None)


def seen(folder: Path, data: Dataset, **parameters: Any) -> tuple[Any, ...]:
    from blueno.ml.model import build_model

    own = code(folder / "code", nets=SEES)
    model, _ = build_model({"architecture": "nets.py:build", **parameters}, data, own)
    return tuple(model.seen)


@pytest.mark.parametrize(
    ("data", "units", "activation"),
    [(blobs(), 1, "sigmoid"), (digits(), 10, "softmax"), (line(), 1, "linear"), (labels(), 3, "sigmoid")],
    ids=["binary", "multiclass", "regression", "multilabel"],
)
def test_facts_of_a_task(tmp_path: Path, data: Dataset, units: int, activation: str) -> None:
    expected = (tuple(data.features.shape[1:]), "float32", units, activation, None, 2)
    assert seen(tmp_path, data) == expected


def test_whole_numbers_are_told(tmp_path: Path) -> None:
    tokens = dataset(np.ones((6, 4), "int32"), np.arange(6) % 2, "binary")
    assert seen(tmp_path, tokens)[1] == "int32"


def test_what_steps_publish_fills_in_nothing_and_null(tmp_path: Path) -> None:
    data = blobs()._replace(published={"vocabulary_size": 9, "width": 5, "other": 1})
    assert seen(tmp_path, data)[-2:] == (9, 5)
    assert seen(tmp_path, data, vocabulary_size=None, width=3)[-2:] == (9, 3)
    assert seen(tmp_path, data, vocabulary_size=7)[-2:] == (7, 5)


def test_several_labels_need_a_unit_each(tmp_path: Path) -> None:
    from blueno.ml.model import build_model

    own = code(tmp_path, nets=SEES)
    with pytest.raises(ModelError, match=r"multilabel task needs \(samples, 3\) with sigmoid"):
        build_model({"architecture": "nets.py:one_unit"}, labels(), own)
    assert build_model({"architecture": "mlp"}, labels(), None).units == 3
