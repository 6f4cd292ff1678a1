"""The features that tell most about the target."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge, Gt, Le
from sklearn import ensemble, feature_selection

from blueno.errors import DataError

VERSION = 1
FITTED = True
COLUMNS = "numeric"
Method = Literal["f", "mutual_information", "chi2", "forest"]


class Selector:
    """Chooses features by their scores; which scores depends on the task, which the target's type tells."""

    def __init__(self, features: int | None, share: float | None, method: str) -> None:
        self.features = features
        self.share = share
        self.method = method

    def fit(self, x: Any, y: np.ndarray) -> Selector:
        """Scores all features on (n, d) `x` and `y`: float64 of a regression, int64 of a classification."""
        scores = self._scores(np.asarray(x, dtype="float64"), y)
        width = len(scores)
        count = min(self.features or max(1, round((self.share or 0.0) * width)), width)
        best = np.argsort(-np.nan_to_num(scores, nan=-np.inf), kind="stable")[:count]
        self.chosen = np.sort(best)
        self.names = [str(x.columns[i]) for i in self.chosen] if hasattr(x, "columns") else None
        return self

    def _scores(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        is_regression = y.dtype.kind == "f"
        if self.method == "chi2":
            return np.asarray(feature_selection.chi2(x, y)[0])
        if self.method == "mutual_information":
            kind = "regression" if is_regression else "classif"
            return np.asarray(getattr(feature_selection, f"mutual_info_{kind}")(x, y, random_state=0))
        if self.method == "f":
            return np.asarray(
                (feature_selection.f_regression if is_regression else feature_selection.f_classif)(x, y)[0]
            )
        forest = ensemble.ExtraTreesRegressor if is_regression else ensemble.ExtraTreesClassifier
        return np.asarray(forest(n_estimators=100, random_state=0).fit(x, y).feature_importances_)

    def transform(self, x: Any) -> np.ndarray:
        """(n, d) to (n, chosen features), in the order that they had."""
        return np.asarray(x)[:, self.chosen]

    def get_feature_names_out(self) -> list[str]:
        """The chosen columns of a table; none of an array."""
        return self.names or []


def build(
    features: Annotated[int, Ge(1)] | None = None,
    share: Annotated[float, Gt(0), Le(1)] | None = None,
    method: Method = "f",
) -> Selector:
    """The best `features` of all, or that `share` of them, by scikit-learn's scores of each on the training part.

    f: the F statistic of a class's means, or of a regression on this feature alone. mutual_information: with the
    target. chi2: of counts, none below 0. forest: the importance in 100 extremely randomized trees
    (Geurts, Ernst, Wehenkel, 2006).
    """
    if (features is None) == (share is None):
        raise DataError("select takes either features or share", "write {select: {features: 20}}")
    return Selector(features, share, method)
