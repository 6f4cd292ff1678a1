"""Columns of a table of one's own: patients with gaps, text categories, prose, and several rows a patient."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from blueno.errors import DataError
from blueno.etl.columns import select
from blueno.etl.samples import Samples
from blueno.etl.sources import Loaded
from blueno.etl.tables import chosen, kind, normalised
from blueno.etl.target import read_target, target_scale
from blueno.etl.times import read_times

NOBODY: dict[str, Any] = dict.fromkeys(
    ("target", "features", "drop", "id", "group", "time", "task", "positive", "target_scale")
)


def patients() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "scan": ["s1", "s2", "s3", "s4", "s5", "s6"],
            "patient": ["anna", "anna", "bob", "bob", "carl", "dora"],
            "when": pd.to_datetime(["2020-01-01"] * 6),
            "age": [41.0, 41.0, np.nan, 60.0, 33.0, 29.0],
            "visits": [1, 2, 1, 2, 1, 1],
            "site": ["Bern", "Bern", None, "Graz", "Graz", "Bern"],
            "note": ["no signs of anything at all"] * 6,
            "smoker": [True, False, True, True, False, True],
            "outcome": ["ill", "well", "ill", None, "well", "well"],
        }
    )


def selected(table: pd.DataFrame, **columns: Any) -> Samples:
    return select(Loaded(table), NOBODY | {"target": "outcome"} | columns)


def features(samples: Samples) -> list[str]:
    assert isinstance(samples.features, pd.DataFrame)
    return list(samples.features.columns)


def test_target_id_group_and_time_are_never_inputs() -> None:
    samples = selected(patients(), id="scan", group="patient", time="when")
    assert features(samples) == ["age", "visits", "site", "note", "smoker"]
    assert samples.ids.tolist() == ["s1", "s2", "s3", "s5", "s6"]
    assert samples.groups is not None
    assert samples.groups.tolist() == [0, 0, 1, 2, 3]


def test_rows_without_a_target_are_dropped_and_counted() -> None:
    samples = selected(patients())
    assert samples.dropped == {"the target is missing": 1}
    assert samples.ids.tolist() == ["0", "1", "2", "4", "5"]
    assert isinstance(samples.features, pd.DataFrame)
    assert samples.features["visits"].tolist() == [1, 2, 1, 1, 1]
    assert samples.features.index.tolist() == [0, 1, 2, 3, 4]


def test_features_and_drop_take_names_and_globs() -> None:
    assert features(selected(patients(), features=["s*", "age"])) == ["scan", "age", "site", "smoker"]
    assert features(selected(patients(), drop=["s*", "when", "patient"])) == ["age", "visits", "note"]
    assert features(selected(patients(), features="age")) == ["age"]


@pytest.mark.parametrize(
    ("columns", "message", "fix"),
    [
        ({"target": "outcom"}, "no column is named 'outcom'", "write outcome"),
        ({"features": ["age", "vists"]}, "no column is named 'vists'", "write visits"),
        ({"features": "numeric"}, "no column is named 'numeric'", "choose among scan"),
        ({"drop": ["zzz*"]}, "no column is named 'zzz*'", "choose among scan, patient"),
        ({"target": None}, "which column is the target", "one of scan, patient"),
        ({"drop": ["*"]}, "no column is left as an input", "drop less"),
        ({"id": ["scan", "site"]}, "scan, site cannot all be the id", "name one"),
        ({"id": "patient"}, "1 ids occur more than once: anna", "data.group"),
        ({"id": "site"}, "1 samples have no id", "data.id"),
        ({"group": "site"}, "1 samples have no group", "data.group"),
        ({"features": ["age", "outcome"]}, "outcome is data.target", "leave it out of data.features"),
    ],
)
def test_columns_that_do_not_fit(columns: dict[str, Any], message: str, fix: str) -> None:
    with pytest.raises(DataError) as caught:
        selected(patients(), **columns)
    assert message in caught.value.message
    assert fix in caught.value.fix


def test_a_table_without_any_target_is_an_error() -> None:
    with pytest.raises(DataError, match="no row is left: the target is missing"):
        selected(patients().assign(outcome=None))


def test_two_columns_of_one_name_are_an_error() -> None:
    with pytest.raises(DataError, match="several columns are named 'age'"):
        selected(patients().rename(columns={"visits": "age"}))


def test_normalised_columns_are_numbers_or_text() -> None:
    table = normalised(patients().assign(mixed=["a", 1, 2.5, None, True, "b"]))
    assert [str(dtype) for dtype in table.dtypes] == ["object"] * 3 + ["float64", "int64"] + ["object"] * 2 + [
        "int64",
        "object",
        "object",
    ]
    assert table["mixed"].tolist()[:3] == ["a", "1", "2.5"]
    assert np.isnan(table["mixed"][3])
    assert [kind(table[name]) for name in ("age", "site", "note")] == ["numeric", "categorical", "text"]


def test_chosen_keeps_the_order_of_the_table() -> None:
    table = normalised(patients())
    assert chosen(table, ["smoker", "age"]) == ["age", "smoker"]
    assert chosen(table, "text") == ["note"]


# ---- arrays


def test_arrays_bring_ids_and_groups_themselves() -> None:
    loaded = Loaded(np.zeros((4, 2, 2)), [0, 1, 0, 1], ["a", "b", "c", "d"], ["x", "x", "y", "y"])
    samples = select(loaded, NOBODY)
    assert samples.ids.tolist() == ["a", "b", "c", "d"]
    assert samples.groups is not None
    assert samples.groups.tolist() == [0, 0, 1, 1]
    assert select(loaded, NOBODY | {"group": "groups"}).groups is not None


@pytest.mark.parametrize(
    ("loaded", "columns", "message"),
    [
        (Loaded(np.zeros((4, 2)), [0, 1, 0, 1]), {"group": "site"}, "they have no column 'site'"),
        (Loaded(np.zeros((4, 2)), [0, 1, 0, 1]), {"group": "groups"}, "yields no groups"),
        (Loaded(np.zeros((4, 2)), [0, 1, 0, 1]), {"features": ["a"]}, "they have no column"),
        (Loaded(np.zeros((4, 2)), [0, 1, 0]), {}, "4 features, 3 target"),
        (Loaded(np.zeros((4, 2))), {}, "yields no target"),
        (Loaded(None, [0, 1]), {}, "the features are one NoneType"),
        (Loaded(np.zeros((2, 2)), np.zeros((2, 3, 3))), {}, "a target of 3 dimensions"),
        (Loaded(np.zeros((2, 2)), [0, 1], ["a", "a"]), {}, "1 ids occur more than once: a"),
    ],
)
def test_arrays_that_do_not_fit(loaded: Loaded, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        select(loaded, NOBODY | columns)


def test_a_table_beside_an_array_names_groups_times_and_parts() -> None:
    table = pd.DataFrame({"who": ["a", "a", "b", "c"], "day": [4, 3, 2, 1], "part": ["train", "test", None, "val"]})
    loaded = Loaded(np.zeros((4, 2, 2, 1)), [0, 1, 0, 1], table=table)
    samples = select(loaded, NOBODY | {"group": "who", "time": "day", "cut": "day", "marks": "part"})
    assert samples.features.shape == (3, 2, 2, 1)
    assert samples.dropped == {"the column part does not say their part": 1}
    assert [None if array is None else array.tolist() for array in (samples.groups, samples.times, samples.marks)] == [
        [0, 0, 1], [4, 3, 1], ["train", "test", "val"],
    ]  # fmt: skip
    with pytest.raises(DataError, match="no column is named 'days'"):
        select(loaded, NOBODY | {"time": "days"})


def test_arrays_of_other_kinds() -> None:
    assert np.array_equal(select(Loaded(sparse.eye_array(3), [0, 1, 0]), NOBODY).features, np.eye(3))
    assert select(Loaded([5, 6, 7], pd.Series([0, 1, 0], index=[7, 8, 9])), NOBODY).features.shape == (3, 1)


# ---- the target


@pytest.mark.parametrize(
    ("values", "task", "classes"),
    [
        ([0, 1, 1], "binary", [0, 1]),
        ([3, 1, 2], "multiclass", [1, 2, 3]),
        (["b", "a", "b"], "binary", ["a", "b"]),
        ([True, False, True], "binary", [False, True]),
        ([0.0, 1.0, 1.0], "regression", None),
    ],
)
def test_the_task_is_told_by_the_type(values: list[Any], task: str, classes: list[Any] | None) -> None:
    target = read_target(pd.DataFrame({"y": values}), None, None)
    assert (target.task, target.classes) == (task, classes)
    assert [type(label) for label in classes or []] == [type(label) for label in target.classes or []]
    assert target.guessed[0].startswith("task: ")
    assert target.values.dtype == ("float64" if classes is None else "int64")


def test_many_integers_must_say_what_they_are() -> None:
    many, few = pd.DataFrame({"y": range(21)}), pd.DataFrame({"y": range(20)})
    with pytest.raises(DataError, match="21 distinct values"):
        read_target(many, None, None)
    assert len(read_target(few, None, None).classes or []) == 20
    assert len(read_target(many, "classification", None).classes or []) == 21
    assert read_target(many, "regression", None).values.tolist() == list(map(float, range(21)))


def test_the_positive_class_is_code_1() -> None:
    frame = pd.DataFrame({"y": ["ill", "well", "ill"]})
    default, chosen = read_target(frame, None, None), read_target(frame, None, "ill")
    assert (default.classes, default.positive, default.values.tolist()) == (["ill", "well"], "well", [0, 1, 0])
    assert "positive: 'well', the last of the sorted classes" in default.guessed
    assert (chosen.classes, chosen.positive, chosen.values.tolist()) == (["well", "ill"], "ill", [1, 0, 1])


def test_a_target_of_several_columns_is_a_regression() -> None:
    target = read_target(pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]}), None, None)
    assert target.values.tolist() == [[1.0, 3.0], [2.0, 4.0]]


@pytest.mark.parametrize(
    ("make", "task", "positive", "message"),
    [
        (lambda: ["a", "a"], None, None, "only one class"),
        (lambda: ["a", "b"], None, "c", "is no class"),
        (lambda: ["a", "b", "c"], None, "a", "needs two classes"),
        (lambda: ["a", "b", "c"], "binary", None, "a binary task has two"),
        (lambda: ["a", "b"], "regression", None, "needs numbers"),
        (lambda: [1.0, np.inf], None, None, "infinite"),
        (lambda: [1, 0], "multilabel", None, "several target columns, and there is one"),
    ],
)
def test_targets_that_do_not_fit(make: Callable[[], list[Any]], task: str | None, positive: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_target(pd.DataFrame({"y": make()}), task, positive)
    assert caught.value.fix


def test_several_columns_of_yes_and_no_are_several_labels_at_once() -> None:
    frame = pd.DataFrame({"a": [0, 1, 1], "b": [True, False, False], "c": ["yes", " No", "YES"]})
    guessed = read_target(frame, None, None)
    assert (guessed.task, guessed.classes, guessed.positive) == ("multilabel", ["a", "b", "c"], None)
    assert guessed.values.tolist() == [[0, 1, 1], [1, 0, 0], [1, 0, 1]]
    assert guessed.values.dtype == np.int64
    assert guessed.guessed == ["task: multilabel, since all target columns are yes or no"]
    assert read_target(frame, "multilabel", None).guessed == []
    assert read_target(frame, "classification", None).task == "multilabel"
    numbers = frame[["a", "b"]].astype("float64")
    assert read_target(numbers, None, None).task == "regression"
    assert read_target(numbers, "multilabel", None).values.tolist() == [[0, 1], [1, 0], [1, 0]]


def test_labels_that_are_the_same_for_all_are_told() -> None:
    frame = pd.DataFrame({"a": [0, 1, 1], "b": [0, 0, 0], "c": [1, 1, 1]})
    remarks = read_target(frame, None, None).remarks
    assert remarks == ["labels that are the same for all samples: b (always 0), c (always 1)"]


@pytest.mark.parametrize(
    ("values", "task", "positive", "message"),
    [
        ({"a": [0, 1], "b": [0, 2]}, "multilabel", None, "the label b has 2"),
        ({"a": [0, 1], "b": ["north", "south"]}, None, None, "the label b has 'north'"),
        ({"a": [0, 1], "b": [1, 0]}, "binary", None, "one target, and data.target names 2 columns"),
        ({"a": [0, 1], "b": [1, 0]}, "multilabel", 1, "there are several labels"),
    ],
)
def test_labels_that_do_not_fit(values: dict[str, Any], task: str | None, positive: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_target(pd.DataFrame(values), task, positive)
    assert caught.value.fix


def test_blanks_around_labels_are_removed_and_other_spellings_are_told() -> None:
    table = pd.DataFrame({"x": range(7), "y": [" ill", "ill ", "Ill", "well", "well", " ", "once"]})
    samples = select(Loaded(table), NOBODY | {"target": "y"})
    assert samples.classes == ["Ill", "ill", "once", "well"]
    assert samples.dropped == {"the target is missing": 1}
    assert list(samples.remarks) == [
        "blanks around 2 labels were removed",
        "the labels 'Ill' (1), 'ill' (2) differ only in case, and count as different classes; "
        'data.labels: {"Ill": "ill"} makes them one',
        "2 classes have a single sample: Ill, once",
    ]


def test_copies_of_a_row_are_dropped_and_counted() -> None:
    table = patients().iloc[[0, 1, 1, 2, 4, 4, 4]]
    samples = selected(table, id="scan")
    assert samples.ids.tolist() == ["s1", "s2", "s3", "s5"]
    assert samples.dropped == {"they are copies of another row, id and all": 3}
    with pytest.raises(DataError, match="1 ids occur more than once: s2"):
        selected(table.assign(visits=range(7)).iloc[:4], id="scan")
    assert selected(table).dropped == {}


def test_kinds_of_inputs_are_told() -> None:
    assert selected(patients(), id="scan").inputs == {
        "patient": "categorical", "when": "date", "age": "numeric", "visits": "numeric", "site": "categorical",
        "note": "text", "smoker": "numeric",
    }  # fmt: skip


def test_what_has_a_role_need_not_be_dropped() -> None:
    assert features(selected(patients(), id="scan", drop=["scan", "note", "when"])) == [
        "patient", "age", "visits", "site", "smoker",
    ]  # fmt: skip


# ---- times and marks


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([3, 1, 2], "i"),
        ([0.5, 1, 2], "f"),
        (["2020-03-31", "2020-04-01T10:00", "2020-04-02 11:00:05.5"], "M"),
        (["2020-03-31T00:00+02:00", "2020-03-31T00:00Z", "2020-04-01"], "M"),
        (pd.to_datetime(["2020-01-01", "2020-01-02", "2020-01-03"]).tz_localize("Europe/Vienna"), "M"),
        ([date(2020, 1, 1), date(2020, 1, 2), date(2020, 1, 3)], "M"),
    ],
)
def test_times_are_numbers_or_dates(values: Any, kind: str) -> None:
    times = read_times(pd.Series(values, name="when"))
    assert times.dtype.kind == kind
    assert str(times.dtype) in ("int64", "float64", "datetime64[ns]")
    assert [*np.argsort(times)] == ([1, 2, 0] if kind == "i" else [0, 1, 2])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (["2020-01-01", "soon", "later"], "the column when holds 'soon', which is no time"),
        ([True, False], "true and false"),
        ([1.0, np.inf], "an infinite time"),
        (["1/2/2020", "2/2/2020"], "holds '1/2/2020'"),
    ],
)
def test_what_is_no_time_is_named(values: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        read_times(pd.Series(values, name="when"))
    assert "2020-03-31" in caught.value.fix


def test_samples_that_a_split_says_nothing_of_are_dropped_and_counted() -> None:
    table = patients().assign(part=["train", "val", None, "train", "test", " "], day=[1, 2, 3, 4, None, 6])
    marked = selected(table, marks="part")
    assert marked.dropped == {"the target is missing": 1, "the column part does not say their part": 2}
    assert marked.marks is not None
    assert marked.marks.tolist() == ["train", "val", "test"]
    timed = selected(table, time="day", cut="day")
    assert timed.dropped == {"the target is missing": 1, "the column day does not say their time": 1}
    assert timed.times is not None
    assert timed.times.tolist() == [1, 2, 3, 6]
    assert "day" not in features(timed)
    assert "the column day does not say their time" not in selected(table, time="day").dropped


def test_numbers_of_folds_with_gaps_stay_whole() -> None:
    marks = selected(patients().assign(fold=[0, 1, None, 0, 1, 0]), marks="fold").marks
    assert marks is not None
    assert marks.tolist() == ["0", "1", "1", "0"]


# ---- the scale of a target


def test_the_scale_of_a_target_is_that_of_the_training_part() -> None:
    target = np.array([[1.0, 5.0], [3.0, 5.0], [100.0, 7.0]])
    scale = target_scale(target, np.array([0, 1]), "regression")
    assert scale == {"mean": [2.0, 5.0], "deviation": [1.0, 1.0]}
    assert target_scale(target[:, 0], np.array([0, 1]), "regression") == {"mean": [2.0], "deviation": [1.0]}
    with pytest.raises(DataError, match="for regressions, and this task is binary"):
        target_scale(np.array([0, 1]), np.array([0, 1]), "binary")


def test_several_targets_stay_in_the_order_they_are_named_in() -> None:
    table = pd.DataFrame({"readmitted": [0, 1], "age": [30, 40], "died": ["no", "yes"], "infected": [True, False]})
    samples = select(Loaded(table), NOBODY | {"target": ["died", "inf*", "readmitted"], "task": "multilabel"})
    assert samples.classes == ["died", "infected", "readmitted"]
    assert samples.target.tolist() == [[0, 1, 0], [1, 0, 1]]


def test_labels_become_others_where_the_spec_says_so() -> None:
    table = pd.DataFrame({"x": range(6), "y": ["Yes", "YES ", "yes", "no", None, "No"]})
    samples = select(Loaded(table), NOBODY | {"target": "y", "labels": {"Yes": "yes", "YES": "yes", "No": "no"}})
    assert (samples.classes, samples.task, samples.target.tolist()) == (["no", "yes"], "binary", [1, 1, 1, 0, 0])
    assert "differ only in case" not in " ".join(samples.remarks)
    numbered = select(
        Loaded(table), NOBODY | {"target": "y", "labels": {"no": 0, "No": 0, "yes": 1, "Yes": 1, "YES": 1}}
    )
    assert numbered.classes == [0, 1]
    words = select(Loaded(pd.DataFrame({"x": range(4), "y": [1, 2, 2, None]}, dtype="Int64")),
                   NOBODY | {"target": "y", "labels": {"1": "ill", "2": "well"}})  # fmt: skip
    assert words.classes == ["ill", "well"]


def test_a_label_that_does_not_occur_cannot_become_another() -> None:
    table = pd.DataFrame({"x": range(3), "y": ["Yes", "YES", "no"]})
    with pytest.raises(DataError, match=r"data\.labels: the target has no label 'Yess'") as caught:
        select(Loaded(table), NOBODY | {"target": "y", "labels": {"Yess": "yes"}})
    assert caught.value.fix == "write Yes"


def test_copies_that_no_id_tells_apart_stay_and_are_told() -> None:
    table = patients().drop(columns=["scan", "when"]).iloc[[0, 1, 1, 2, 4, 4]]
    (remark,) = selected(table).remarks
    assert remark.startswith("2 of 6 rows are exact copies of others, and may be learned from in one place")
    assert len(selected(table).ids) == 6
    assert not selected(table, group="patient").remarks
    assert not selected(patients()).remarks


def test_a_column_that_is_text_by_a_few_words_is_told() -> None:
    age = [str(20 + row) for row in range(40)] + ["?", "?", "-"]
    samples = select(Loaded(pd.DataFrame({"age": age, "y": [0, 1] * 21 + [0]})), NOBODY | {"target": "y"})
    assert samples.remarks == [
        'the column age counts as text: numbers, but for "?" (2 times) and "-" (once); if these are gaps, name them as '
        "`missing` of the source"
    ]
