"""Components of features that are mostly 0, such as words."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge
from sklearn.decomposition import TruncatedSVD

VERSION = 1
FITTED = True
COLUMNS = "numeric"


def build(components: Annotated[int, Ge(1)] = 100) -> Any:
    """The first `components` right singular vectors of the features, which are not centred: after `tfidf` this is
    latent semantic analysis. Randomised, seeded with 0: scikit-learn's TruncatedSVD.
    """
    return TruncatedSVD(components, random_state=0)
