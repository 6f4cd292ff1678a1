"""The examples in docstrings of the platform's modules are true."""

from __future__ import annotations

import doctest
from importlib import import_module
from pathlib import Path

import pytest

import blueno

FILES = [path for path in sorted(Path(blueno.__file__).parent.rglob("*.py")) if ">>> " in path.read_text()]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_examples_are_true(path: Path) -> None:
    inside = path.relative_to(Path(blueno.__file__).parent).with_suffix("")
    found = doctest.testmod(import_module(".".join(("blueno", *inside.parts))))
    assert found.attempted > 0
    assert found.failed == 0
