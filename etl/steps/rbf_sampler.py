"""A Gaussian kernel as random features."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Gt
from sklearn.kernel_approximation import RBFSampler

VERSION = 1
FITTED = True
COLUMNS = "numeric"


def build(components: Annotated[int, Ge(1)] = 100, gamma: Annotated[float, Gt(0)] = 1.0) -> Any:
    """`components` random cosines whose products approximate exp(-gamma |x - y|^2): scikit-learn's RBFSampler, seeded
    with 0 (Rahimi and Recht, 2007).
    """
    return RBFSampler(gamma=gamma, n_components=components, random_state=0)
