"""Words of a text in a fixed number of columns, without a vocabulary."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge
from sklearn.feature_extraction.text import HashingVectorizer

from ._texts import reading

VERSION = 1
FITTED = False
COLUMNS = "text"


def build(
    features: Annotated[int, Ge(2)] = 1024,
    ngrams: Annotated[int, Ge(1)] = 1,
    unit: Literal["word", "character"] = "word",
    lowercase: bool = True,
) -> Any:
    """Counts of words in `features` columns, each in the column and with the sign that its hash says; every text of
    length 1 (L2). By scikit-learn's HashingVectorizer. It learns nothing, so that datasets share its work.
    """
    return HashingVectorizer(n_features=features, **reading(ngrams, unit, lowercase))
