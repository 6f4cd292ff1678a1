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


def test_corpus_is_large() -> None:
    assert len(list(CASES.glob("*.txt"))) >= 60
