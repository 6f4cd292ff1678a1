"""scikit-learn's transformers under short names: each is what the library makes, fitted on the training part."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import decomposition, feature_selection, impute, kernel_approximation, preprocessing, random_projection

from blueno.errors import DataError

from .stepping import NUMBERS, TARGET, TRAIN, array, table

COLUMNS = list("abcde")
FRAME = pd.DataFrame(NUMBERS, columns=COLUMNS)
SITES = pd.DataFrame({"site": ["b", "a", None, "a", "b"] * 3 + ["new", "a", "b", "a", None], "age": np.arange(20.0)})
REGRESSION = np.round(NUMBERS[:, 2] * 10)  # float64, though all values are whole

LIBRARY: dict[str, tuple[dict[str, Any], Any]] = {
    "bin": ({"bins": 3, "encode": "ordinal"}, preprocessing.KBinsDiscretizer(3, encode="ordinal")),
    "power": ({}, preprocessing.PowerTransformer()),
    "quantile": ({"output": "normal"}, preprocessing.QuantileTransformer(n_quantiles=12, output_distribution="normal")),
    "polynomial": ({"degree": 3}, preprocessing.PolynomialFeatures(3, include_bias=False)),
    "spline": ({"knots": 4}, preprocessing.SplineTransformer(4, knots="quantile", include_bias=False)),
    "impute_knn": ({"neighbors": 2}, impute.KNNImputer(n_neighbors=2)),
    "svd": ({"components": 2}, decomposition.TruncatedSVD(2, random_state=0)),
    "kernel_pca": ({"components": 2}, decomposition.KernelPCA(2, kernel="rbf")),
    "nystroem": ({"components": 4}, kernel_approximation.Nystroem(n_components=4, random_state=0)),
    "rbf_sampler": ({"components": 4}, kernel_approximation.RBFSampler(n_components=4, random_state=0)),
    "random_projection": ({"components": 2}, random_projection.GaussianRandomProjection(2, random_state=0)),
    "variance_threshold": ({"threshold": 1.0}, feature_selection.VarianceThreshold(1.0)),
}


@pytest.mark.parametrize("name", LIBRARY)
def test_what_the_library_makes_fitted_on_the_training_part(name: str) -> None:
    params, transformer = LIBRARY[name]
    x = NUMBERS.copy()
    if name == "impute_knn":
        x[3, 1] = np.nan
    expected = transformer.fit(x[TRAIN]).transform(x)
    assert np.allclose(array(name, x, **params), expected)
    assert np.allclose(table(name, pd.DataFrame(x, columns=COLUMNS), **params), expected)


def test_a_feature_for_a_feature_keeps_the_shape_of_images() -> None:
    images = NUMBERS[:, :4].reshape(20, 2, 2, 1)
    assert array("quantile", images, quantiles=5).shape == images.shape
    assert array("bin", images, bins=2, encode="ordinal").shape == images.shape


def test_box_cox_needs_numbers_above_0() -> None:
    assert array("power", np.exp(NUMBERS), method="box_cox").shape == NUMBERS.shape
    with pytest.raises(DataError, match=r"power: .*strictly positive"):
        array("power", NUMBERS, method="box_cox")


# ---- categories


def test_ordinal_counts_the_sorted_values_and_gaps_and_unknown_ones_are_below() -> None:
    made = table("ordinal", SITES)
    assert list(made.columns) == ["site", "age"]
    assert made["site"].tolist() == [1, 0, -1, 0, 1] * 3 + [-1, 0, 1, 0, -1]


def test_ordinal_in_an_order_of_ones_own() -> None:
    made = table("ordinal", SITES, order=["b", "a"], columns=["site"])
    assert made["site"].tolist() == [0, 1, -1, 1, 0] * 3 + [-1, 1, 0, 1, -1]
    with pytest.raises(DataError, match="ordinal: Shape mismatch"):
        table("ordinal", SITES.assign(other=SITES["site"]), order=["b", "a"])


def test_target_encode_shows_no_training_sample_its_own_target() -> None:
    made = table("target_encode", SITES, smooth=1.0)["site"]
    known = SITES[["site"]].iloc[TRAIN]
    encoder = preprocessing.TargetEncoder(smooth=1.0).fit(known, TARGET[TRAIN])
    assert np.allclose(made[12:], encoder.transform(SITES[["site"]].iloc[12:])[:, 0])
    leaky = encoder.transform(known)[:, 0]
    assert not np.allclose(made[TRAIN], leaky)
    assert made[15] == pytest.approx(TARGET[TRAIN].mean())  # an unknown value


def test_target_encode_of_a_regression_with_whole_numbers_is_one_column() -> None:
    made = table("target_encode", SITES, REGRESSION)
    assert list(made.columns) == ["site", "age"]
    other = table("sklearn.preprocessing:TargetEncoder", SITES, REGRESSION, target_type="continuous")
    assert np.allclose(made, other)


# ---- selection


@pytest.mark.parametrize("method", ["f", "mutual_information", "forest"])
@pytest.mark.parametrize("kind", ["classification", "regression"])
def test_select_finds_what_tells_about_the_target(method: str, kind: str) -> None:
    rng = np.random.default_rng(1)
    target = np.arange(20) % 2 if kind == "classification" else rng.normal(size=20)
    frame = FRAME.assign(c=target * 3 + 0.01 * rng.normal(size=20))
    assert list(table("select", frame, target, features=1, method=method).columns) == ["c"]


def test_select_is_scikit_learns_and_keeps_the_order() -> None:
    best = feature_selection.SelectKBest(k=3).fit(NUMBERS[TRAIN], TARGET[TRAIN])
    made = table("select", FRAME, features=3)
    assert np.array_equal(made, best.transform(NUMBERS))
    assert list(made.columns) == [COLUMNS[i] for i in best.get_support(indices=True)]
    assert np.array_equal(array("select", NUMBERS, share=0.6), made)
    assert array("select", np.abs(NUMBERS), share=0.01, method="chi2").shape == (20, 1)


def test_select_wants_one_of_features_and_share() -> None:
    for params in ({}, {"features": 2, "share": 0.5}):
        with pytest.raises(DataError, match="either features or share"):
            table("select", FRAME, **params)
    with pytest.raises(DataError, match="select: Input X must be non-negative"):
        table("select", FRAME, features=1, method="chi2")


# ---- numbers


def test_log_and_clip_of_numbers() -> None:
    assert np.allclose(table("log", FRAME, offset=5.0), np.log(NUMBERS + 5))
    assert list(table("clip", FRAME, low=0.0).columns) == COLUMNS
    assert np.array_equal(table("clip", FRAME, low=-0.5, high=0.5), NUMBERS.clip(-0.5, 0.5))
    with pytest.raises(DataError, match="has no logarithm") as caught:
        table("log", FRAME)
    assert caught.value.fix.startswith("say offset: 3.")


def test_gaps_stay_gaps() -> None:
    frame = FRAME.assign(a=np.nan)
    for name, params in (("log", {"offset": 5.0}), ("clip", {"low": 0.0}), ("rescale", {})):
        made = table(name, frame, **params)
        assert made["a"].isna().all()
        assert not made["b"].isna().any()


def test_limits_of_whole_numbers_stay_inside() -> None:
    bytes_ = np.arange(20, dtype="uint8").reshape(20, 1)
    made = array("clip", bytes_, low=-3.0, high=7.5)
    assert made.dtype == np.uint8
    assert made.ravel().tolist() == [*range(8)] + [7] * 12
    assert array("clip", bytes_, low=4.5).min() == 5


@pytest.mark.parametrize(("params", "said"), [({}, "takes low, high"), ({"low": 2.0, "high": 1.0}, "is above high")])
def test_clip_needs_limits(params: dict[str, float], said: str) -> None:
    with pytest.raises(DataError, match=said):
        table("clip", FRAME, **params)


@pytest.mark.parametrize("norm", ["l1", "l2", "max"])
def test_samples_of_norm_1(norm: str) -> None:
    assert np.allclose(table("unit_norm", FRAME, norm=norm), preprocessing.normalize(NUMBERS, norm=norm))
    assert array("unit_norm", NUMBERS[:, :4].reshape(20, 2, 2), norm=norm).shape == (20, 2, 2)


# ---- nothing but the training part is fitted


FITTED = {
    **{name: params for name, (params, _) in LIBRARY.items()},
    "ordinal": {},
    "target_encode": {},
    "select": {"features": 2, "method": "forest"},
    "sklearn.preprocessing:TargetEncoder": {},
}


@pytest.mark.parametrize("name", FITTED)
def test_other_parts_change_nothing_that_is_fitted(name: str) -> None:
    frame = SITES[["site"]] if name.endswith(("ordinal", "ncode", "Encoder")) else FRAME
    other = frame.copy()
    other.iloc[len(TRAIN) :] = "elsewhere" if "site" in frame else 1000.0
    target = TARGET.copy()
    target[len(TRAIN) :] = 1
    one, two = table(name, frame, **FITTED[name]), table(name, other, target, **FITTED[name])
    assert list(one.columns) == list(two.columns)
    assert one.iloc[TRAIN].equals(two.iloc[TRAIN])
