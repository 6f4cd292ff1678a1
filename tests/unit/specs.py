"""Short specs for tests of the language: a good one, in which each test changes what it is about."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from blueno.planning import Plan, compile_spec
from blueno.spec import Spec, load

DATA = "data: {source: {sklearn: digits}, split: {test: 0.2, validation: 0.2}}\n"
NETWORK = "version: 1\nname: x\nobjective: {maximize: val_accuracy}\n" + DATA
JOB = "def train(trial, rate: float = 0.1, *, mode: str = 'fast', hook=print, **rest):\n    return {}\n"
FUNCTION = "version: 1\nname: x\nobjective: {maximize: score}\n"


def loaded(text: str, folder: Path, *overrides: str) -> Spec:
    """The spec of a text, beside a file job.py with a function `train`."""
    if not (folder / "job.py").exists():
        (folder / "job.py").write_text(JOB)
    (folder / "spec.yaml").write_text(text)
    return load(folder / "spec.yaml", overrides, root=folder)


def compiled(text: str, folder: Path, *overrides: str) -> Plan:
    """Its plan."""
    return compile_spec(loaded(text, folder, *overrides), folder)


def params(plan: Plan, *path: str) -> list[Any]:
    """What each config has at a path of its params; None where it is not there."""
    return [_at(config.params, path) for config in plan.configs]


def _at(value: Any, path: tuple[str, ...]) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value
