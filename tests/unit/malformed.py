"""The corpus of malformed specs in tests/malformed: what is in a case, and running it.

A case is a text file of sections, each begun by a line `--- NAME`: `spec` (the text of spec.yaml), `spec + FIELDS` (a
good spec in which these top-level keys take the place of its own), `file NAME` (a file beside it), `set PATH=VALUE`
(an override), and `errors` (exactly what is reported).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from blueno.errors import SpecErrors
from blueno.planning import compile_spec
from blueno.spec import load

CASES = Path(__file__).parent.parent / "malformed"
GOOD = {
    "version": "version: 1\n",
    "name": "name: good\n",
    "objective": "objective: {maximize: val_accuracy}\n",
    "data": "data: {source: {sklearn: digits}, split: {test: 0.2, validation: 0.2}}\n",
    "model": "model: {architecture: mlp}\n",
}
FILES = {
    "nets.py": "def build(input_shape, output_units, width: int = 8, depth: int = 2):\n    ...\n",
    "job.py": "def train(trial, rate: float = 0.1):\n    ...\n",
    "table.csv": "age,label\n1,a\n2,b\n",
}


class Case(NamedTuple):
    """One malformed spec; `errors` is empty in a case that is to be written."""

    text: str
    files: dict[str, str]
    overrides: list[str]
    errors: str


def read_case(path: Path) -> Case:
    """The case in a file."""
    case = Case("", dict(FILES), [], "")
    for head, body in _sections(path.read_text(encoding="utf-8")):
        kind, _, rest = head.partition(" ")
        if head == "spec + FIELDS":
            case = case._replace(text=_merged(body))
        elif kind == "spec":
            case = case._replace(text=body)
        elif kind == "file":
            case.files[rest] = body
        elif kind == "set":
            case.overrides.append(rest)
        elif kind == "errors":
            case = case._replace(errors=body.rstrip("\n"))
    return case


def _sections(text: str) -> Iterator[tuple[str, str]]:
    for part in f"\n{text}".split("\n--- ")[1:]:
        head, _, body = part.partition("\n")
        yield head, body + "\n" if body else ""


def _merged(fields: str) -> str:
    """The good spec without the keys that `fields` begins lines with, then `fields`."""
    keys = {line.partition(":")[0] for line in fields.splitlines() if line[:1].isalpha() and ":" in line}
    return "".join(line for key, line in GOOD.items() if key not in keys) + fields


def reported(case: Case, folder: Path) -> str:
    """What is said of a case, written into `folder`; "" if nothing is wrong."""
    for name, text in case.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    spec = folder / "spec.yaml"
    spec.write_text(case.text, encoding="utf-8")
    try:
        compile_spec(load(spec, case.overrides, root=folder), folder)
    except SpecErrors as error:
        return error.message.replace(f"{folder}/", "").replace(str(folder), "FOLDER")
    return ""
