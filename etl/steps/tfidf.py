"""Words of a text, weighted by how rare they are."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from annotated_types import Ge
from sklearn.feature_extraction.text import TfidfVectorizer

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
    sublinear: bool = False,
) -> Any:
    """A column for each of the `max_words` most frequent words of the training part that occur in `min_samples` texts;
    every text of length 1 (L2), a gap is an empty text. By scikit-learn's TfidfVectorizer.

    `ngrams` also counts runs of up to so many words, `sublinear` takes 1 + ln(count) for the count.
    """
    return TfidfVectorizer(
        max_features=max_words, min_df=min_samples, sublinear_tf=sublinear, **reading(ngrams, unit, lowercase)
    )
