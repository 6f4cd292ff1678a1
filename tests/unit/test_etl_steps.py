"""Steps: what they make of arrays and tables, that they learn from the training part only, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import decomposition, preprocessing

from blueno.errors import DataError
from blueno.etl.opening import open_step
from blueno.etl.steps import STEPS
from blueno.etl.tables import normalised
from blueno.etl.transform import Applied, apply_step, as_array, missing_values
from blueno.usercode import CodeFolder

IMAGES = np.random.default_rng(0).normal(5.0, 2.0, (20, 4, 3, 1))
TARGET = np.arange(20) % 2
TRAIN = np.arange(12)


def applied(name: str, features: Any, code: CodeFolder | None = None, *, columns: Any = None, **params: Any) -> Applied:
    step = open_step({"name": name, "params": params, "columns": columns, "code": 1}, code)
    return apply_step(step, features, TARGET[: len(features)], TRAIN)


def patients() -> pd.DataFrame:
    return normalised(
        pd.DataFrame(
            {
                "age": [41.0, np.nan, 60.0, 33.0, 29.0] * 4,
                "site": ["Bern", "Graz", None, "Graz", "Bern"] * 4,
                "visits": [1, 2, 3, 4, 5] * 4,
                "note": ["no signs of anything", "shadow in the left lung", "too dark to tell anything", "", "ok ok"]
                * 4,
            }
        )
    )


def table(found: Applied) -> pd.DataFrame:
    assert isinstance(found.features, pd.DataFrame)
    return found.features


# ---- arrays


SCALERS = {
    "standard": preprocessing.StandardScaler(),
    "minmax": preprocessing.MinMaxScaler(),
    "robust": preprocessing.RobustScaler(),
    "maxabs": preprocessing.MaxAbsScaler(),
}


@pytest.mark.parametrize("method", SCALERS)
def test_scale_is_scikit_learns_and_keeps_the_shape(method: str) -> None:
    flat = IMAGES.reshape(20, 12)
    expected = SCALERS[method].fit(flat[TRAIN]).transform(flat).reshape(IMAGES.shape)
    assert np.array_equal(applied("scale", IMAGES, method=method).features, expected)


def test_pca_is_scikit_learns_and_flattens() -> None:
    flat = IMAGES.reshape(20, 12)
    expected = decomposition.PCA(3, whiten=True, svd_solver="full").fit(flat[TRAIN]).transform(flat)
    assert np.allclose(applied("pca", IMAGES, components=3, whiten=True).features, expected)


def test_components_are_no_pixels_even_when_there_are_as_many() -> None:
    square = IMAGES[:, :3, :2]
    assert applied("pca", square).features.shape == (20, 6)


def test_too_many_components_say_so() -> None:
    with pytest.raises(DataError, match="pca: n_components=13"):
        applied("pca", IMAGES, components=13)


def test_reshape_needs_as_many_values() -> None:
    assert applied("reshape", IMAGES, shape=[3, -1]).features.shape == (20, 3, 4)
    with pytest.raises(DataError, match="cannot become \\[5, 5\\]") as caught:
        applied("reshape", IMAGES, shape=[5, 5])
    assert caught.value.fix == "choose a shape of 12 values"


def test_arrays_have_no_columns() -> None:
    assert applied("scale", IMAGES, columns=["numeric"]).features.shape == IMAGES.shape
    with pytest.raises(DataError, match="have no columns"):
        applied("scale", IMAGES, columns=["age"])


# ---- tables


def test_steps_take_the_columns_of_their_kind_and_leave_the_rest() -> None:
    scaled = applied("scale", patients())
    assert scaled.columns == ["age", "visits"]
    assert list(table(scaled).columns) == ["age", "site", "visits", "note"]
    assert table(scaled)["site"].equals(patients()["site"])
    assert abs(table(scaled)["visits"][TRAIN].mean()) < 1e-12
    coded = applied("one_hot", patients())
    assert coded.columns == ["site"]
    assert list(table(coded).columns) == ["age", "visits", "note", "site_Bern", "site_Graz", "site_nan"]


def test_columns_may_be_said() -> None:
    scaled = applied("scale", patients(), columns=["vis*"])
    assert scaled.columns == ["visits"]
    assert table(scaled)["age"].equals(patients()["age"])
    with pytest.raises(DataError, match="no column is named 'aeg'") as caught:
        applied("scale", patients(), columns=["aeg"])
    assert caught.value.fix == "write age"


def test_a_step_without_columns_of_its_kind_changes_nothing() -> None:
    numbers = patients()[["age", "visits"]]
    assert applied("one_hot", numbers) == Applied(numbers, [])


def test_impute_fills_from_the_training_part() -> None:
    frame = patients()
    filled = table(applied("impute", frame, method="median"))
    assert filled["age"][1] == frame["age"][TRAIN].median()
    assert missing_values(filled) == {"site": 4}
    texts = table(applied("impute", frame, columns="categorical", method="most_frequent"))
    assert texts["site"][2] == frame["site"][TRAIN].mode()[0]
    marked = table(applied("impute", frame, columns=["age"], indicator=True))
    assert marked["missingindicator_age"].tolist()[:5] == [0.0, 1.0, 0.0, 0.0, 0.0]


def test_a_column_that_is_empty_in_training_stays() -> None:
    frame = patients().assign(late=[np.nan] * 12 + [1.0] * 8)
    assert table(applied("impute", frame))["late"].tolist() == [0.0] * 12 + [1.0] * 8


def test_one_hot_of_an_unknown_value_is_all_zeros() -> None:
    frame = normalised(pd.DataFrame({"site": ["a"] * 6 + ["b"] * 6 + ["c"] * 8}))
    assert table(applied("one_hot", frame)).iloc[[0, 6, 12]].to_numpy().tolist() == [[1, 0], [0, 1], [0, 0]]
    few = table(applied("one_hot", frame.assign(site=["a", "b", "c"] * 4 + ["a"] * 8), max_categories=2))
    assert few.shape == (20, 2)


def test_pca_of_a_table_appends_components() -> None:
    numbers = table(applied("impute", patients()))
    found = table(applied("pca", numbers, components=1))
    assert list(found.columns) == ["site", "note", "pca0"]


def test_a_table_of_numbers_can_be_reshaped() -> None:
    numbers = patients()[["age", "visits"]]
    assert applied("reshape", numbers, shape=[2, 1]).features.shape == (20, 2, 1)


# ---- others' steps


def test_steps_of_scikit_learn() -> None:
    found = applied("sklearn.preprocessing:QuantileTransformer", IMAGES, n_quantiles=5)
    assert found.features.shape == IMAGES.shape
    ordinal = applied("sklearn.preprocessing:OrdinalEncoder", patients())
    assert ordinal.columns == ["site"]
    selected = applied("sklearn.feature_selection:SelectKBest", IMAGES, k=2)
    assert selected.features.shape == (20, 2)
    words = applied("sklearn.feature_extraction.text:TfidfVectorizer", patients(), max_features=3)
    assert words.columns == ["note"]
    assert table(words).shape == (20, 6)
    assert np.array_equal(applied("numpy:log1p", IMAGES**2).features, np.log1p(IMAGES**2))


def test_a_step_that_draws_is_seeded() -> None:
    one, two = (applied("sklearn.random_projection:GaussianRandomProjection", IMAGES, n_components=2) for _ in "12")
    assert np.array_equal(one.features, two.features)
    other = applied("sklearn.random_projection:GaussianRandomProjection", IMAGES, n_components=2, random_state=1)
    assert not np.array_equal(one.features, other.features)


def test_gaps_where_they_cannot_be_say_what_helps() -> None:
    with pytest.raises(DataError, match=r"pca: Input X contains NaN\.$") as caught:
        applied("pca", patients(), components=1)
    assert "impute" in caught.value.fix


def test_vectorizers_take_one_column() -> None:
    with pytest.raises(DataError, match="takes one column, not site, note"):
        applied("sklearn.feature_extraction.text:CountVectorizer", patients(), columns=["site", "note"])


OWN = """
LIMIT = 3
import numpy as np

