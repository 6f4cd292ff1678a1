"""Sources whose data lies in a bucket: the same arrays as from local files."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from blueno.cache.folder import FolderCache
from blueno.errors import DataError, SpecErrors
from blueno.etl.build import build
from blueno.etl.dataset import open_dataset
from blueno.etl.sources import SOURCES
from blueno.files import DataFiles
from blueno.planning import Plan, compile_spec
from blueno.raw.fetching import fetch
from blueno.spec import load
from blueno.spec.language import FOLDER_SOURCES

from .test_raw import put

SPEC = """\
version: 1
name: raw
objective: {maximize: val_accuracy}
data:
  source: %s
  split: {validation: 0.5, seed: 0}
%smodel: {estimator: sklearn.dummy:DummyClassifier}
"""
TARGET = "  target: ill\n"
ROWS = pd.DataFrame({"age": range(10), "ill": ["yes", "no"] * 5})


def picture(shade: int) -> bytes:
    file = BytesIO()
    Image.new("L", (4, 4), shade).save(file, "png")
    return file.getvalue()


def saved(write: object) -> bytes:
    file = BytesIO()
    write(file)  # type: ignore[operator]
    return file.getvalue()


FILES = {
    "t.csv": ROWS.to_csv(index=False).encode(),
    "t.json": ROWS.to_json(orient="records").encode(),
    "t.jsonl": ROWS.to_json(orient="records", lines=True).encode(),
    "t.xlsx": saved(lambda file: ROWS.to_excel(file, index=False)),
    "parts/1.parquet": saved(lambda file: ROWS[:5].to_parquet(file)),
    "parts/2.parquet": saved(lambda file: ROWS[5:].to_parquet(file)),
    **{f"csv/{n}.csv": ROWS[5 * n : 5 * n + 5].to_csv(index=False).encode() for n in (0, 1)},
    **{f"x/{n}.npy": saved(lambda file, n=n: np.save(file, np.arange(5.0)[:, None] + 5 * n)) for n in (0, 1)},
    "x.npy": saved(lambda file: np.save(file, np.arange(10.0)[:, None])),
    "y.npy": saved(lambda file: np.save(file, np.arange(10) % 2)),
    "xy.npz": saved(lambda file: np.savez(file, x=np.arange(10.0)[:, None], y=np.arange(10) % 2)),
    **{f"pets/{kind}/{n}.png": picture(n) for kind in ("cat", "dog") for n in range(3)},
    "labels.csv": b"file,label\n" + b"".join(f"pets/cat/{n}.png,{n % 2}\n".encode() for n in range(3)),
}
CASES = {
    "csv": ("{csv: BUCKET/t.csv}", TARGET),
    "csv, a prefix": ("{csv: BUCKET/csv/}", TARGET),
    "csv, a pattern": ('{csv: "BUCKET/csv/*.csv"}', TARGET),
    "npy, a prefix": ("{npy: {x: BUCKET/x/, y: BUCKET/y.npy}}", ""),
    "json": ("{json: BUCKET/t.json}", TARGET),
    "jsonl": ("{jsonl: BUCKET/t.jsonl}", TARGET),
    "excel": ("{excel: BUCKET/t.xlsx}", TARGET),
    "parquet": ("{parquet: BUCKET/parts/1.parquet}", TARGET),
    "parquet, a prefix": ("{parquet: BUCKET/parts/}", TARGET),
    "parquet, a pattern": ('{parquet: "BUCKET/parts/*.parquet"}', TARGET),
    "npy": ("{npy: {x: BUCKET/x.npy, y: BUCKET/y.npy}}", ""),
    "npz": ("{npz: BUCKET/xy.npz}", ""),
    "images": ("{images: {path: BUCKET/pets/, mode: gray}}", ""),
    "images, a pattern": ('{images: {path: "BUCKET/pets/**/[01].png", mode: gray}}', ""),
    "images with a table": ("{images: {path: BUCKET/pets/, table: BUCKET/labels.csv, mode: gray}}", ""),
    "images with a local table": ("{images: {path: BUCKET/pets/, table: labels.csv, mode: gray}}", ""),
}


def planned(root: Path, source: str, target: str) -> Plan:
    spec = root / "spec.yaml"
    spec.write_text(SPEC % (source, target))
    return compile_spec(load(spec, (), root), root)


def built(plan: Plan, root: Path) -> tuple[np.ndarray, np.ndarray]:
    cache = FolderCache(root / "cache")
    recipe = json.loads(plan.datasets[0].recipe)
    files = DataFiles(plan.files, lambda path, id: tuple(fetch(path, id, root)))  # type: ignore[arg-type,return-value]
    build(recipe, cache, files=files)
    dataset = open_dataset(plan.datasets[0].id, cache)
    return np.asarray(dataset.features), np.asarray(dataset.target)


@pytest.mark.parametrize(("source", "target"), CASES.values(), ids=CASES)
def test_a_source_yields_what_it_yields_of_local_files(source: str, target: str, bucket: str, tmp_path: Path) -> None:
    put(bucket, tmp_path, FILES)
    for name, data in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_bytes(data)
    remote = planned(tmp_path, source.replace("BUCKET", bucket), target)
    features, classes = built(remote, tmp_path)
    if "*" in source and "csv" not in source:  # which a spec may name in buckets only
        assert len(features) == (10 if "parquet" in source else 4)
        return
    local = planned(tmp_path, source.replace("BUCKET/", ""), target)
    assert local.datasets[0].id != remote.datasets[0].id
    for mine, theirs in zip((features, classes), built(local, tmp_path), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_copy_that_was_written_to_is_found_when_it_is_read(bucket: str, tmp_path: Path) -> None:
    put(bucket, tmp_path, FILES)
    for source, target, name in [
        ("{csv: BUCKET/t.csv}", TARGET, "t.csv"),
        ("{images: {path: BUCKET/pets/, mode: gray}}", "", "pets/cat/1.png"),
    ]:
        plan = planned(tmp_path, source.replace("BUCKET", bucket), target)
        ((id, path),) = plan.files.items()
        folder = Path(fetch(path, id, tmp_path).path)
        file = folder if folder.is_file() else folder / name.partition("/")[2]
        file.chmod(0o644)
        file.write_bytes(FILES[name][:-1] + b"!" if name == "t.csv" else picture(9))
        with pytest.raises(DataError) as raised:
            built(plan, tmp_path)
        assert raised.value.message == f"{folder} is not what was fetched from {path}"
        assert raised.value.fix.endswith("`blueno data raw --verify --repair` fetches it again")


def test_what_is_wrong_is_marked_in_the_spec(bucket: str, tmp_path: Path) -> None:
    with pytest.raises(SpecErrors) as raised:
        planned(tmp_path, f"{{csv: {bucket}/nothing.csv}}", TARGET)
    [problem] = raised.value.problems
    assert (problem.line, problem.column, problem.fix) == (5, 17, "correct it, or upload it")
    assert problem.message == f"there is no object {bucket}/nothing.csv"


def test_sources_of_folders_are_those_that_say_so() -> None:
    from importlib import import_module

    modules = {name: import_module(f"blueno.etl.sources.{module}") for name, module in SOURCES.items()}
    assert sorted(FOLDER_SOURCES) == sorted(name for name, each in modules.items() if getattr(each, "FOLDERS", False))
