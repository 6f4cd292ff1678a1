"""Samples from a function of the user's own."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import pandas as pd

from blueno.errors import DataError

from . import Loaded, Reference

VERSION = 1
NAMES = ("features", "target", "ids", "groups")


def load(function: Reference, **parameters: Any) -> Loaded:
    """What the user's function yields, given `parameters`; it counts by its code.

    It returns a data frame, (features, target), (features, target, ids), or a mapping with `features` and, as there
    are, `target`, `ids`, `groups`. Features are a data frame or an array (n, *shape).
    DataError when it returns something else.
    """
    found = function(**parameters)
    if isinstance(found, pd.DataFrame):
        return Loaded(found)
    if isinstance(found, tuple | list) and len(found) in (2, 3):
        return Loaded(*found)
    if isinstance(found, Mapping) and "features" in found:
        return _from_mapping(found)
    name = getattr(function, "__name__", "the function")
    raise DataError(
        f"{name} returned {_described(found)}",
        "return (features, target), (features, target, ids), a data frame, or a mapping with features and target",
    )


def _from_mapping(found: Mapping[str, Any]) -> Loaded:
    for name in found:
        if name not in NAMES:
            near = get_close_matches(str(name), NAMES, n=1)
            fix = f"call it {near[0]}" if near else f"choose among {', '.join(NAMES)}"
            raise DataError(f"the source's function returned {name!r}, which is not known", fix)
    return Loaded(**found)


def _described(found: Any) -> str:
    if isinstance(found, tuple | list):
        return f"{len(found)} values"
    return "a mapping without features" if isinstance(found, Mapping) else f"a {type(found).__name__}"
