"""Products of features as further features."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge
from sklearn.preprocessing import PolynomialFeatures

VERSION = 1
FITTED = True  # learns nothing but how many features there are
COLUMNS = "numeric"


def build(degree: Annotated[int, Ge(1)] = 2, interactions_only: bool = False) -> Any:
    """All products of up to `degree` features, each feature at most once if `interactions_only`; without a constant.
    By scikit-learn's PolynomialFeatures.
    """
    return PolynomialFeatures(degree, interaction_only=interactions_only, include_bias=False)
