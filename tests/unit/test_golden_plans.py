"""The plans of all example specs, ids included, are what they were; and how many configs they make, by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden.plans import ROOT, SPECS, compiled, golden_file, plan_text

# (configs, trials, excluded, duplicates, datasets), counted by hand from each file
COUNTS = {
    "digits": (40, 200, 8, 0, 4),  # 2 x (3 + 2) x 4, in 5 seeds
    "svc-digits": (12, 60, 0, 0, 5),  # 4 x (2 + 1), in 5 folds
    "language/arrays": (6, 6, 0, 0, 6),
    "language/readers": (5, 5, 0, 0, 5),
    "language/architectures": (14, 14, 0, 0, 4),  # 5 + 5 + 2 + 2
    "language/alternatives": (60, 60, 12, 0, 4),  # 4 x 3 x 6, less the images x components x 6
    "language/arms": (11, 85, 0, 0, 10),  # 4 x 2 x 5, 2 x 2 x 5 and 5 x 1 x 5
    "language/axes": (108, 108, 0, 0, 1),  # 2 x 3 x 3 x 2 x 3
    "language/duplicates": (2, 2, 0, 6, 2),  # 4 x 2, of which only the two methods differ
    "language/estimators": (7, 13, 0, 7, 1),  # (4 + 2) x 2 seeds + 1; twice, since epochs do not exist for them
    "language/exclude": (13, 13, 11, 0, 2),  # 24, less 4 + 4 + 1 + 2 that are not counted twice
    "language/files": (2, 4, 0, 0, 0),
    "language/metrics": (2, 2, 0, 0, 1),
    "language/pairs": (6, 6, 0, 0, 1),  # 3 together x 2
    "language/references": (6, 6, 0, 0, 0),
    "language/search": (8, 24, 0, 0, 0),  # 8 of any number, in 3 folds; datasets as they are proposed
    "language/sources": (3, 3, 0, 1, 3),  # two ways to name the same function with the same parameters
    "language/stages": (2, 2, 0, 0, 1),
    "language/steps": (15, 15, 0, 0, 15),  # 2 + 3 x 3 + 2 + 1 + 1
    "language/tables": (6, 36, 0, 0, 12),  # 2 x 3, in 3 folds x 2
    "language/training": (16, 16, 0, 0, 1),  # 2 x 4 x 2
    "language/words": (3, 9, 0, 0, 1),
    "language/yaml": (3, 3, 0, 0, 0),
    "language/spellings": (1, 1, 0, 0, 1),
    "language/labels": (2, 4, 0, 0, 4),  # 3 folds + 1
    "language/program": (2, 2, 0, 0, 1),
    "language/time": (4, 8, 0, 0, 8),  # 1 + 3 folds + 1 + 3 folds
}


def name_of(spec: Path) -> str:
    return spec.relative_to(ROOT / "specs").with_suffix("").as_posix()


@pytest.mark.parametrize("spec", SPECS, ids=name_of)
def test_counts_by_hand(spec: Path, tmp_path: Path) -> None:
    plan = compiled(spec, tmp_path)
    counts = (plan.num_configs, plan.num_trials, plan.excluded, plan.duplicates, len(plan.datasets))
    assert counts == COUNTS[name_of(spec)]


@pytest.mark.parametrize("spec", SPECS, ids=name_of)
def test_plan_is_the_golden_one(spec: Path, tmp_path: Path) -> None:
    golden = golden_file(spec).read_text(encoding="utf-8")
    assert plan_text(compiled(spec, tmp_path)) == golden, "if this is meant, `make golden` and review every id"


def test_every_golden_plan_has_its_spec() -> None:
    assert {golden_file(spec).name for spec in SPECS} == {
        path.name for path in golden_file(SPECS[0]).parent.glob("*.plan.json")
    }


def test_golden_plans_name_no_path_of_a_machine() -> None:
    for spec in SPECS:
        document = json.loads(golden_file(spec).read_text(encoding="utf-8"))
        assert not [text for text in json.dumps(document).split('"') if text.startswith("/")]
