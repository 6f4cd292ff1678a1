"""The models of keras.applications: their names, their input, their weights, and which layers train."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from blueno.errors import ModelError
from blueno.ml.architectures import APPLICATIONS

from .ml_jobs import dataset

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.slow


def built(name: str, shape: tuple[int, ...] = (32, 32, 3), **parameters: Any) -> Any:
    from blueno.ml.model import build_model

    data = dataset(np.zeros((6, *shape), "float32"), np.arange(6) % 3, "multiclass")
    return build_model({"architecture": name, **parameters}, data, None)[0]


def images(channels: int = 3, count: int = 4) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (count, 32, 32, channels)).astype("float32")


def trained(model: Any) -> set[str]:
    return {layer.name for layer in model.layers if layer.trainable_weights}


def test_the_names_are_those_of_keras() -> None:
    functions = {name for name, found in vars(keras.applications).items() if inspect.isfunction(found)}
    assert set(APPLICATIONS.values()) == functions
    assert all(name.replace("_", "") == keras_name.lower() for name, keras_name in APPLICATIONS.items())


@pytest.mark.parametrize("name", sorted(set(APPLICATIONS.values())))
def test_input_is_scaled_as_the_applications_own_module_scales_it(name: str) -> None:
    from blueno.ml.architectures.applications import scaled

    module = sys.modules[getattr(keras.applications, name).__module__]
    inputs = keras.Input((32, 32, 3))
    outputs = keras.Model(inputs, scaled(inputs, name))(images())
    expected = module.preprocess_input(images().copy())
    assert np.allclose(outputs, expected, rtol=1e-5, atol=1e-4)


def test_what_is_scaled_inside_the_network_is_scaled_once() -> None:
    """Applications whose `preprocess_input` leaves images alone have layers for it."""
    for name in ("efficientnet_b0", "efficientnet_v2_b0", "mobilenet_v3_small", "convnext_tiny"):
        kinds = [type(layer).__name__ for layer in built(name).layers]
        assert 1 <= sum(kind in ("Rescaling", "Normalization") for kind in kinds) <= 2, name


@pytest.mark.parametrize("name", ["mobilenet", "vgg16", "convnext_tiny"])
def test_forward_pass_and_saved_as_plain_keras(name: str, tmp_path: Path) -> None:
    model = built(name)
    outputs = model.predict(images(), verbose=0)
    assert outputs.shape == (4, 3) and np.allclose(outputs.sum(axis=1), 1, atol=1e-5)
    assert model.layers[-1].name == "head"
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert np.allclose(loaded.predict(images(), verbose=0), outputs, atol=1e-6)


def test_number_of_parameters() -> None:
    """VGG16 without its dense layers has 14,714,688 (Simonyan and Zisserman, 2015, configuration D)."""
    assert built("vgg16", dropout=0.5).count_params() == 14_714_688 + 512 * 3 + 3


def test_gray_is_repeated_and_other_ranges_are_mapped() -> None:
    keras.utils.set_random_seed(0)
    gray = built("mobilenet", (32, 32, 1), input_range=[0.0, 1.0], pooling="max")
    color = built("mobilenet", pooling="max")
    color.set_weights(gray.get_weights())
    one = images(1)
    assert np.allclose(
        gray.predict(one / 255, verbose=0), color.predict(np.repeat(one, 3, axis=3), verbose=0), atol=1e-5
    )


def test_layers_are_frozen_by_their_names_in_keras() -> None:
    assert trained(built("mobilenet_v2", trainable="head")) == {"head"}
    some = trained(built("mobilenet_v2", trainable=["head", "block_16*"]))
    assert {"head", "block_16_project"} < some and all(name == "head" or name.startswith("block_16") for name in some)
    assert trained(built("mobilenet_v2", trainable=False)) == set()


def test_weights_of_a_trial_go_on_in_another_task(tmp_path: Path) -> None:
    first = built("mobilenet_v3_small")
    first.save(tmp_path / "model.keras")
    second = built("mobilenet_v3_small", (48, 48, 1), weights=str(tmp_path / "model.keras"))
    pairs = list(zip(first.get_weights()[:-2], second.get_weights()[:-2], strict=True))
    assert len(pairs) > 100 and all(np.array_equal(one, other) for one, other in pairs)
    assert not np.array_equal(first.get_weights()[-2], second.get_weights()[-2])


def test_weights_as_keras_publishes_them(tmp_path: Path) -> None:
    """A file in the format of Keras's own; EfficientNet divides once more, as with weights that Keras fetches."""
    import h5py
    from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

    inputs = keras.Input((32, 32, 3))
    published = keras.applications.EfficientNetB0(include_top=False, weights=None, input_tensor=inputs)
    normalization = next(each for each in published.layers if isinstance(each, keras.layers.Normalization))
    deviation = np.array([0.229, 0.224, 0.225])
    normalization.set_weights([np.array([0.485, 0.456, 0.406]), deviation**2, *normalization.get_weights()[2:]])
    normalization.finalize_state()
    with h5py.File(tmp_path / "notop.h5", "w") as file:
        save_weights_to_hdf5_group(file, published)
    model = built("efficientnet_b0", weights=str(tmp_path / "notop.h5"))
    layer = next(each for each in model.layers if isinstance(each, keras.layers.Normalization))
    divided = keras.Model(model.inputs, layer.output).predict(images(), verbose=0)
    expected = (images() / 255 - [0.485, 0.456, 0.406]) / deviation / np.sqrt(deviation)
    assert np.allclose(divided, expected, atol=1e-4)
    stem = published.get_layer("stem_conv").get_weights()[0]
    assert np.array_equal(model.get_layer("stem_conv").get_weights()[0], stem)


