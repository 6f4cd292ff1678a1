"""The mapping `data.split`: shares, folds, a cut in time, or a column of the data that says it."""

from __future__ import annotations

from typing import Any

from .language import COLUMN, COUNT, FOLDS, SHARES, TIME, Key
from .node import Node, found, is_broken
from .types import check
from .values import Context, filled, is_mapping
from .words import seconds_of

OTHER_SPLITS = ("folds", "repeats", "shuffle", "time", "column")  # the keys that make a split one of another kind


def resolve_split(node: Node, context: Context) -> dict[str, Any] | None:
    """A `split` in which nothing varies, defaults filled in; None where it is no mapping."""
    path = "data.split"
    if not is_mapping(node, path, context, "split: {test: 0.2, validation: 0.2}"):
        return None
    keys = _split_keys(node)
    values = filled(node, keys, path, context, OTHER_SPLITS if keys is SHARES else ())
    _check_shares(node, values, context)
    if keys is FOLDS:
        _check_folds(node, values, context)
    if keys is TIME:
        _check_time(node, values, context)
    absent = ("stop", "test") if keys is FOLDS else ("stop",)  # a share of nothing is none
    return {key: (value or None) if key in absent else value for key, value in values.items()}


def _split_keys(node: Node) -> dict[str, Key]:
    if "time" in node.value:
        return TIME
    if "column" in node.value:
        return COLUMN
    return FOLDS if node.value.keys() & {"folds", "repeats", "shuffle"} else SHARES


def _check_shares(node: Node, values: dict[str, Any], context: Context) -> None:
    shares = [values.get(key) or 0.0 for key in ("test", "validation")]
    if sum(shares) >= 1:
        mark = node.value["validation"].mark if "validation" in node.value else node.mark
        fix = "make test and validation together less than 1"
        context.problems.add(mark, "data.split", "nothing would be left to train on", fix)


def _check_folds(node: Node, values: dict[str, Any], context: Context) -> None:
    if values["shuffle"] is False and (values["repeats"] or 1) > 1:
        message = "repeats of folds that are not shuffled would all be the same"
        context.problems.add(
            node.value["repeats"].mark, "data.split.repeats", message, "remove repeats, or shuffle: false"
        )


def _check_time(node: Node, values: dict[str, Any], context: Context) -> None:
    """Folds have their validation part, and a gap is a whole number or {"seconds": s}."""
    if values["folds"] and values["validation"]:
        message = "a fold's held-out part is its validation part"
        context.problems.add(node.keys["validation"], "data.split.validation", message, "remove validation, or folds")
    if "gap" in node.value:
        values["gap"] = _gap(node.value["gap"], context)


def _gap(node: Node, context: Context) -> int | dict[str, float] | None:
    whole = check(node.value, COUNT)
    seconds = seconds_of(node.value) if isinstance(node.value, str) else None
    if whole.problems and seconds is None and not is_broken(node):
        message = f"expected a whole number, or a duration as 7d or 12h30m, {found(node)}"
        context.problems.add(node.mark, "data.split.gap", message, "write gap: 7d")
    return whole.value if seconds is None else {"seconds": seconds}
