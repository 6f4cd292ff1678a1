"""How often each word is in a text."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge
from sklearn.feature_extraction.text import CountVectorizer

from ._texts import reading

VERSION = 1
FITTED = True
COLUMNS = "text"


def build(
    max_words: Annotated[int, Ge(1)] | None = 5000,
    min_samples: Annotated[int, Ge(1)] = 1,
    ngrams: Annotated[int, Ge(1)] = 1,
    unit: Literal["word", "character"] = "word",
    lowercase: bool = True,
    binary: bool = False,
) -> Any:
    """A column for each of the `max_words` most frequent words of the training part that occur in `min_samples` texts:
    its count, or whether it is there if `binary`. By scikit-learn's CountVectorizer.
    """
    return CountVectorizer(
        max_features=max_words, min_df=min_samples, binary=binary, **reading(ngrams, unit, lowercase)
    )
