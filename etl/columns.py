"""From what a source yields to samples: which columns are inputs, which is the target, and who is who.

Target, id, group, time and the column that marks parts are never inputs. Rows that cannot be used are dropped and
counted: copies, those without a target, and those that a split by time or by a column says nothing of.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from blueno.errors import DataError

from .copies import exact_copies, remark_on_copies
from .labels import relabelled, without_blanks
from .numbers import remarks_on_numbers
from .samples import Samples
from .sources import Loaded
from .tables import chosen, kinds_of, normalised, with_names
from .target import read_target
from .times import read_times

SHOWN = 5  # examples in a message
ROLES = {  # what is never an input, as a spec calls it
    "target": "data.target", "id": "data.id", "group": "data.group", "time": "data.time", "marks": "data.split.column",
}  # fmt: skip
OF_ARRAYS = {"target": "target", "id": "ids", "group": "groups"}  # what a source of arrays calls its own


class Roles(NamedTuple):
    """The columns of a source by what they are for, over all its rows."""

    features: np.ndarray | pd.DataFrame
    target: pd.DataFrame
    ids: pd.Series
    groups: pd.Series | None
    times: pd.Series | None = None
    marks: pd.Series | None = None


def select(loaded: Loaded, columns: dict[str, Any]) -> Samples:
    """The samples that a dataset recipe's `columns` make of what a source yields.

    Beside those of a spec, `columns` may have `marks`, which marks parts, and `cut`, the time that a split cuts at.
    """
    is_table = isinstance(loaded.features, pd.DataFrame)
    roles = _of_table(loaded, columns) if is_table else _of_array(loaded, columns)
    _check_lengths(roles)
    cleaned, remarks = without_blanks(roles.target)
    roles, dropped = _usable(roles._replace(target=relabelled(cleaned, columns.get("labels"))), columns)
    target = read_target(roles.target.infer_objects(), columns.get("task"), columns.get("positive"))
    return Samples(
        features=roles.features,
        target=target.values,
        ids=_ids(roles.ids),
        groups=None if roles.groups is None else _group_codes(roles.groups),
        classes=target.classes,
        task=target.task,
        positive=target.positive,
        dropped=dropped,
        guessed=target.guessed,
        times=None if roles.times is None else read_times(roles.times),
        marks=None if roles.marks is None else _marks(roles.marks),
        inputs=kinds_of(roles.features) if isinstance(roles.features, pd.DataFrame) else None,
        remarks=[*remarks, *target.remarks, *_remarks(loaded, roles, columns)],
    )


def _remarks(loaded: Loaded, roles: Roles, columns: dict[str, Any]) -> list[str]:
    """What somebody should know of a table's rows and columns. Copies that an id tells apart from others are gone."""
    if not isinstance(roles.features, pd.DataFrame):
        return []
    may_straddle = columns.get("id") is None and loaded.ids is None and roles.groups is None
    copies = int(exact_copies(loaded.features).sum()) if may_straddle else 0
    said = [remark_on_copies(copies, len(loaded.features))] if copies else []
    return said + remarks_on_numbers(roles.features)


def _usable(roles: Roles, columns: dict[str, Any]) -> tuple[Roles, dict[str, int]]:
    """The rows that can be used, and how many were dropped by reason, each counted once."""
    kept, dropped = np.ones(len(roles.ids), dtype=bool), {}
    for reason, wrong in _faults(roles, columns):
        if count := int((kept & wrong).sum()):
            dropped[reason] = count
        kept &= ~wrong
        if not kept.any():
            raise DataError(f"no row is left: {reason}", "look at data.target and data.split")
    return roles if kept.all() else Roles(*(_rows(values, kept) for values in roles)), dropped


