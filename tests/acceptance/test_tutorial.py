"""docs/tutorial.md, walked from top to bottom: every file written, every command run, every output compared.

A `console` block has commands after `$ ` and what they print; `...` stands for anything, as in doctest. Other blocks
that say `<!-- file: NAME -->` before them are files; `<!-- in: NAME -->` with a line `-old` and a line `+new` (diff)
edits one.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path

import pytest

from tests.unit.documents import DOCS, Block, blocks

TUTORIAL = DOCS / "tutorial.md"


@pytest.mark.slow
def test_the_tutorial_says_what_happens(tmp_path: Path) -> None:
    for block in blocks(TUTORIAL):
        if block.said("file"):
            _write(tmp_path / block.said("file")[0], block.text)
        elif block.said("in"):
            _edit(tmp_path / block.said("in")[0], block)
        elif block.language == "console":
            for command, expected in _commands(block.text):
                _compare(_printed(command, tmp_path), expected, f"{TUTORIAL.name}:{block.line}: {command}")


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _edit(path: Path, block: Block) -> None:
    old = "\n".join(re.findall(r"^-(.*)$", block.text, re.MULTILINE))
    new = "\n".join(re.findall(r"^\+(.*)$", block.text, re.MULTILINE))
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{TUTORIAL.name}:{block.line}: {old!r} stands {text.count(old)} times in {path.name}"
    path.write_text(text.replace(old, new), encoding="utf-8")


def _commands(text: str) -> list[tuple[str, str]]:
    """Each command of a block and what it is said to print."""
    found = re.split(r"^\$ (.*)\n", text, flags=re.MULTILINE)
    return list(zip(found[1::2], found[2::2], strict=True))


def _printed(command: str, folder: Path) -> str:
    """Both streams of a command, as a terminal shows them."""
    environment = {
        **os.environ, "BLUENO_ROOT": str(folder), "BLUENO_DEVICES": "cpu",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "120",
    }  # fmt: skip
    ended = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, text=True, timeout=300,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return ended.stdout.replace(f"{folder}/", "").replace(str(folder), ".")


def _compare(printed: str, expected: str, where: str) -> None:
    if not expected.strip():
        assert "Traceback" not in printed and "blueno:" not in printed, f"{where}\n{printed}"
        return
    matches = OutputChecker().check_output(expected, printed.rstrip("\n") + "\n", ELLIPSIS | NORMALIZE_WHITESPACE)
    assert matches, f"{where}\nexpected:\n{expected}\nprinted:\n{printed}"
