"""Every malformed spec of the corpus is reported with its exact places, messages and fixes."""

from __future__ import annotations

from pathlib import Path

import pytest

from .malformed import CASES, read_case, reported


@pytest.mark.parametrize("path", sorted(CASES.glob("*.txt")), ids=lambda path: path.stem)
def test_reported_exactly(path: Path, tmp_path: Path) -> None:
    case = read_case(path)
    assert case.errors, "a case without expected errors proves nothing"
    assert reported(case, tmp_path) == case.errors


@pytest.mark.parametrize("path", sorted(CASES.glob("*.txt")), ids=lambda path: path.stem)
def test_each_says_how_to_fix_it(path: Path) -> None:
    shown = read_case(path).errors.splitlines()
    heads = [line for line in shown if not line.startswith(" ")]
    assert len([line for line in shown if line.startswith("  fix: ")]) == len(heads)


def test_corpus_is_large() -> None:
    assert len(list(CASES.glob("*.txt"))) >= 60
