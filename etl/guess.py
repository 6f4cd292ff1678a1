"""What a table is, guessed before anybody said: what each column is for, the task, and the positive class.

A guess is written into a spec with its reason, for somebody to correct; nothing is ever guessed while a sweep runs.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_float_dtype, is_integer_dtype

from blueno.errors import DataError

from .copies import exact_copies
from .guess_leaks import suspicion
from .labels import relabelled, same_but_for_case, without_blanks
from .numbers import odd_text, odd_words
from .sources import nearest
from .tables import kind, normalised
from .target import MOST_CLASSES, read_target

ID_WORDS = {"id", "ids", "uid", "uuid", "guid", "identifier", "key", "index", "unnamed"}
PERSON_WORDS = {
    "patient", "subject", "person", "participant", "individual", "animal", "mouse", "user", "customer", "client",
    "family", "household", "donor", "volunteer", "pat", "subj",
}  # fmt: skip
PLACE_WORDS = {
    "site", "center", "centre", "hospital", "clinic", "group", "cluster", "batch", "plate", "scanner", "device",
    "machine", "school", "session", "cohort",
}  # fmt: skip
POSITIVE_WORDS = {
    "1", "yes", "y", "true", "t", "pos", "positive", "+", "ill", "sick", "disease", "diseased", "dead", "died", "death",
    "case", "malignant", "abnormal", "event", "bad", "fail", "failed", "failure", "default", "fraud", "churn",
    "churned", "spam", "present", "cancer", "tumor", "tumour",
}  # fmt: skip
NEGATIVE_WORDS = {
    "0", "no", "n", "false", "f", "neg", "negative", "-", "-1", "healthy", "well", "alive", "survived", "control",
    "benign", "normal", "good", "ok", "none", "absent", "ham", "legit",
}  # fmt: skip
FEWEST_GROUPS = 5  # fewer cannot be split into a test, a validation and a training part that say anything
MANY_ROWS_OF_AN_ID = 20  # an id that repeats more often than this says what a thing is, not whose it is
FEW_VALUES = 10  # whole numbers with no more values than this may be codes, not amounts
FEWEST_FOR_STRATA = 5  # samples of the rarest class, for it to be spread over three parts
NUMBERS_ROWS = "it numbers the rows"  # why a column is the id: weak, since amounts may do so once copies are gone
MOST_COPIES = 0.5  # of all rows; where more are copies, they are no slip
HARDLY_CLASSES = 100  # text with more values than this, in a third of the rows or more, is no label


class Column(NamedTuple):
    """A column that is not the target. `role` is input, id, group, time or drop."""

    name: str
    kind: str  # numeric, categorical, text or date
    role: str
    gaps: int
    values: int  # different ones
    reason: str  # why it has its role; of an input, what may be worth knowing


class Goal(NamedTuple):
    """What is to be predicted."""

    name: str | None  # the column; None where it is not in a table
    task: str  # binary, multiclass or regression
    say_task: str | None  # what the spec must say for it to be that
    classes: list[tuple[Any, int]]  # of a classification: label, samples
    positive: Any
    reason: str  # why this class is the positive one
    missing: int  # rows without a target, which are left out
    labels: dict[str, str] = {}  # spellings of a label -> the one that they become

    @property
    def stratify(self) -> bool:
        """Whether classes can be spread evenly over the parts."""
        return bool(self.classes) and min(count for _, count in self.classes) >= FEWEST_FOR_STRATA


class Guess(NamedTuple):
    """What data is; JSON-able."""

    source: str
    params: dict[str, Any]  # of the source, but for its path
    samples: int
    goal: Goal
    columns: list[Column]  # of a table, in its order
    shape: list[int] | None  # of pictures, as they are read
    remarks: list[str] = []  # what somebody should know before anything trains


def guess_table(table: pd.DataFrame, target: str | None) -> tuple[Goal, list[Column]]:
    """What the target is, and what the other columns are for. DataError when `target` is no column, or None.

    Rows that are exact copies of others are left out where an id tells the others apart, as a sweep does.
    """
    names = [str(name) for name in table.columns]
    if target is None or target not in names:
        said = "it is not said which column is to be predicted" if target is None else f"no column is named {target!r}"
        fix = "add --target COLUMN" if target is None else nearest(target, names)
        raise DataError(f"{said}; the columns are {', '.join(names)}", fix)
    copies = exact_copies(table)
    if copies.any() and copies.mean() < MOST_COPIES:
        goal, columns = _guessed(table[~copies].reset_index(drop=True), names.index(target))
        if any(each.role == "id" and each.reason != NUMBERS_ROWS for each in columns):
            return goal, columns
    return _guessed(table, names.index(target))


def _guessed(table: pd.DataFrame, place: int) -> tuple[Goal, list[Column]]:
    """Of a table whose column at `place` is the target."""
    goal = _goal(table.iloc[:, [place]])
    rest = table.drop(columns=table.columns[place])
    plain = normalised(rest)
    found = [_column(rest.iloc[:, i], plain[name], name) for i, name in enumerate(plain.columns)]
    return goal, _suspected(_one_of_each(found), plain, _labels(table.iloc[:, [place]], goal), goal)


def _suspected(columns: list[Column], plain: pd.DataFrame, labels: pd.Series, goal: Goal) -> list[Column]:
    """The columns, with a word on each input that separates two classes alone."""
    if goal.task != "binary":
        return columns
    known = labels.notna().to_numpy(dtype=bool)
    is_positive = (labels[known] == goal.positive).to_numpy(dtype=bool)
    said = {each.name: suspicion(plain[each.name][known], is_positive) for each in columns if each.role == "input"}
    return [each._replace(reason="; ".join(filter(None, [each.reason, said.get(each.name)]))) for each in columns]


# ---- the target


def _goal(raw: pd.DataFrame) -> Goal:
    raw, _ = without_blanks(raw)
    labels = same_but_for_case(raw.iloc[:, 0])
    known = relabelled(raw, labels).dropna().infer_objects()
    column, missing = known.iloc[:, 0], len(raw) - len(known)
    if known.empty:
        raise DataError(f"the column {raw.columns[0]} is empty", "choose another --target")
    task = _task_to_say(column)
    found = read_target(known, task, None)
    if found.classes is None:
        return Goal(str(raw.columns[0]), found.task, task, [], None, "", missing, labels)
    counts = np.bincount(found.values, minlength=len(found.classes)).tolist()
    classes = list(zip(found.classes, counts, strict=True))
    positive, reason = guess_positive(classes) if found.task == "binary" else (None, "")
    return Goal(str(raw.columns[0]), found.task, task, classes, positive, reason, missing, labels)


def _labels(raw: pd.DataFrame, goal: Goal) -> pd.Series:
    return relabelled(without_blanks(raw)[0], goal.labels).iloc[:, 0]


def _task_to_say(column: pd.Series) -> str | None:
    """The task where the language would choose another one, or none."""
    distinct = column.nunique()
    if is_bool_dtype(column):
        return None
    if is_integer_dtype(column):
        return "regression" if distinct > MOST_CLASSES else None
    if is_float_dtype(column):
        return "classification" if distinct <= FEW_VALUES and (column % 1 == 0).all() else None
    if distinct > HARDLY_CLASSES and distinct > len(column) / 3:
        raise DataError(
            f"the column {column.name} has {distinct} different texts in {len(column)} rows, which are no classes",
            "choose another --target",
        )
    return None


def guess_positive(classes: Sequence[tuple[Any, int]]) -> tuple[Any, str]:
    """Which of two classes is the positive one, and why."""
    (first, fewer), (second, more) = sorted(classes, key=lambda each: each[1])
    for label, other in ((first, second), (second, first)):
        if _said(label) in POSITIVE_WORDS and _said(other) not in POSITIVE_WORDS:
            return label, "that is what it is usually called"
    for label, other in ((first, second), (second, first)):
        if _said(other) in NEGATIVE_WORDS and _said(label) not in NEGATIVE_WORDS:
            return label, f"{other} usually is the negative one"
    if fewer < more:
        return first, "it is the rarer one"
    return max((first, second), key=str), "it is the last of the two"


def _said(label: Any) -> str:
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label).strip().lower()


# ---- the other columns


def _column(raw: pd.Series, plain: pd.Series, name: str) -> Column:
    gaps, distinct = int(raw.isna().sum()), int(plain.nunique())
    role, reason = _role(raw, name, distinct, kind(plain))
    odd = odd_words(plain) if role == "input" else {}
    return Column(name, kind(plain), role, gaps, distinct, odd_text(odd) if odd else reason)


def _role(raw: pd.Series, name: str, distinct: int, kind: str) -> tuple[str, str]:
    words, rows = set(_words(name)), len(raw)
    if distinct <= 1:
        return "drop", "it is empty" if distinct == 0 else "it is the same in all rows"
    if kind == "date":
        return "time", "dates"
    is_whole = kind != "numeric" or is_integer_dtype(raw)
    if distinct == rows and is_whole and (words & (ID_WORDS | PERSON_WORDS) or _counts_up(raw)):
        return "id", "all different, and called like one" if words & (ID_WORDS | PERSON_WORDS) else NUMBERS_ROWS
    if distinct == rows and kind == "categorical":
        return "id", "all different texts"
    if distinct < rows and is_whole and kind != "text":
        return _repeating(raw, words, distinct)
    return _input(raw, distinct)


def _repeating(raw: pd.Series, words: set[str], distinct: int) -> tuple[str, str]:
    """The role of a column of names, codes or whole numbers in which values occur more than once."""
    rows = len(raw)
    if words & PERSON_WORDS and distinct >= FEWEST_GROUPS and words & ID_WORDS | _short(words):
        return "group", f"{distinct} of them in {rows} rows: one's rows must not be both learned from and tested on"
    if words & PLACE_WORDS and distinct >= FEWEST_GROUPS:
        return "group", f"{distinct} of them: a split that keeps each whole asks how well others are predicted"
    if words & ID_WORDS and distinct >= FEWEST_GROUPS:
        if rows < distinct * MANY_ROWS_OF_AN_ID:
            return "group", f"an id that repeats, {distinct} in {rows} rows: its rows may belong together"
        return "drop", "an id that repeats; if its rows belong together, make it the group"
    return _input(raw, distinct)


def _input(raw: pd.Series, distinct: int) -> tuple[str, str]:
    few = is_integer_dtype(raw) and 2 < distinct <= FEW_VALUES
    return "input", f"{distinct} whole numbers: codes, not amounts? then name it in one_hot's columns" if few else ""


def _short(words: set[str]) -> set[str]:
    """The words, if the name says nothing beside who it is: `patient`, not `patient_age`."""
    return words if len(words) == 1 else set()


def _words(name: str) -> list[str]:
    """`PatientID`, `patient_id` and `Patient ID` alike."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def _counts_up(raw: pd.Series) -> bool:
    return bool(is_integer_dtype(raw) and not raw.isna().any() and (raw.diff().iloc[1:] == 1).all())


def _one_of_each(columns: list[Column]) -> list[Column]:
    """The first id, group and time keep their role; of more, ids and dates are left out and groups stay inputs."""
    persons = [each for each in columns if each.role == "group" and set(_words(each.name)) & PERSON_WORDS]
    chosen = {"group": persons[0].name if persons else None}
    found = []
    for each in columns:
        if each.role in ("id", "group", "time"):
            first = chosen.get(each.role) or each.name
            chosen[each.role] = first
            if each.name != first:
                each = _second(each, first)
        found.append(each)
    return found


def _second(column: Column, first: str) -> Column:
    if column.role == "group":
        return column._replace(role="input", reason=f"could be the group instead of {first}")
    what = "another id" if column.role == "id" else "dates; make numbers of them to use them"
    return column._replace(role="drop", reason=what)