def _faults(roles: Roles, columns: dict[str, Any]) -> list[tuple[str, np.ndarray]]:
    """Why rows cannot be used, and which they are."""
    faults = [
        ("they are copies of another row, id and all", _copies(roles)),
        ("the target is missing", roles.target.isna().any(axis=1).to_numpy()),
    ]
    for what, name, column in (("part", "marks", roles.marks), ("time", "cut", roles.times)):
        if columns.get(name) is not None and column is not None:
            is_empty = column.isna() | (column.map(str).str.strip() == "")
            faults.append((f"the column {columns[name]} does not say their {what}", is_empty.to_numpy(dtype=bool)))
    return faults


def _rows(values: Any, kept: np.ndarray) -> Any:
    if values is None:
        return None
    chosen_rows = values[kept]
    return chosen_rows.reset_index(drop=True) if hasattr(chosen_rows, "reset_index") else chosen_rows


def _copies(roles: Roles) -> np.ndarray:
    """Which rows have the id of an earlier one and are the same in everything else, too. Arrays are not looked at."""
    copies = np.zeros(len(roles.ids), dtype=bool)
    twice = roles.ids.duplicated(keep=False).to_numpy()
    if isinstance(roles.features, pd.DataFrame) and twice.any():
        columns: list[Any] = [values for values in roles if values is not None]
        copies[twice] = pd.concat(columns, axis=1)[twice].astype(str).duplicated().to_numpy()
    return copies


def _of_table(loaded: Loaded, columns: dict[str, Any]) -> Roles:
    table = with_names(loaded.features.reset_index(drop=True))
    named = {role: _in_order(table, columns.get(role)) for role in ROLES}
    target = table[named["target"]] if named["target"] else _given(loaded.target)
    if target is None:
        shown = ", ".join(table.columns[:20])
        raise DataError("the spec does not say which column is the target", f"say data.target: one of {shown}")
    taken = {name: role for role, names in named.items() for name in names}
    inputs = normalised(table.drop(columns=list(taken)))
    names = _inputs(inputs, columns, taken)
    if not names:
        raise DataError("no column is left as an input", "say other data.features, or drop less")
    return Roles(
        features=inputs[names],
        target=target,
        ids=_column(table, named["id"], loaded.ids, range(len(table))),
        groups=_column(table, named["group"], loaded.groups, None),
        times=_column(table, named["time"], None, None),
        marks=_column(table, named["marks"], None, None),
    )


def _names(table: pd.DataFrame, wanted: str | Sequence[str] | None) -> list[str]:
    return chosen(table, _words(wanted), kinds=())


def _in_order(table: pd.DataFrame, wanted: str | Sequence[str] | None) -> list[str]:
    """The columns in the order that they are named in; those of one glob in the table's."""
    return list(dict.fromkeys(name for word in _words(wanted) for name in _names(table, word)))


def _words(wanted: str | Sequence[str] | None) -> Sequence[str]:
    return [wanted] if isinstance(wanted, str) else wanted or []


def _inputs(table: pd.DataFrame, columns: dict[str, Any], taken: dict[str, str]) -> list[str]:
    """The input columns. What is taken for a role is no input, so it need not be dropped and cannot be a feature."""
    if columns.get("features") is not None:
        for name in _words(columns["features"]):
            if name in taken:
                raise DataError(f"{name} is {ROLES[taken[name]]}, and never an input", "leave it out of data.features")
        return _names(table, columns["features"])
    dropped = set(_names(table, [word for word in _words(columns.get("drop")) if word not in taken]))
    return [name for name in table.columns if name not in dropped]


def _of_array(loaded: Loaded, columns: dict[str, Any]) -> Roles:
    features = _dense(loaded.features)
    for role in ("features", "drop"):
        if columns.get(role) is not None:
            raise _no_column(columns[role], role)
    beside: Any = None if loaded.table is None else with_names(loaded.table.reset_index(drop=True))
    named = {role: _named_beside(beside, columns.get(role), role) for role in ROLES}
    target = beside[named["target"]] if named["target"] else _given(loaded.target)
    if target is None:
        raise DataError("the source yields no target", "let it yield features and target")
    groups = _column(beside, named["group"], loaded.groups, None)
    if groups is None and columns.get("group") is not None:
        raise DataError("the source yields no groups", "let it yield them under `groups`")
    return Roles(
        features=features,
        target=target,
        ids=_column(beside, named["id"], loaded.ids, range(len(features))),
        groups=groups,
        times=_column(beside, named["time"], None, None),
        marks=_column(beside, named["marks"], None, None),
    )


