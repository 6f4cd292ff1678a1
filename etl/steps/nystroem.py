"""A kernel as features, from some of the training samples."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt
from sklearn.kernel_approximation import Nystroem

VERSION = 1
FITTED = True
COLUMNS = "numeric"


def build(
    components: Annotated[int, Ge(1)] = 100,
    kernel: Literal["rbf", "poly", "sigmoid", "cosine", "laplacian", "chi2"] = "rbf",
    gamma: Annotated[float, Gt(0)] | None = None,
    degree: Annotated[int, Ge(1)] | None = None,
) -> Any:
    """The kernel between a sample and `components` drawn training samples, so that a linear model learns what a kernel
    machine would: scikit-learn's Nystroem, seeded with 0 (Williams and Seeger, 2001).
    """
    return Nystroem(kernel, gamma=gamma, degree=degree, n_components=components, random_state=0)
