"""Labels as people write them: blanks around them are removed and counted, spellings that differ only in case are told
and become one where the spec says so, and words for yes and no become 1 and 0.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from blueno.errors import DataError

YES = {"1", "1.0", "true", "yes", "t", "y"}
NO = {"0", "0.0", "false", "no", "f", "n"}
SHOWN = 5  # examples in a remark


def without_blanks(target: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The target without blanks around labels that are text (what is nothing but blanks is missing), and remarks."""
    columns, changed = {}, 0
    for name in target.columns:
        column = target[name]
        if not is_numeric_dtype(column):
            stripped = column.map(lambda value: value.strip() if isinstance(value, str) else value)
            is_empty = stripped == ""
            changed += int((stripped.notna() & (stripped != column) & ~is_empty).sum())
            column = stripped.where(~is_empty, None)
        columns[name] = column
    remarks = [f"blanks around {changed} labels were removed"] if changed else []
    return pd.DataFrame(columns, index=target.index), remarks


def relabelled(target: pd.DataFrame, labels: Mapping[str, Any] | None) -> pd.DataFrame:
    """The target with each label that `labels` names replaced by what stands there; keys are labels as text.

    DataError when a key is no label of the target.
    """
    if not labels:
        return target
    there = {_key(value) for name in target.columns for value in target[name].dropna().unique()}
    unknown = [key for key in labels if key not in there]
    if unknown:
        near = get_close_matches(unknown[0], there, n=1)
        fix = f"write {near[0]}" if near else f"the labels are {', '.join(sorted(there)[:SHOWN])}"
        raise DataError(f"data.labels: the target has no label {unknown[0]!r}", fix)
    columns = {name: [value if gap else labels.get(_key(value), value) for value, gap in _with_gaps(target[name])]
               for name in target.columns}  # fmt: skip
    return pd.DataFrame(columns, index=target.index, dtype=object)


def _with_gaps(column: pd.Series) -> Iterable[tuple[Any, bool]]:
    return zip(column, column.isna(), strict=True)


def _key(label: Any) -> str:
    """A label as the key of a mapping."""
    return str(label).lower() if isinstance(label, bool | np.bool_) else str(label)


def same_but_for_case(labels: Iterable[Any]) -> dict[str, str]:
    """Each label that is text -> the most frequent of those that differ from it only in case, if that is another."""
    counts = Counter(label for label in labels if isinstance(label, str))
    alike: dict[str, list[str]] = {}
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        alike.setdefault(label.casefold(), []).append(label)
    return {label: first for first, *others in alike.values() for label in others}


def remarks_on_classes(labels: Sequence[Any]) -> list[str]:
    """What somebody should know about the labels of a classification: spellings, and classes with a single sample."""
    counts = Counter(labels)
    remarks = []
    same = same_but_for_case(labels)
    for first in dict.fromkeys(same.values()):
        others = sorted(label for label in same if same[label] == first)
        shown = ", ".join(f"{label!r} ({counts[label]})" for label in sorted([first, *others]))
        fix = json.dumps(dict.fromkeys(others, first), ensure_ascii=False)
        remarks.append(f"the labels {shown} differ only in case, and count as different classes; data.labels: {fix} "
                       "makes them one")  # fmt: skip
    single = [str(label) for label, count in counts.items() if count == 1]
    if single:
        shown = ", ".join(single[:SHOWN]) + (", ..." if len(single) > SHOWN else "")
        remarks.append(f"{_number(len(single))} a single sample: {shown}")
    return remarks


def _number(count: int) -> str:
    return "one class has" if count == 1 else f"{count} classes have"


def are_truths(target: pd.DataFrame) -> bool:
    """Whether every column holds nothing but words for yes and no (0 and 1, true and false, yes and no)."""
    return all(_words(target[name]) <= YES | NO for name in target.columns)


def truths(target: pd.DataFrame) -> np.ndarray:
    """Several labels at once, (n, k) int64 of 0 and 1. DataError names the first value that is neither yes nor no."""
    return np.stack([_truths(target[name]) for name in target.columns], axis=1)


def remarks_on_truths(values: np.ndarray, names: Sequence[Any]) -> list[str]:
    """Which labels are the same for all samples: nothing can be learned of them, and some metrics are undefined."""
    constant = [
        f"{name} (always {values[0, i]})" for i, name in enumerate(names) if (values[:, i] == values[0, i]).all()
    ]
    return [f"labels that are the same for all samples: {', '.join(constant)}"] if constant else []


def _words(column: pd.Series) -> set[str]:
    return {_word(value) for value in column.unique()}


def _word(value: Any) -> str:
    return str(value).strip().lower()


def _truths(column: pd.Series) -> np.ndarray:
    if is_bool_dtype(column):
        return column.to_numpy(dtype="int64")
    wrong = [value for value in column.unique().tolist() if _word(value) not in YES | NO]
    if wrong:
        message = f"the label {column.name} has {wrong[0]!r}, and each of several labels at once is yes or no"
        raise DataError(message, "write 0 and 1, true and false, or yes and no; or choose one column as the target")
    return column.map(lambda value: _word(value) in YES).to_numpy(dtype="int64")