def _named_beside(table: pd.DataFrame | None, wanted: str | Sequence[str] | None, role: str) -> list[str]:
    """The columns for a role in the table beside an array; none where the array's own are meant."""
    if wanted in (None, OF_ARRAYS.get(role)):
        return []
    if table is None:
        raise _no_column(wanted, role)
    return _in_order(table, wanted)


def _no_column(wanted: Any, role: str) -> DataError:
    message = f"this source yields arrays, and they have no column {wanted!r}"
    return DataError(message, f"leave out {ROLES.get(role, f'data.{role}')}, or let the source yield a data frame")


def _dense(features: Any) -> np.ndarray:
    """An array (n, *shape); n numbers alone are n samples of one feature."""
    array = features.toarray() if hasattr(features, "toarray") else _native(features)
    if array.ndim == 0:
        raise DataError(f"the features are one {type(features).__name__}, not samples", "let the source yield an array")
    return array[:, None] if array.ndim == 1 else array


def _native(values: Any) -> np.ndarray:
    """An array in this machine's order of bytes, which pandas needs. DataError for lists of different lengths."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise DataError(f"what the source yields is no array: {error}", "let all samples have one shape") from None
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _given(target: Any) -> pd.DataFrame | None:
    if target is None:
        return None
    values = target if isinstance(target, pd.DataFrame | pd.Series) else _native(target)
    if values.ndim not in (1, 2):
        raise DataError(f"a target of {values.ndim} dimensions is not there yet", "yield one row for each sample")
    return pd.DataFrame(values).reset_index(drop=True).infer_objects()


def _column(table: Any, names: list[str], given: Any, otherwise: Any) -> Any:
    if len(names) > 1:
        raise DataError(f"the columns {', '.join(names)} cannot all be the id, or the group", "name one of them")
    if names:
        return table[names[0]]
    values = otherwise if given is None else _native(given)
    return None if values is None else pd.Series(values)


def _check_lengths(roles: Roles) -> None:
    lengths = {name: len(values) for name, values in roles._asdict().items() if values is not None}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{number} {name}" for name, number in lengths.items())
        raise DataError(f"the source yields {shown}", "let it yield one of each for every sample")
    if not len(roles.ids):
        raise DataError("the source yields no samples", "look at data.source")


def _ids(column: pd.Series) -> np.ndarray:
    if column.isna().any():
        raise DataError(f"{int(column.isna().sum())} samples have no id", "name another column as data.id, or none")
    texts = column.map(str)
    twice = sorted(set(texts[texts.duplicated()]))
    if twice:
        shown = ", ".join(twice[:SHOWN]) + (", ..." if len(twice) > SHOWN else "")
        raise DataError(
            f"{len(twice)} ids occur more than once: {shown}",
            "remove the copies; if several samples belong together, name the column data.group instead",
        )
    return texts.to_numpy(dtype=np.str_)


def _marks(column: pd.Series) -> np.ndarray:
    """Marks as text; whole numbers that gaps made floating-point are whole again."""
    values = [int(value) if isinstance(value, float) and value.is_integer() else value for value in column]
    return np.array([str(value) for value in values], dtype=np.str_)


def _group_codes(column: pd.Series) -> np.ndarray:
    if column.isna().any():
        raise DataError(f"{int(column.isna().sum())} samples have no group", "fill in data.group's column")
    sortable = column if is_numeric_dtype(column) else column.map(str)  # 10 after 2, as scikit-learn orders groups
    return pd.factorize(sortable, sort=True)[0].astype("int64")
