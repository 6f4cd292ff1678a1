"""Built-in architectures: their shapes, sizes and errors, that they are saved as plain Keras, and that they learn."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blueno.errors import ModelError

from .ml_jobs import dataset

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.slow

SHAPES: list[tuple[str, tuple[int, ...], dict[str, Any]]] = [
    ("mlp", (4,), {}),
    ("cnn", (8, 8, 1), {}),
    ("resnet", (9, 2), {"blocks": 1}),
    ("resnet", (9, 7, 2), {"blocks": 1, "activation": "pre"}),
    ("resnet", (5, 4, 3, 1), {"blocks": 1, "filters": [4, 4], "dropout": 0.1}),
    ("lstm", (6, 3), {"units": [4, 3], "dropout": 0.1}),
    ("gru", (6, 3), {"units": [4], "bidirectional": True}),
    ("lstm", (6,), {"units": [4, 3], "bidirectional": True, "embedding": 5}),
    ("gru", (6,), {"units": [4], "vocabulary_size": 20}),
    ("transformer", (6, 3), {"width": 8, "positions": "learned"}),
    ("transformer", (6,), {"width": 9, "heads": 3, "norm": "post"}),
    ("vit", (8, 8, 3), {"width": 8, "depth": 1, "dropout": 0.1}),
    ("vit", (8, 4, 1), {"width": 8, "depth": 1, "pooling": "mean"}),
]


def samples(shape: tuple[int, ...], count: int = 6) -> np.ndarray:
    """Tokens below 11, padded with zeros on either side, for one axis, else values."""
    random = np.random.default_rng(0)
    if shape != (6,):
        return random.normal(size=(count, *shape)).astype("float32")
    tokens = random.integers(1, 11, (count, *shape)).astype("int32")
    tokens[0] = 0
    tokens[1, 3:] = 0
    tokens[2, :4] = 0
    return tokens


def built(name: str, shape: tuple[int, ...], parameters: dict[str, Any], classes: int = 3) -> Any:
    from blueno.ml.model import build_model

    features = samples(shape, 12)
    data = dataset(features, np.arange(12) % classes, "binary" if classes == 2 else "multiclass")
    published = {"vocabulary_size": 11} if shape == (6,) else {}
    model, _ = build_model({"architecture": name, **parameters}, data._replace(published=published), None)
    return model


@pytest.mark.parametrize(("name", "shape", "parameters"), SHAPES)
def test_forward_pass_and_saved_as_plain_keras(name, shape, parameters, tmp_path: Path) -> None:
    model = built(name, shape, parameters)
    outputs = model.predict(samples(shape), verbose=0)
    assert outputs.shape == (6, 3) and np.allclose(outputs.sum(axis=1), 1, atol=1e-5)
    assert model.get_layer("head") is model.layers[-1] and model.name == name
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert np.array_equal(loaded.predict(samples(shape), verbose=0), outputs)


def test_saved_models_need_nothing_of_ours(tmp_path: Path) -> None:
    """They load where Blueno's modules are not imported."""
    for index, (name, shape, parameters) in enumerate(SHAPES):
        built(name, shape, parameters).save(tmp_path / f"{index}.keras")
    code = (
        "import keras, pathlib, sys\n"
        f"[keras.saving.load_model(path) for path in pathlib.Path({str(tmp_path)!r}).glob('*.keras')]\n"
        "assert not any(name.startswith('blueno') for name in sys.modules)"
    )
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True, env=environment)


CONV = 3 * 3  # weights of a kernel for each pair of channels


