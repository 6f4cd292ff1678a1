"""scikit-learn's own data: the sets that come with it, and the generators of samples with a target."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn import datasets

from blueno.errors import DataError

from . import Loaded

VERSION = 1


def load(
    name: Literal[
        "digits", "iris", "wine", "breast_cancer", "diabetes", "linnerud",
        "make_blobs", "make_circles", "make_classification", "make_friedman1", "make_friedman2", "make_friedman3",
        "make_gaussian_quantiles", "make_hastie_10_2", "make_moons", "make_multilabel_classification",
        "make_regression", "make_s_curve", "make_sparse_uncorrelated", "make_swiss_roll",
    ],
    **parameters: Any,
) -> Loaded:  # fmt: skip
    """A shipped set, by the name of its function there (`load_digits`: `digits`), or what a generator makes.

    digits: images (1797, 8, 8, 1) of 0 to 16, ten classes. iris (150 x 4, three classes), wine (178 x 13, three),
    breast_cancer (569 x 30, two; 1 is benign): tables with named columns, classes as integers. diabetes (442 x 10) is
    a regression, linnerud (20 x 3) one of three values at once. https://scikit-learn.org/stable/datasets/toy_dataset
    Generators make tables with the columns x0, x1, ... `parameters` are those of scikit-learn's function; a plan sets
    `random_state` to 0 where it is not said. DataError when the function refuses them.
    """
    try:
        return _generated(name, parameters) if name.startswith("make_") else _shipped(name, parameters)
    except (ValueError, TypeError) as error:
        raise DataError(f"{name}: {error}", "change its parameters, which are scikit-learn's") from error


def _shipped(name: str, parameters: dict[str, Any]) -> Loaded:
    bunch = getattr(datasets, f"load_{name}")(**parameters, as_frame=name != "digits")
    if name == "digits":
        return Loaded(bunch.images[..., None], bunch.target)
    target = bunch.target.to_numpy()
    return Loaded(bunch.data, target.astype("float64") if name in ("diabetes", "linnerud") else target)


def _generated(name: str, parameters: dict[str, Any]) -> Loaded:
    made, target = getattr(datasets, name)(**parameters)[:2]
    features = made.toarray() if hasattr(made, "toarray") else made
    if name == "make_hastie_10_2":
        target = np.asarray(target, dtype="int64")  # its classes -1.0 and 1.0 would look like amounts
    return Loaded(pd.DataFrame(features, columns=[f"x{i}" for i in range(features.shape[1])]), target)
