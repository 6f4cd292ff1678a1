"""Datasets and nodes in words that a person knows from the spec: source, steps, split. Defaults are left out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..canonical import short
from ..files import located
from ..spec.signatures import Folders, names_of, signature_of
from ..tables import cell

NO_VALUE = object()


def in_words(recipe: dict[str, Any], files: Mapping[str, str]) -> str:
    """Source, steps and split of a dataset, or source and steps of a node, in a line. `files` says how the data files
    are called that a recipe names by their SHA-256.
    """
    steps = [step_words(step, files) for step in recipe["steps"]]
    split = split_words(recipe) if "node" not in recipe else ""
    return " > ".join([source_words(recipe, files), *steps]) + (f", {split}" if split else "")


def source_words(recipe: dict[str, Any], files: Mapping[str, str]) -> str:
    """The source of a dataset or node with the values that are no defaults, and which columns are taken for what; of
    files and folders the last name.
    """
    columns = recipe.get("columns") or {}
    taken = [f"{name} {cell(value)}" for name, value in columns.items() if value not in (None, False, [])]
    return _words("source", recipe["source"], files) + (f" [{', '.join(taken)}]" if taken else "")


def step_words(step: dict[str, Any], files: Mapping[str, str]) -> str:
    """A step with the values that are no defaults, and the columns it was told to take."""
    columns = step.get("columns")
    return _words("step", step, files) + (f" of {cell(columns)}" if columns is not None else "")


def split_words(recipe: dict[str, Any]) -> str:
    """The split of a dataset, and which fold of it this is, counted from 0 as everywhere."""
    split, fold = recipe.get("split") or {}, recipe.get("fold")
    shares = [f"{name} {split[name]:g}" for name in ("test", "stop", "validation") if _share(split.get(name))]
    if "folds" in split:
        repeats = f" x {split['repeats']}" if split.get("repeats", 1) > 1 else ""
        shares.insert(0, f"fold {fold} of {split['folds']}{repeats}")
    said = ", ".join(shares) or ("as marked" if split.get("column") else "no split")
    return said + _rest(split)


def _share(value: Any) -> bool:
    return isinstance(value, int | float) and value > 0


def _rest(split: dict[str, Any]) -> str:
    """What else is set of a split."""
    flags = {"stratify": "stratified", "group": "by group"}
    words = [word for name, word in flags.items() if split.get(name)]
    words += [f"{name} {cell(split[name])}" for name in ("column", "time") if split.get(name)]
    seed = split.get("seed")
    words += [f"seed {seed}"] if seed else []
    return f" ({', '.join(words)})" if words else ""


def _words(role: str, named: dict[str, Any], files: Mapping[str, str]) -> str:
    name, params = (
        named["name"],
        located(named.get("params") or {}, {sha: Path(path).name for sha, path in files.items()}),
    )
    defaults = _defaults(role, name)
    kept = {key: value for key, value in params.items() if value is not None and value != defaults.get(key, NO_VALUE)}
    first = [_value(value) for key, value in kept.items() if key in ("name", "path", "function", "method")]
    rest = [
        f"{key} {_value(value)}" for key, value in kept.items() if key not in ("name", "path", "function", "method")
    ]
    shown = name.rpartition(":")[2] if role == "step" else name
    return " ".join([shown, *first]) + (f" ({', '.join(rest)})" if rest else "")


def _value(value: Any) -> str:
    """A value; a file that no sweep here knows is told by its content."""
    if isinstance(value, dict) and len(value) == 1 and isinstance(value.get("file"), str):
        return f"a file ({short(value['file'])})"
    return cell(value)


@lru_cache(maxsize=256)
def _defaults(role: str, name: str) -> dict[str, Any]:
    """Of a built-in; others have none that are known here."""
    if name not in names_of(role):
        return {}
    nowhere = Path("/nowhere")
    return {key: each.default for key, each in signature_of(role, name, Folders(nowhere, nowhere)).parameters.items()}
