"""Steps on images: what they make, in one go or in chunks, and what they say of shapes that do not fit."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from blueno.errors import DataError, MissingLibrary
from blueno.etl import chunks

from .stepping import array, opened, table

RNG = np.random.default_rng(0)
PHOTOS = RNG.integers(0, 256, (20, 6, 8, 3), dtype="uint8")
SCANS = RNG.normal(5.0, 2.0, (20, 6, 8, 1)).astype("float32")


@pytest.mark.parametrize("method", ["bilinear", "nearest", "bicubic", "lanczos", "box"])
def test_resize_is_pillows(method: str) -> None:
    made = array("resize", PHOTOS, size=[3, 5], method=method)
    by_hand = Image.fromarray(PHOTOS[7]).resize((5, 3), Image.Resampling[method.upper()])
    assert (made.shape, made.dtype) == ((20, 3, 5, 3), np.dtype("uint8"))
    assert np.array_equal(made[7], np.asarray(by_hand))
    numbers = array("resize", PHOTOS.astype("float32"), size=[3, 5], method=method)
    assert np.abs(made - numbers.clip(0, 255)).mean() < 0.5  # of bytes, Pillow rounds in between, too


def test_resize_of_other_numbers_and_channels() -> None:
    constant = np.full((20, 4, 4, 2), 3.5)
    made = array("resize", constant, size=9)
    assert (made.shape, made.dtype) == ((20, 9, 9, 2), np.dtype("float32"))
    assert np.all(made == 3.5)
    assert array("resize", PHOTOS[..., :1], size=2).dtype == np.uint8


def test_crop_is_the_middle_and_pad_is_its_opposite() -> None:
    assert np.array_equal(array("crop", SCANS, size=[3, 4]), SCANS[:, 1:4, 2:6])
    padded = array("pad", SCANS, size=[9, 10], value=-1.0)
    assert np.array_equal(array("crop", padded, size=[6, 8]), SCANS)
    assert padded[:, 0].mean() == -1.0
    assert np.array_equal(array("pad", SCANS, size=8, method="edge")[:, 0], SCANS[:, 0])
    assert array("pad", PHOTOS, size=8).dtype == np.uint8


def test_gray_is_what_pillow_makes() -> None:
    by_hand = np.stack([np.asarray(Image.fromarray(photo).convert("L")) for photo in PHOTOS])
    made = array("gray", PHOTOS)
    assert (made.shape, made.dtype) == ((20, 6, 8, 1), np.dtype("uint8"))
    assert np.abs(made[..., 0].astype(int) - by_hand).max() <= 1  # Pillow computes in whole numbers
    assert np.array_equal(array("gray", np.concatenate([PHOTOS, PHOTOS[..., :1]], axis=3)), made)
    assert array("gray", SCANS) is SCANS
    with pytest.raises(DataError, match="these images have 2 channels"):
        array("gray", PHOTOS[..., :2])


def test_rescale_to_a_range() -> None:
    made = array("rescale", PHOTOS)
    assert made.dtype == np.float32
    assert np.allclose(made, PHOTOS / 255)
    other = array("rescale", PHOTOS, divide_by=127.5, offset=-1.0)
    assert other.min() >= -1.0
    assert other.max() <= 1.0


def test_normalize_each_by_itself() -> None:
    made = array("normalize", PHOTOS)
    assert made.dtype == np.float32
    assert np.allclose(made.mean(axis=(1, 2, 3)), 0, atol=1e-5)
    assert np.allclose(made.std(axis=(1, 2, 3)), 1, atol=1e-5)
    by_channel = array("normalize", PHOTOS, per_channel=True)
    assert np.allclose(by_channel.std(axis=(1, 2)), 1, atol=1e-5)
    assert np.array_equal(array("normalize", np.full((20, 2, 2, 1), 7.0)), np.zeros((20, 2, 2, 1)))


def test_normalize_by_given_means() -> None:
    mean, deviation = [100.0, 120.0, 140.0], [50.0, 60.0, 70.0]
    made = array("normalize", PHOTOS, mean=mean, deviation=deviation)
    assert np.allclose(made, (PHOTOS - np.array(mean)) / np.array(deviation), atol=1e-5)
    assert np.allclose(array("normalize", SCANS, mean=[5.0], deviation=[2.0]), (SCANS - 5) / 2)
    with pytest.raises(DataError, match=r"2 means for samples of shape \[6, 8, 3\]") as caught:
        array("normalize", PHOTOS, mean=[1.0, 2.0], deviation=[1.0, 2.0])
    assert caught.value.fix == "give 3 means and deviations, or one"


@pytest.mark.parametrize(
    "params",
    [
        {"mean": [1.0]},
        {"mean": [1.0], "deviation": [1.0, 2.0]},
        {"mean": [1.0], "deviation": [0.0]},
        {"mean": [1.0], "deviation": [1.0], "per_channel": True},
    ],
)
def test_normalize_needs_fitting_numbers(params: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="normalize"):
        opened("normalize", **params)


def test_transpose_moves_channels() -> None:
    assert np.array_equal(array("transpose", PHOTOS, axes=[2, 0, 1]), np.moveaxis(PHOTOS, 3, 1))
    with pytest.raises(DataError, match=r"axes \[1, 0\] do not fit samples of shape \[6, 8, 3\]"):
        array("transpose", PHOTOS, axes=[1, 0])


def test_without_pillow_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "PIL.Image", None)  # as if it were not installed
    with pytest.raises(MissingLibrary, match="resize needs Pillow") as caught:
        opened("resize", size=4)
    assert caught.value.fix == "pip install pillow"


# ---- shapes that do not fit


def test_too_small_and_too_large() -> None:
    with pytest.raises(DataError, match="images of 6x8 are too small to crop 7x7") as caught:
        array("crop", SCANS, size=7)
    assert caught.value.fix == "choose at most [6, 8], or put pad or resize before it"
    with pytest.raises(DataError, match="images of 6x8 are too large to pad to 7x7"):
        array("pad", SCANS, size=7)
    for size in ([], 0, [3], [1, 2, 3]):
        with pytest.raises(DataError, match="is not a height and a width"):
            opened("crop", size=size)


@pytest.mark.parametrize(("name", "params"), [("resize", {"size": 2}), ("crop", {"size": 2}), ("gray", {})])
def test_what_is_no_image_says_what_shape_it_has(name: str, params: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=rf"{name} takes images .* have the shape \[6, 8\]") as caught:
        array(name, SCANS[..., 0], **params)
    assert caught.value.fix == "put {reshape: {shape: [6, 8, 1]}} before it"
    with pytest.raises(DataError, match="takes images"):
        array(name, SCANS.reshape(20, 48), **params)
    with pytest.raises(DataError, match="takes images"):
        table(name, pd.DataFrame({"a": np.arange(20.0)}), **params)


def test_tables_are_not_normalized() -> None:
    with pytest.raises(DataError, match="not tables"):
        table("normalize", pd.DataFrame({"a": np.arange(20.0)}))


# ---- chunks


STEPS: dict[str, dict[str, Any]] = {
    "resize": {"size": 4},
    "pad": {"size": 10},
    "gray": {},
    "rescale": {},
    "normalize": {},
    "clip": {"high": 200.0},
    "log": {},
}


@pytest.mark.parametrize("name", STEPS)
def test_in_chunks_it_is_the_same(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = array(name, PHOTOS, **STEPS[name])
    monkeypatch.setattr(chunks, "CHUNK_BYTES", 3 * PHOTOS[0].nbytes)
    in_chunks = array(name, PHOTOS, **STEPS[name])
    assert in_chunks.dtype == at_once.dtype
    assert np.array_equal(in_chunks, at_once)


def test_what_a_thread_raises_is_raised() -> None:
    x = np.zeros((20, 2**20))
    x[19] = -2.0
    with pytest.raises(DataError, match="has no logarithm"):
        array("log", x)
