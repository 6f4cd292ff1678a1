"""Texts as sequences of numbers, one for each word."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import numpy as np
from annotated_types import Ge
from sklearn.feature_extraction.text import CountVectorizer

VERSION = 1
FITTED = True
COLUMNS = "text"
PADDING, UNKNOWN, FIRST = 0, 1, 2  # what the numbers mean; words are counted from FIRST


class SequenceVectorizer:
    """A vocabulary, and how many words of a text count. Its words are scikit-learn's: those of a CountVectorizer."""

    makes_array = True

    def __init__(self, words: CountVectorizer, length: int, padding: str) -> None:
        self.words = words
        self.length = length
        self.padding = padding

    def fit(self, texts: Iterable[str]) -> SequenceVectorizer:
        """Learns which words there are."""
        self.words.fit(texts)
        self.numbers = {word: FIRST + int(index) for word, index in self.words.vocabulary_.items()}
        self.published = {"vocabulary_size": FIRST + len(self.numbers)}
        return self

    def transform(self, texts: Iterable[str]) -> np.ndarray:
        """n texts to (n, length) int32."""
        split = self.words.build_analyzer()
        rows = [[self.numbers.get(word, UNKNOWN) for word in split(text)[: self.length]] for text in texts]
        made = np.full((len(rows), self.length), PADDING, dtype="int32")
        for line, row in zip(made, rows, strict=True):
            start = 0 if self.padding == "end" else self.length - len(row)
            line[start : start + len(row)] = row
        return made


def build(
    length: Annotated[int, Ge(1)],
    max_words: Annotated[int, Ge(1)] | None = 10000,
    min_samples: Annotated[int, Ge(1)] = 1,
    unit: Literal["word", "character"] = "word",
    lowercase: bool = True,
    padding: Literal["end", "start"] = "end",
) -> Any:
    """The first `length` words (or characters) of a text as whole numbers: 0 is padding, 1 a word that is not in the
    vocabulary, the others are the `max_words` most frequent of the training part that occur in `min_samples` texts.

    Publishes `vocabulary_size`, padding and unknown included. Of nothing but this column it makes an array (n, length)
    of int32. Words are told apart by scikit-learn's CountVectorizer.
    """
    how = {"analyzer": "char"} if unit == "character" else {"token_pattern": r"(?u)\b\w+\b"}
    words = CountVectorizer(max_features=max_words, min_df=min_samples, lowercase=lowercase, **how)
    return SequenceVectorizer(words, length, padding)
