"""Principal components instead of features."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge
from sklearn.decomposition import PCA

VERSION = 1
FITTED = True
COLUMNS = "numeric"


def build(components: Annotated[int, Ge(1)] | None = None, whiten: bool = False) -> Any:
    """The first `components` principal components (all, if not said) of the centred features: (n, components).

    `whiten` scales each to variance 1 (ddof 1). By full singular value decomposition, so that nothing is drawn:
    Hastie, Tibshirani, Friedman, The Elements of Statistical Learning, 2nd edition, section 14.5.1.
    """
    return PCA(n_components=components, whiten=whiten, svd_solver="full")
