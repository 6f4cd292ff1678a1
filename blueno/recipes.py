"""What trials and datasets are made of, as flat leaves under the language's paths, and what differs between two.

The code behind a part is a leaf of its own (`code.model`), and so is the content of what a source reads.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .canonical import canonical, short
from .tables import cell, flat

Recipe = dict[str, Any]


class Change(NamedTuple):
    """A leaf that is not the same in two recipes; None on the side that lacks it."""

    path: str
    before: Any
    after: Any


def trial_leaves(recipe: Recipe, dataset: Recipe | None) -> dict[str, Any]:
    """The leaves of a trial's recipe, those of its dataset included."""
    named = {"model": recipe.get("model"), "train": recipe.get("train"), "augment": recipe.get("augment") or []}
    codes = {f"code.{part}": code for part, code in (recipe.get("code") or {}).items()}
    found = dataset_leaves(dataset or {}) | _contents(flat(named)) | codes
    found |= {"seed": recipe.get("seed"), "recipe": recipe.get("recipe")}
    return {path: value for path, value in found.items() if value is not None}


def config_leaves(recipe: Recipe, dataset: Recipe | None) -> dict[str, Any]:
    """The leaves that all replicates of a config have in common."""
    found = trial_leaves(recipe, dataset)
    return {path: value for path, value in found.items() if path not in ("seed", "fold")}


def dataset_leaves(recipe: Recipe) -> dict[str, Any]:
    """The leaves of a dataset's recipe."""
    source = recipe.get("source") or {}
    columns = recipe.get("columns") or {}
    named = {source.get("name", ""): source.get("params") or {}}
    found = _contents(flat({"data": {**columns, "source": named, "split": recipe.get("split")}}))
    fingerprint = source.get("fingerprint")
    found |= {
        "data.source": source.get("name"),
        "content.data.source": None if fingerprint in found.values() else fingerprint,  # that of its only file
        "code.data.source": source.get("code"),
        "fold": recipe.get("fold"),
    }
    found |= _step_leaves(recipe.get("steps") or [])
    return {path: value for path, value in found.items() if value is not None}


def _contents(found: dict[str, Any]) -> dict[str, Any]:
    """Leaves in which a file, `{file: SHA-256}` in a recipe, stands as the content of the parameter that names it."""
    return {
        f"content.{path.removesuffix('.file')}" if path.endswith(".file") and _is_digest(value) else path: value
        for path, value in found.items()
    }


def _step_leaves(steps: list[dict[str, Any]]) -> dict[str, Any]:
    """Steps under their names, their order, and the code behind each."""
    columns = [{} if step.get("columns") is None else {"columns": step["columns"]} for step in steps]
    written = [{step["name"]: {**step["params"], **own}} for step, own in zip(steps, columns, strict=True)]
    names = [step["name"].rpartition(":")[2] for step in steps]
    codes = {f"code.preprocess.{name}": step.get("code") for name, step in zip(names, steps, strict=True)}
    return {"preprocess": names or None} | flat({"preprocess": written}) | codes


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[Change]:
    """The leaves that are not the same in both."""
    paths = sorted(before.keys() | after.keys())
    pairs = [Change(path, before.get(path), after.get(path)) for path in paths]
    return [pair for pair in pairs if not _same(pair.before, pair.after)]


def _same(before: Any, after: Any) -> bool:
    """Whether two values hash alike: 1, 1.0 and true do not."""
    if isinstance(before, list | dict):
        return canonical(before) == canonical(after)
    return type(before) is type(after) and bool(before == after)


def change_words(change: Change) -> str:
    """A change for people."""
    kind, _, part = change.path.partition(".")
    if kind in ("code", "content") and change.before is not None and change.after is not None:
        return f"the {kind} of {part} changed ({leaf(change.before)} -> {leaf(change.after)})"
    return f"{change.path}: {leaf(change.before)} -> {leaf(change.after)}"


def leaf(value: Any) -> str:
    """A leaf's value for people; digests are shortened."""
    return short(value) if _is_digest(value) else cell(value)


def _is_digest(value: Any) -> bool:
    return isinstance(value, str) and len(value) == 64 and not set(value) - set("0123456789abcdef")