def double(x, *, by=2):
    x *= by
    return x

def centre(x):
    return x - x.mean()

def fewer(x):
    return x[::2]

def ages(table):
    return table.assign(age=table["age"].fillna(0) + 1).drop(columns=["note"])

def wrong(x):
    raise ValueError("my own mistake")

class Shift:
    def fit(self, x):
        self.mean = x.mean()
        self.published = {"shift": float(np.asarray(x).mean())}
    def transform(self, x):
        return x - self.mean

class Halve:
    def transform(self, x):
        return x / 2
"""


@pytest.fixture
def code(tmp_path: Path) -> CodeFolder:
    (tmp_path / "steps.py").write_text(OWN)
    return CodeFolder(tmp_path, "")


def test_a_function_of_ones_own_may_write_to_what_it_gets(code: CodeFolder) -> None:
    before = IMAGES.copy()
    assert np.array_equal(applied("steps.py:double", IMAGES, code, by=3).features, before * 3)
    assert np.array_equal(before, IMAGES)


def test_a_function_of_ones_own_on_a_table(code: CodeFolder) -> None:
    found = table(applied("steps.py:ages", patients(), code))
    assert list(found.columns) == ["age", "site", "visits"]
    assert found["age"][1] == 1.0


def test_classes_of_ones_own(code: CodeFolder) -> None:
    found = applied("steps.py:Shift", IMAGES, code)
    assert np.allclose(found.features, IMAGES - IMAGES[TRAIN].mean())
    assert np.array_equal(applied("steps.py:Halve", IMAGES, code).features, IMAGES / 2)


def test_a_function_that_looks_at_other_samples_is_refused(code: CodeFolder) -> None:
    with pytest.raises(DataError, match="depends on the other samples") as caught:
        applied("steps.py:centre", IMAGES, code)
    assert "fit and transform" in caught.value.fix


def test_what_is_no_step_says_so(code: CodeFolder) -> None:
    with pytest.raises(DataError, match="neither a class nor a function"):
        applied("steps.py:LIMIT", IMAGES, code)


def test_a_step_must_keep_the_number_of_samples(code: CodeFolder) -> None:
    with pytest.raises(DataError, match="fewer makes 10 samples of 20"):
        applied("steps.py:fewer", IMAGES, code)


def test_an_error_in_user_code_stays_what_it_is(code: CodeFolder) -> None:
    with pytest.raises(ValueError, match="my own mistake"):
        applied("steps.py:wrong", IMAGES, code)


# ---- nothing but the training part is fitted


@pytest.mark.parametrize(
    ("name", "params"),
    [("scale", {"method": method}) for method in SCALERS]
    + [("pca", {"components": 2}), ("impute", {"method": "mean"}), ("one_hot", {}), ("steps.py:Shift", {})],
)
def test_other_parts_change_nothing_that_is_fitted(name: str, params: dict[str, Any], code: CodeFolder) -> None:
    frame = table(applied("impute", patients())) if name == "pca" else patients()
    if name == "steps.py:Shift":
        frame = frame[["visits"]]
    other = frame.copy()
    for column in other.columns:
        values = other[column].to_numpy().copy()
        values[len(TRAIN) :] = "elsewhere" if values.dtype == object else 1000
        other[column] = pd.Series(values, dtype=values.dtype)
    one, two = table(applied(name, frame, code, **params)), table(applied(name, other, code, **params))
    assert list(one.columns) == list(two.columns)
    assert one.iloc[TRAIN].equals(two.iloc[TRAIN])
    assert not one.equals(two)


# ---- at the end


def test_what_is_no_number_at_the_end_is_named() -> None:
    with pytest.raises(DataError, match="no numbers: site") as caught:
        as_array(patients())
    assert "one_hot" in caught.value.fix
    with pytest.raises(DataError, match="not of numbers"):
        as_array(np.array(["a", "b"]))
    with pytest.raises(DataError, match="infinite"):
        as_array(np.array([1e300, 1.0]))


def test_numbers_keep_their_precision_and_integers_stay() -> None:
    numbers = as_array(patients()[["age", "visits"]])
    assert (numbers.dtype, numbers.shape) == (np.dtype("float64"), (20, 2))
    assert missing_values(patients()) == {"age": 4, "site": 4}
    assert missing_values(np.array([[1.0, np.nan]])) == {"array": 1}
    assert as_array(IMAGES.astype("float16")).dtype == np.dtype("float32")
    assert as_array(np.arange(3, dtype="uint8")).dtype == np.dtype("uint8")
    assert as_array(np.array([True])).dtype == np.dtype("float32")


def test_every_step_says_what_it_is() -> None:
    for module in STEPS.values():
        text = (Path(__file__).parents[2] / "etl" / "steps" / f"{module}.py").read_text()
        assert all(f"\n{name} = " in text for name in ("VERSION", "FITTED", "COLUMNS"))
