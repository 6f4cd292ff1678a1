"""Fewer features that keep distances."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge
from sklearn.random_projection import GaussianRandomProjection

VERSION = 1
FITTED = True  # learns nothing but how many features there are
COLUMNS = "numeric"


def build(components: Annotated[int, Ge(1)]) -> Any:
    """The features on `components` random directions: scikit-learn's GaussianRandomProjection, seeded with 0."""
    return GaussianRandomProjection(components, random_state=0)
