"""Makes skewed features more like a normal distribution."""

from __future__ import annotations

from typing import Any, Literal

from sklearn.preprocessing import PowerTransformer

VERSION = 1
FITTED = True
COLUMNS = "numeric"


def build(method: Literal["yeo_johnson", "box_cox"] = "yeo_johnson", standardize: bool = True) -> Any:
    """Each feature to the power that makes its training part most normal, then mean 0 and deviation 1.

    yeo_johnson: Yeo and Johnson (2000), any number. box_cox: Box and Cox (1964), numbers above 0. By scikit-learn's
    PowerTransformer.
    """
    return PowerTransformer(method=method.replace("_", "-"), standardize=standardize)
