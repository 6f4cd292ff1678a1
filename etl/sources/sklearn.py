"""The data sets that come with scikit-learn: tables, but for `digits`, which are images of 8 x 8 x 1."""

from __future__ import annotations

from typing import Literal

from sklearn import datasets

from . import Loaded

VERSION = 1


def load(name: Literal["digits", "iris", "wine", "breast_cancer", "diabetes", "linnerud"]) -> Loaded:
    """One of scikit-learn's shipped sets, by the name of its function there (`load_digits`: `digits`).

    digits: images (1797, 8, 8, 1) of 0 to 16, ten classes. iris (150 x 4, three classes), wine (178 x 13, three),
    breast_cancer (569 x 30, two; 1 is benign): tables with named columns, classes as integers. diabetes (442 x 10) is
    a regression, linnerud (20 x 3) one of three values at once. https://scikit-learn.org/stable/datasets/toy_dataset
    """
    bunch = getattr(datasets, f"load_{name}")(as_frame=name != "digits")
    if name == "digits":
        return Loaded(bunch.images[..., None], bunch.target)
    target = bunch.target.to_numpy()
    return Loaded(bunch.data, target.astype("float64") if name in ("diabetes", "linnerud") else target)
