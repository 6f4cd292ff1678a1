"""The mean target of each category."""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from annotated_types import Gt
from sklearn.preprocessing import TargetEncoder

VERSION = 1
FITTED = True
COLUMNS = "categorical"


class ByTask(TargetEncoder):
    """scikit-learn's, told a regression by the target's type, with as many folds as the rarest class allows."""

    cv: int

    def fit_transform(self, X: Any, y: np.ndarray) -> Any:
        """The training part's own values, each from the targets of other folds."""
        self.target_type = "continuous" if y.dtype.kind == "f" else "auto"
        fewest = len(y) if y.dtype.kind == "f" else np.unique(y, return_counts=True)[1].min()
        self.cv = max(2, min(self.cv, int(fewest)))
        return super().fit_transform(X, y)


def build(smooth: Annotated[float, Gt(0)] | None = None) -> Any:
    """A category's mean target over the training part, drawn to the overall mean: by `smooth` samples of it, or as much
    as the variances suggest if not said. Above two classes a column for each class; an unknown value is the overall
    mean. Training samples are encoded by folds, so that none sees its own target: scikit-learn's TargetEncoder.
    """
    return ByTask(smooth="auto" if smooth is None else smooth)
