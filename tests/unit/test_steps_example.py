"""specs/language/steps.yaml: what its steps make of each arm's data, and that it trains."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from blueno.cache.folder import FolderCache
from blueno.etl.build import build
from blueno.etl.dataset import Dataset, open_dataset
from blueno.planning import Plan, compile_spec
from blueno.spec import load
from blueno.usercode import CodeFolder

ROOT = Path(__file__).parents[2]
SPEC = ROOT / "specs" / "language" / "steps.yaml"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Dataset]]:
    """The datasets by arm."""
    folder = tmp_path_factory.mktemp("steps")
    plan, cache = compile_spec(load(SPEC, root=ROOT), folder), FolderCache(folder / "cache")
    for dataset in plan.datasets:
        build(json.loads(dataset.recipe), cache, CodeFolder(SPEC.parent, ""), files=plan.files)
    found: dict[str, list[Dataset]] = {}
    for arm, id in arms(plan):
        found.setdefault(arm, []).append(open_dataset(id, cache))
    return found


def arms(plan: Plan) -> list[tuple[str, str]]:
    """The name of each config's arm, and the id of its dataset."""
    order = [("images", 2), ("table", 9), ("words", 1), ("tokens", 1), ("series", 1), ("halves", 1)]
    names = [name for name, count in order for _ in range(count)]
    return [(name, str(trial.dataset_id)) for name, trial in zip(names, plan.trials, strict=True)]


def test_images_are_cropped_or_padded_then_normalized(made: dict[str, list[Dataset]]) -> None:
    assert [dataset.features.shape for dataset in made["images"]] == [(1797, 6, 6, 1), (1797, 14, 14, 1)]
    for dataset in made["images"]:
        assert np.allclose(dataset.features.mean(axis=(1, 2, 3)), 0, atol=1e-5)


def test_a_table_becomes_two_features_without_gaps(made: dict[str, list[Dataset]]) -> None:
    assert {dataset.features.shape for dataset in made["table"]} == {(12, 2)}
    assert not any(dataset.summary["has_missing"] for dataset in made["table"])


def test_texts_become_components_or_numbers_of_words(made: dict[str, list[Dataset]]) -> None:
    words, tokens = made["words"][0], made["tokens"][0]
    assert words.features.shape == (24, 4)
    assert (tokens.features.shape, tokens.features.dtype) == ((24, 8), np.dtype("int32"))
    assert tokens.published["vocabulary_size"] > tokens.features[tokens.parts["train"]].max()


def test_windows_stay_in_their_part(made: dict[str, list[Dataset]]) -> None:
    (series,) = made["series"]
    sizes = {name: len(rows) for name, rows in series.parts.items()}
    assert series.features.shape[1:] == (5, 2)
    assert sum(sizes.values()) == 80 - 2 * 2 * 5  # five hours less for each of two sensors in each of two parts
    assert not set(series.ids[series.parts["train"]]) & set(series.ids[series.parts["validation"]])


def test_halves_are_two_samples_of_one_part(made: dict[str, list[Dataset]]) -> None:
    (halves,) = made["halves"]
    assert halves.features.shape == (2 * 1797, 8, 4, 1)
    images = {name: {id.partition("#")[0] for id in halves.ids[rows]} for name, rows in halves.parts.items()}
    assert not images["train"] & images["validation"]
    assert {len(rows) / len(images[name]) for name, rows in halves.parts.items()} == {2.0}


@pytest.mark.slow
def test_it_trains(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "blueno", "sweep", str(SPEC), "--executor", "inline", "--devices", "cpu", "--json"]
    environment = {**os.environ, "BLUENO_ROOT": str(tmp_path)}
    ended = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["succeeded"] == 15
