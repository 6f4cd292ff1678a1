"""The source `images`: what it reads, by how many processes, and what it says of files that are no pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from blueno.errors import DataError
from blueno.etl.sources import Loaded, fingerprint, load_source
from blueno.etl.sources.pixels import read_pictures
from blueno.files import files_below
from blueno.planning.fingerprint import fingerprint as planned

RANDOM = np.random.default_rng(0)


def load(path: Path, planned: str | None = None, /, **params: Any) -> Loaded:
    source = {"name": "images", "params": {"path": str(path), **params}, "code": 1, "fingerprint": planned}
    return load_source(source, None)


def picture(file: Path, shape: tuple[int, ...] = (6, 8, 3), dtype: str = "uint8") -> np.ndarray:
    """Writes a picture of noise, and returns its pixels."""
    pixels = RANDOM.integers(0, np.iinfo(dtype).max, shape).astype(dtype)
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(file)
    return pixels


@pytest.fixture
def shapes(tmp_path: Path) -> Path:
    """Two classes, one of them with a folder inside; a hidden file and a page beside."""
    folder = tmp_path / "shapes"
    for name in ("round/1.png", "round/deep/2.png", "square/1.png"):
        picture(folder / name)
    (folder / "round" / ".DS_Store").write_text("x")
    (folder / "README.txt").write_text("what this is")
    return folder


def test_a_folder_for_each_class(shapes: Path) -> None:
    pixels = picture(shapes / "round" / "deep" / "2.png")
    loaded = load(shapes)
    assert (loaded.features.shape, loaded.features.dtype) == ((3, 6, 8, 3), np.uint8)
    assert loaded.ids.tolist() == ["round/1.png", "round/deep/2.png", "square/1.png"]
    assert loaded.target.tolist() == ["round", "round", "square"]
    assert (loaded.features[1] == pixels).all()


def test_modes_and_sizes(shapes: Path) -> None:
    assert load(shapes, mode="gray").features.shape == (3, 6, 8, 1)
    picture(shapes / "square" / "2.png", (30, 20))
    resized = load(shapes, size=[3, 4]).features
    assert (resized.shape, resized.dtype) == ((4, 3, 4, 3), np.uint8)
    with Image.open(shapes / "round" / "1.png") as image:
        expected = np.asarray(image.resize((4, 3), Image.Resampling.BILINEAR))
    assert (resized[0] == expected).all()


def test_sixteen_bits_are_kept(tmp_path: Path) -> None:
    scans = [picture(tmp_path / kind / "1.png", (5, 4), "uint16") for kind in ("a", "b")]
    loaded = load(tmp_path, mode="gray16")
    assert loaded.features.dtype == np.uint16
    assert (loaded.features[..., 0] == scans).all()
    with pytest.raises(DataError, match=r"2 files have another depth: a/1\.png \(I;16\)") as caught:
        load(tmp_path)
    assert "mode: gray16" in caught.value.fix


def test_a_table_of_files_and_labels(shapes: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("image,ill,site\nsquare/1,0,b\nround/deep/2,,a\nround/1,1,a\n")
    loaded = load(shapes, table=str(table), file="image", label="ill", group="site", suffix=".png")
    assert loaded.ids.tolist() == ["square/1.png", "round/deep/2.png", "round/1.png"]
    assert loaded.target["ill"].isna().tolist() == [False, True, False]
    assert loaded.groups.tolist() == ["b", "a", "a"]
    assert list(load(shapes, table=str(table), file="image", label=["ill", "site"], suffix=".png").target) == [
        "ill",
        "site",
    ]
    with pytest.raises(DataError, match=r"3 files of .*labels\.csv are not there: round/1, ") as caught:
        load(shapes, table=str(table), file="image", label="ill")
    assert "suffix: .png" in caught.value.fix
    with pytest.raises(DataError, match="no column is named 'il'") as caught:
        load(shapes, table=str(table), file="image", label="il", suffix=".png")
    assert caught.value.fix == "write ill"


def test_content_counts_as_it_was_read(shapes: Path, tmp_path: Path) -> None:
    """What planning hashes, what a build hashes apart, and what the source hashes while it reads are the same."""
    sha = planned(shapes, tmp_path / "memory")
    assert load(shapes, sha).fingerprint == sha == fingerprint([shapes])
    table = tmp_path / "labels.csv"
    table.write_text("file,label\nround/1.png,0\n")
    params = {"table": str(table)}
    assert load(shapes, None, **params).fingerprint == fingerprint([shapes, table])
    (shapes / "README.txt").write_text("something else")
    with pytest.raises(DataError, match="has changed since it was planned with"):
        load(shapes, sha)


def test_processes_read_what_one_reads(tmp_path: Path) -> None:
    for number in range(23):
        picture(tmp_path / f"{number:02}.png", (2, 3, 3))
    names = files_below(tmp_path)
    alone, shared = (read_pictures(str(tmp_path), names, "rgb", None, processes) for processes in (1, 3))
    assert (alone.pixels == shared.pixels).all()
    assert alone.shas == shared.shas and len(set(alone.shas)) == 23


@pytest.mark.parametrize("processes", [1, 3])
def test_files_that_are_no_pictures_are_named(tmp_path: Path, processes: int) -> None:
    for number in range(9):
        picture(tmp_path / f"{number}.png", (40, 40, 3))
    (tmp_path / "1.png").write_bytes(b"")
    (tmp_path / "4.png").write_text("no picture")
    whole = (tmp_path / "8.png").read_bytes()
    (tmp_path / "8.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError) as caught:
        read_pictures(str(tmp_path), files_below(tmp_path), "rgb", None, processes)
    assert caught.value.message.startswith(
        "3 files cannot be read as a picture: 1.png (empty), 4.png (of no format that Pillow knows), 8.png ("
    )
    assert "remove or replace" in caught.value.fix


@pytest.mark.parametrize("processes", [1, 2])
def test_pictures_of_different_sizes(tmp_path: Path, processes: int) -> None:
    for number, shape in enumerate([(6, 8, 3), (6, 8, 3), (5, 9, 3)]):
        picture(tmp_path / f"{number}.png", shape)
    with pytest.raises(DataError, match=r"differ in size: 0\.png is 6x8, 2\.png is 5x9") as caught:
        read_pictures(str(tmp_path), files_below(tmp_path), "rgb", None, processes)
    assert "size: [5, 8]" in caught.value.fix


def test_folders_that_are_no_classes(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder with pictures in it"):
        load(tmp_path)
    picture(tmp_path / "1.png")
    picture(tmp_path / "a" / "1.png")
    with pytest.raises(DataError, match=r"1 pictures are in no class's folder: 1\.png") as caught:
        load(tmp_path)
    assert "table" in caught.value.fix
    with pytest.raises(DataError, match="is a file"):
        load(tmp_path / "1.png")
