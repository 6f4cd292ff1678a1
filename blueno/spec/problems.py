"""Where what is wrong with a spec is collected, so that everything is reported at once."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..errors import Problem, SpecErrors
from .language import DATA_KEYS, FOLDS, MODEL_KINDS, SECTIONS, SHARES, TRAIN
from .node import Mark
from .types import nearest as nearest_name

# what people type elsewhere, where the letters do not lead to ours
HABITS = {
    "lr": "learning_rate", "min_lr": "min_learning_rate", "batch": "batch_size", "gte": "ge", "lte": "le", "neq": "ne",
    "not": "ne", "val": "validation", "valid": "validation", "holdout": "validation", "n_splits": "folds",
    "kfold": "folds", "steps": "preprocess", "preprocessing": "preprocess", "augmentation": "augment",
    "training": "train", "goal": "objective", "matrix": "one_of", "constraints": "exclude", "skip": "exclude",
    "label": "target", "labels": "target",
}  # fmt: skip
# the keys of the language's sections, and the section of each (who writes `seed` mostly means `seeds`)
HOMES = {
    **dict.fromkeys({*SHARES, *FOLDS} - {"seed"}, "data.split"),
    **dict.fromkeys(DATA_KEYS, "data"),
    **dict.fromkeys(MODEL_KINDS, "model"),
    **dict.fromkeys(TRAIN, "train"),
}
MOST_SHOWN = 16  # choices that a fix lists
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # what libyaml counts as one


class Problems:
    """A growing list of problems, with the texts they are in (for the line that is shown with each)."""

    def __init__(self) -> None:
        self.found: list[Problem] = []
        self._lines: dict[str, list[str]] = {}

    def add_text(self, file: str, text: str) -> None:
        """Makes the lines of `text` known as those of `file`."""
        self._lines[file] = _LINE_BREAK.split(text)

    def add(self, mark: Mark, path: str, message: str, fix: str = "") -> None:
        """Adds a problem at `mark`."""
        lines = self._lines.get(mark.file, [])
        source = lines[mark.line - 1] if mark.line <= len(lines) else ""
        self.found.append(Problem(mark.file, mark.line, mark.column, path, message, fix, source))

    def unknown_key(self, mark: Mark, path: str, key: str, known: Iterable[str]) -> None:
        """Adds "unknown key"; the fix says where it belongs, or the nearest known one."""
        meant, choices = HABITS.get(key, key), list(known)
        ours = path in ("", "arm", "data.split", *SECTIONS) or path.startswith("data.source.")
        home = HOMES.get(meant, path) if ours else path
        fix = nearest(key, choices) if home == path or meant in choices else f"write {meant} under {home}"
        self.add(mark, join_path(path, key), "unknown key", fix or "remove it: nothing can be said here")

    def raise_any(self) -> None:
        """Raises SpecErrors if there is any problem."""
        if self.found:
            raise SpecErrors(self.found)


def join_path(path: str, key: str) -> str:
    """`train` and `epochs` as `train.epochs`."""
    return f"{path}.{key}" if path else key


def nearest(word: str, known: Iterable[str]) -> str:
    """A fix that names what `word` may have meant, or else everything there is."""
    choices = sorted(known)
    habit = HABITS.get(word, "")
    near = habit if habit in choices else nearest_name(word, choices)
    if near or not choices:
        return f"write {near}" if near else ""
    return f"use one of {', '.join(choices[:MOST_SHOWN])}" + (", ..." if len(choices) > MOST_SHOWN else "")
