"""From what a source yields to samples: which columns are inputs, which is the target, and who is who.

Target, id, group and time are never inputs. Rows without a target are dropped and counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from blueno.errors import DataError

from .samples import Samples
from .sources import Loaded
from .tables import chosen, normalised
from .target import read_target

SHOWN = 5  # examples in a message


class Roles(NamedTuple):
    """The columns of a source by what they are for, over all its rows."""

    features: np.ndarray | pd.DataFrame
    target: pd.DataFrame
    ids: pd.Series
    groups: pd.Series | None


def select(loaded: Loaded, columns: dict[str, Any]) -> Samples:
    """The samples that a dataset recipe's `columns` make of what a source yields."""
    if columns.get("target_scale") is not None:
        raise DataError("data.target_scale is not there yet", "leave it out")
    is_table = isinstance(loaded.features, pd.DataFrame)
    roles = _of_table(loaded, columns) if is_table else _of_array(loaded, columns)
    _check_lengths(roles)
    kept = roles.target.notna().all(axis=1).to_numpy()
    if not kept.any():
        raise DataError("no row has a target", "choose another data.target")
    target = read_target(roles.target[kept].infer_objects(), columns.get("task"), columns.get("positive"))
    return Samples(
        features=_rows(roles.features, kept),
        target=target.values,
        ids=_ids(roles.ids[kept]),
        groups=None if roles.groups is None else _group_codes(roles.groups[kept]),
        classes=target.classes,
        task=target.task,
        positive=target.positive,
        dropped={} if kept.all() else {"the target is missing": int((~kept).sum())},
        guessed=target.guessed,
    )


def _rows(features: np.ndarray | pd.DataFrame, kept: np.ndarray) -> np.ndarray | pd.DataFrame:
    if kept.all():
        return features
    return features[kept].reset_index(drop=True) if isinstance(features, pd.DataFrame) else features[kept]


def _of_table(loaded: Loaded, columns: dict[str, Any]) -> Roles:
    table = loaded.features.reset_index(drop=True)
    named = {role: _names(table, columns.get(role)) for role in ("target", "id", "group", "time")}
    target = table[named["target"]] if named["target"] else _given(loaded.target)
    if target is None:
        shown = ", ".join(str(name) for name in table.columns[:20])
        raise DataError("the spec does not say which column is the target", f"say data.target: one of {shown}")
    taken = {name for names in named.values() for name in names}
    inputs = normalised(table.drop(columns=list(taken)))
    names = _inputs(inputs, columns)
    if not names:
        raise DataError("no column is left as an input", "say other data.features, or drop less")
    return Roles(
        features=inputs[names],
        target=target,
        ids=_column(table, named["id"], loaded.ids, range(len(table))),
        groups=_column(table, named["group"], loaded.groups, None),
    )


def _names(table: pd.DataFrame, wanted: str | Sequence[str] | None) -> list[str]:
    return [] if wanted is None else chosen(table, wanted, kinds=())


def _inputs(table: pd.DataFrame, columns: dict[str, Any]) -> list[str]:
    if columns.get("features") is not None:
        return _names(table, columns["features"])
    dropped = set(_names(table, columns.get("drop")))
    return [name for name in table.columns if name not in dropped]


def _of_array(loaded: Loaded, columns: dict[str, Any]) -> Roles:
    features = _dense(loaded.features)
    for role, own in {
        "features": None,
        "drop": None,
        "time": None,
        "target": "target",
        "id": "ids",
        "group": "groups",
    }.items():
        if columns.get(role) not in (None, own):
            raise DataError(
                f"this source yields arrays, and they have no column {columns[role]!r}",
                f"leave out data.{role}, or let the source yield a data frame",
            )
    target = _given(loaded.target)
    if target is None:
        raise DataError("the source yields no target", "let it yield features and target")
    groups = None if loaded.groups is None else pd.Series(np.asarray(loaded.groups))
    if groups is None and columns.get("group") is not None:
        raise DataError("the source yields no groups", "let it yield them under `groups`")
    ids = pd.Series(np.asarray(loaded.ids) if loaded.ids is not None else range(len(features)))
    return Roles(features, target, ids, groups)


def _dense(features: Any) -> np.ndarray:
    """An array (n, *shape); n numbers alone are n samples of one feature."""
    array = features.toarray() if hasattr(features, "toarray") else np.asarray(features)
    if array.ndim == 0:
        raise DataError(f"the features are one {type(features).__name__}, not samples", "let the source yield an array")
    return array[:, None] if array.ndim == 1 else array


def _given(target: Any) -> pd.DataFrame | None:
    if target is None:
        return None
    values = target if isinstance(target, pd.DataFrame | pd.Series) else np.asarray(target)
    if values.ndim not in (1, 2):
        raise DataError(f"a target of {values.ndim} dimensions is not there yet", "yield one row for each sample")
    return pd.DataFrame(values).reset_index(drop=True).infer_objects()


def _column(table: pd.DataFrame, names: list[str], given: Any, otherwise: Any) -> Any:
    if len(names) > 1:
        raise DataError(f"the columns {', '.join(names)} cannot all be the id, or the group", "name one of them")
    if names:
        return table[names[0]]
    values = otherwise if given is None else np.asarray(given)
    return None if values is None else pd.Series(values)


def _check_lengths(roles: Roles) -> None:
    lengths = {name: len(values) for name, values in roles._asdict().items() if values is not None}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{number} {name}" for name, number in lengths.items())
        raise DataError(f"the source yields {shown}", "let it yield one of each for every sample")


def _ids(column: pd.Series) -> np.ndarray:
    if column.isna().any():
        raise DataError(f"{int(column.isna().sum())} samples have no id", "name another column as data.id, or none")
    ids = np.array([str(value) for value in column], dtype=np.str_)
    twice = sorted(set(column[column.duplicated()].map(str)))
    if twice:
        shown = ", ".join(twice[:SHOWN]) + (", ..." if len(twice) > SHOWN else "")
        raise DataError(
            f"{len(twice)} ids occur more than once: {shown}",
            "remove the copies; if several samples belong together, name the column data.group instead",
        )
    return ids


def _group_codes(column: pd.Series) -> np.ndarray:
    if column.isna().any():
        raise DataError(f"{int(column.isna().sum())} samples have no group", "fill in data.group's column")
    return np.unique(column.to_numpy(dtype=np.str_), return_inverse=True)[1].astype("int64")
