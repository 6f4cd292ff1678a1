"""Ranks instead of numbers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge
from sklearn.preprocessing import QuantileTransformer

VERSION = 1
FITTED = True
COLUMNS = "numeric"


class ByQuantiles(QuantileTransformer):
    """scikit-learn's, with no more quantiles than it has samples (where scikit-learn warns)."""

    n_quantiles: int

    def fit(self, X: Any, y: Any = None) -> Any:
        """Learns the quantiles of (n, d) `X`."""
        self.n_quantiles = min(self.n_quantiles, len(X))
        return super().fit(X)


def build(quantiles: Annotated[int, Ge(2)] = 1000, output: Literal["uniform", "normal"] = "uniform") -> Any:
    """Each feature's rank in the training part, from 0 to 1, or as the normal quantile of that rank.

    Interpolated between `quantiles` of the training part (as many as it has samples, at most), of 10,000 samples drawn
    from it if it is larger. By scikit-learn's QuantileTransformer.
    """
    return ByQuantiles(n_quantiles=quantiles, output_distribution=output, random_state=0)
