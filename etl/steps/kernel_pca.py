"""Principal components in the space of a kernel."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt
from sklearn.decomposition import KernelPCA

VERSION = 1
FITTED = True
COLUMNS = "numeric"


def build(
    components: Annotated[int, Ge(1)],
    kernel: Literal["rbf", "poly", "sigmoid", "cosine", "linear"] = "rbf",
    gamma: Annotated[float, Gt(0)] | None = None,
    degree: Annotated[int, Ge(1)] = 3,
) -> Any:
    """`components` of the kernel's matrix of all pairs of training samples, whose size is their number squared.

    `gamma` is 1 / features if not said, `degree` that of poly. By scikit-learn's KernelPCA (Schölkopf, Smola, Müller,
    1997).
    """
    return KernelPCA(components, kernel=kernel, gamma=gamma, degree=degree, random_state=0)
