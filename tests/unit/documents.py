"""The Markdown files of the repository, and the examples in them: specs, the files beside them, what is shown of them.

The HTML comment before a fenced block says what a test holds it to. Before yaml:
    configs, trials, excluded, duplicates, datasets: N    of its plan
    succeeded, failed: N                                  of its sweep
    set: PATH=VALUE                                       as the command's --set
    plan, errors, failures                                the next block is what is printed
    refused: TEXT                                         some error says so
Before anything else: `file: NAME` (it lies beside the specs of its section), `run` (after the sweep of its section).
A spec without `version` is the rest of a usual one.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from blueno.errors import SpecErrors
from blueno.planning import Plan, compile_spec
from blueno.spec import load

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
BESIDE = ROOT / "specs" / "language"  # the files that short examples name
USUAL = {
    "version": "version: 1\n",
    "name": "name: example\n",
    "objective": "objective: {maximize: val_accuracy}\n",
    "data": "data: {source: {sklearn: digits}, split: {test: 0.2, validation: 0.2}}\n",
    "model": "model: {architecture: mlp}\n",
}
SHOWN = {"plan", "errors", "failures"}
_BLOCK = re.compile(
    r"(?:<!-- (?P<says>[^\n]*?) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.DOTALL | re.MULTILINE
)
_BETWEEN = re.compile(r", (?=\w+(?:: |, |$))")  # no comma inside brackets


class Block(NamedTuple):
    """A fenced block: its language, its text, what the comment before it says, and the heading it stands under."""

    language: str
    text: str
    says: tuple[tuple[str, str], ...]
    section: str
    line: int

    def said(self, name: str) -> list[str]:
        """What the comment says under a name, as often as it does."""
        return [value for key, value in self.says if key == name]


class Example(NamedTuple):
    """A spec, the files beside it by name, and the text that is shown of it ("" for none)."""

    block: Block
    files: dict[str, str]
    shown: str


def pages() -> list[Path]:
    """Every Markdown file that belongs to the repository."""
    folders = [each for each in ROOT.iterdir() if each.is_dir() and each.name[0] != "." and each.name != "build"]
    return sorted([*ROOT.glob("*.md"), *(page for folder in folders for page in folder.rglob("*.md"))])


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            language=found["language"],
            text=found["text"],
            says=tuple(_option(each) for each in _BETWEEN.split(found["says"] or "") if each),
            section=_section(text[: found.start()]),
            line=text.count("\n", 0, found.start()) + 1,
        )
        for found in _BLOCK.finditer(text)
    ]


def _option(said: str) -> tuple[str, str]:
    name, _, value = said.partition(": ")
    return name, value


def _section(before: str) -> str:
    headings = re.findall(r"^## (.+)$", before, re.MULTILINE)
    return headings[-1] if headings else ""


def examples(page: Path) -> Iterator[Example]:
    """The specs of a page, each with the files of its section."""
    listed = blocks(page)
    for block, following in zip_longest(listed, listed[1:]):
        if block.language == "yaml":
            shown = following.text if following and SHOWN & dict(block.says).keys() else ""
            yield Example(block, _files(listed, block.section), shown)


def _files(listed: list[Block], section: str) -> dict[str, str]:
    named = [block for block in listed if block.section == section and block.language != "yaml"]
    return {name: block.text for block in named for name in block.said("file")}


def whole(fields: str) -> str:
    """The usual spec without the keys that `fields` begins lines with, then `fields`."""
    keys = {line.partition(":")[0] for line in fields.splitlines() if line[:1].isalpha() and ":" in line}
    if "version" in keys:
        return fields
    return "".join(line for key, line in USUAL.items() if key not in keys) + fields


def written(example: Example, folder: Path) -> Path:
    """The example's spec, written into `folder` with everything beside it."""
    shutil.copytree(BESIDE, folder, dirs_exist_ok=True)
    for name, text in example.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    spec = folder / "spec.yaml"
    spec.write_text(whole(example.block.text), encoding="utf-8")
    return spec


def planned(example: Example, folder: Path) -> Plan:
    """The example's plan. Raises SpecErrors."""
    return compile_spec(load(written(example, folder), example.block.said("set"), folder), folder)


def errors(example: Example, folder: Path) -> str:
    """What is said of the example as `blueno plan` prints it in its folder; "" if nothing is wrong."""
    try:
        planned(example, folder)
    except SpecErrors as error:
        return error.message.replace(f"{folder}/", "")
    return ""