@pytest.mark.parametrize(
    ("name", "shape", "parameters", "count"),
    [
        ("mlp", (4,), {"hidden": [5]}, 4 * 5 + 5 + 5 * 3 + 3),
        ("cnn", (4, 4, 2), {"filters": [3]}, CONV * 2 * 3 + 3 + 2 * 2 * 3 * 3 + 3),
        # ResNet-20 of He et al., table 6, on 10 classes: 0.27M; batch normalisation has four numbers a channel
        (
            "resnet",
            (32, 32, 3),
            {},
            (CONV * 3 * 16 + 6 * CONV * 16 * 16)
            + (CONV * 16 * 32 + 5 * CONV * 32 * 32 + 16 * 32)
            + (CONV * 32 * 64 + 5 * CONV * 64 * 64 + 32 * 64)
            + 4 * (7 * 16 + 7 * 32 + 7 * 64)
            + 64 * 3
            + 3,
        ),
        # four gates of an LSTM, each with inputs, state and a bias
        ("lstm", (6, 3), {"units": [5, 4]}, 4 * 5 * (3 + 5 + 1) + 4 * 4 * (5 + 4 + 1) + 4 * 3 + 3),
        # three of a GRU, with two biases
        ("gru", (6,), {"units": [5], "embedding": 7}, 11 * 7 + 3 * 5 * (7 + 5 + 2) + 5 * 3 + 3),
        (
            "transformer",
            (6, 3),
            {"width": 8, "depth": 2, "heads": 4, "hidden": 10},
            (3 * 8 + 8) + 2 * (4 * (8 * 8 + 8) + (8 * 10 + 10) + (10 * 8 + 8) + 2 * 16) + 16 + 8 * 3 + 3,
        ),
        (
            "vit",
            (8, 8, 3),
            {"patch_size": 4, "width": 8, "depth": 1, "hidden": 10},
            (48 * 8 + 8) + 5 * 8 + (4 * (8 * 8 + 8) + (8 * 10 + 10) + (10 * 8 + 8) + 2 * 16) + 16 + 8 * 3 + 3,
        ),
    ],
)
def test_number_of_parameters(name, shape, parameters, count) -> None:
    assert built(name, shape, parameters).count_params() == count


@pytest.mark.parametrize("name", ["lstm", "gru", "transformer"])
def test_padding_is_not_read(name: str) -> None:
    model = built(name, (6,), {})
    texts = np.array([[3, 4, 5, 0, 0, 0], [0, 0, 0, 3, 4, 5], [3, 4, 5, 6, 0, 0]], "int32")
    at_end, at_start, longer = model.predict(texts, verbose=0)
    assert np.allclose(at_end, at_start, atol=1e-6) and not np.allclose(at_end, longer, atol=1e-4)


@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
def test_order_matters_to_a_transformer(positions: str) -> None:
    model = built("transformer", (6,), {"positions": positions})
    one, other = model.predict(np.array([[3, 4, 5, 6, 7, 8], [8, 7, 6, 5, 4, 3]], "int32"), verbose=0)
    assert not np.allclose(one, other, atol=1e-4)


def test_sinusoids_are_those_of_the_paper() -> None:
    from blueno.ml.architectures._encoder import with_sinusoids

    inputs = keras.Input((7, 6))
    waves = keras.Model(inputs, with_sinusoids(inputs)).predict(np.zeros((1, 7, 6), "float32"), verbose=0)[0]
    angles = np.arange(7)[:, None] / 10_000 ** (2 * np.arange(3) / 6)
    assert np.allclose(waves, np.concatenate([np.sin(angles), np.cos(angles)], axis=1), atol=1e-6)


def test_patches_are_cut_row_by_row() -> None:
    from blueno.ml.architectures.vit import _patches

    inputs = keras.Input((4, 6, 2))
    image = np.arange(48, dtype="float32").reshape(1, 4, 6, 2)
    cut = keras.Model(inputs, _patches(inputs, 2)).predict(image, verbose=0)
    assert cut.shape == (1, 6, 8)
    assert np.array_equal(cut[0, 1], image[0, :2, 2:4].ravel()) and np.array_equal(cut[0, 3], image[0, 2:, :2].ravel())