def test_weights_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    built("mobilenet").save(tmp_path / "other.keras")
    (tmp_path / "text.h5").write_text("none")
    for file in ("other.keras", "text.h5"):
        with pytest.raises(ModelError, match="holds no weights for MobileNetV2") as caught:
            built("mobilenet_v2", weights=str(tmp_path / file))
        assert "no_top" in caught.value.fix


FETCHED = """
from blueno.errors import ModelError
from blueno.ml.architectures.applications import build
try:
    build((32, 32, 3), 3, "softmax", "MobileNet", weights="imagenet")
except ModelError as error:
    print("MESSAGE", error.message, error.fix)
"""


def test_without_a_network_imagenet_says_what_to_do(tmp_path: Path) -> None:
    """In a process of its own, which has fetched nothing yet and asks a proxy where nobody listens."""
    nobody = "http://127.0.0.1:9"
    environment = {**os.environ, "KERAS_HOME": str(tmp_path), "https_proxy": nobody, "HTTPS_PROXY": nobody}
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", FETCHED], env=environment, capture_output=True, text=True, check=True
    )
    said = ended.stdout.partition("MESSAGE")[2]
    assert "cannot be fetched" in said and "weights: {file: " in said


@pytest.mark.parametrize(
    ("name", "shape", "parameters", "message", "fix"),
    [
        ("vgg16", (64,), {}, "needs images", "reshape"),
        ("vgg16", (64, 64, 4), {}, "one channel or three", "gray"),
        ("vgg16", (65,), {}, "needs images", "65 values are no square image"),
        ("vgg16", (31, 64, 3), {}, "at least 32x32", r"resize: \{size: \[32, 32\]"),
        ("xception", (70, 71, 3), {}, "at least 71x71", r"\[71, 71\]"),
        ("vgg16", (32, 32, 3), {"input_range": [1.0, 1.0]}, "must rise", r"\[0, 255\]"),
    ],
)
def test_what_cannot_be_built_says_how_it_could(name, shape, parameters, message, fix) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        built(name, shape, **parameters)
    assert re.search(fix, caught.value.fix)


def test_the_smallest_sizes_are_those_of_keras() -> None:
    from blueno.ml.architectures.applications import SMALLEST

    for name in ("xception", "inception_v3", "inception_resnet_v2"):
        least = SMALLEST[APPLICATIONS[name]]
        make = getattr(keras.applications, APPLICATIONS[name])
        with pytest.raises(ValueError, match=f"at least {least}x{least}"):
            make(include_top=False, weights=None, input_shape=(least - 1, least - 1, 3))