@pytest.mark.parametrize(
    ("name", "shape", "parameters", "message", "fix"),
    [
        ("cnn", (4,), {}, "needs images", "reshape"),
        ("cnn", (3, 3, 1), {}, "shrink an image of 3x3", "at most 1 filters"),
        ("resnet", (4,), {}, "needs sequences .* has the shape \\(4,\\)", "reshape"),
        ("resnet", (4, 4, 1), {"filters": []}, "filters is empty", "filters: \\["),
        ("lstm", (4,), {}, "needs sequences .* float32", "reshape.*tokenize"),
        ("gru", (4, 4, 1), {}, "needs sequences", "reshape"),
        ("lstm", (4, 2), {"units": []}, "units is empty", "units: \\["),
        ("transformer", (4, 4, 1), {}, "needs sequences", "reshape"),
        ("transformer", (4, 2), {"width": 10, "heads": 4}, "10 cannot be shared by 4 heads", "multiple of 4"),
        ("vit", (4, 2), {}, "needs images", "reshape"),
        ("vit", (12, 8, 1), {"patch_size": 3}, "whole patches of 3x3", "patch_size of 1, 2, 4, or add the step resize"),
    ],
)
def test_what_cannot_be_built_says_how_it_could(name, shape, parameters, message, fix) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        built(name, shape, parameters)
    assert re.search(fix, caught.value.fix)


def test_tokens_without_a_vocabulary_are_refused() -> None:
    from blueno.ml.model import build_model

    data = dataset(np.ones((6, 6), "int64"), np.arange(6) % 2, "binary")
    with pytest.raises(ModelError, match="how many tokens"):
        build_model({"architecture": "lstm"}, data, None)


LEARNT: list[tuple[str, dict[str, Any]]] = [
    ("mlp", {}),
    ("lstm", {"units": [16]}),
    ("gru", {"units": [16], "bidirectional": True}),
    ("resnet", {"filters": [8, 16], "blocks": 1}),
    ("transformer", {"width": 16, "depth": 1, "hidden": 32, "dropout": 0.0}),
    ("transformer", {"width": 16, "depth": 1, "norm": "post", "positions": "learned", "dropout": 0.0}),
]


def fitted(name: str, parameters: dict[str, Any], x: np.ndarray, y: np.ndarray, epochs: int = 15) -> float:
    """The accuracy on the training part after a few epochs."""
    from blueno.ml.model import build_model

    keras.utils.set_random_seed(0)
    data = dataset(x, y, "binary")._replace(published={"vocabulary_size": 9})
    model, _ = build_model({"architecture": name, **parameters}, data, None)
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy", metrics=["accuracy"])
    return model.fit(x, y, batch_size=32, epochs=epochs, verbose=0).history["accuracy"][-1]


@pytest.mark.parametrize(("name", "parameters"), LEARNT)
def test_sequences_are_learnt(name: str, parameters: dict[str, Any]) -> None:
    """Whether the first step or the last one is the larger."""
    x = np.random.default_rng(0).normal(size=(192, 5, 2)).astype("float32")
    y = (x[:, 0, 0] > x[:, -1, 0]).astype("int64")
    assert fitted(name, parameters, x, y) > 0.9


@pytest.mark.parametrize("name", ["lstm", "gru", "transformer"])
def test_texts_are_learnt(name: str) -> None:
    """Whether a word occurs."""
    x = np.random.default_rng(0).integers(1, 9, (192, 8)).astype("int32")
    x[::3, 5:] = 0
    y = (x == 3).any(axis=1).astype("int64")
    assert fitted(name, {}, x, y) > 0.9


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("cnn", {"filters": [8]}),
        ("resnet", {"filters": [8, 16], "blocks": 1, "activation": "pre"}),
        ("vit", {"patch_size": 2, "width": 16, "depth": 1, "hidden": 32}),
        ("vit", {"patch_size": 2, "width": 16, "depth": 1, "hidden": 32, "pooling": "mean"}),
    ],
)
def test_images_are_learnt(name: str, parameters: dict[str, Any]) -> None:
    """Whether the bright spot is in the upper half."""
    random = np.random.default_rng(0)
    x = random.normal(size=(192, 8, 8, 1)).astype("float32") * 0.1
    rows = random.integers(0, 8, 192)
    x[np.arange(192), rows, random.integers(0, 8, 192)] += 2
    y = (rows < 4).astype("int64")
    assert fitted(name, parameters, x, y, 40 if name == "vit" else 15) > 0.9
