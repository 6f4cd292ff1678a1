"""Steps on texts: counted, hashed, or as sequences of numbers, with a vocabulary of the training part."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction import text

from blueno.errors import DataError

from .stepping import TRAIN, array, made_by, opened, table

NOTES = ["no signs of anything", "a shadow in the left lung", "too dark to tell anything", None] * 3
NOTES += ["something entirely new here", "no shadow in the lung"] * 4
FRAME = pd.DataFrame({"note": NOTES, "age": np.arange(20.0)})
FILLED = [note or "" for note in NOTES]
TRAINING = FILLED[: len(TRAIN)]


def test_tfidf_is_scikit_learns() -> None:
    made = table("tfidf", FRAME, max_words=6, ngrams=2, sublinear=True)
    expected = text.TfidfVectorizer(max_features=6, ngram_range=(1, 2), sublinear_tf=True).fit(TRAINING)
    assert list(made.columns) == ["age", *expected.get_feature_names_out()]
    assert np.allclose(made.drop(columns="age"), expected.transform(FILLED).toarray(), atol=1e-6)


def test_counts_of_words_and_of_characters() -> None:
    made = table("count_words", FRAME, binary=True).drop(columns="age")
    assert np.array_equal(made, text.CountVectorizer(binary=True).fit(TRAINING).transform(FILLED).toarray())
    letters = table("count_words", FRAME, unit="character", ngrams=2, min_samples=3)
    assert {"d", "da"} <= set(letters.columns)


def test_hashed_words_need_no_vocabulary() -> None:
    made = table("hash_words", FRAME, features=16).drop(columns="age")
    assert np.allclose(made, text.HashingVectorizer(n_features=16).transform(FILLED).toarray(), atol=1e-6)
    assert opened("hash_words").fitted is False


def test_words_as_numbers() -> None:
    step = opened("tokenize", length=3, max_words=None)
    made = made_by(step, FRAME[["note"]]).features
    assert isinstance(made, np.ndarray)
    assert (made.dtype, made.shape) == (np.dtype("int32"), (20, 3))
    vocabulary = sorted({word for note in TRAINING for word in note.split()})
    assert step.transformer.published == {"vocabulary_size": len(vocabulary) + 2}
    number = {word: index + 2 for index, word in enumerate(vocabulary)}
    assert made[0].tolist() == [number["no"], number["signs"], number["of"]]  # the first three words
    assert made[1].tolist() == [number["a"], number["shadow"], number["in"]]
    assert made[3].tolist() == [0, 0, 0]  # a gap
    assert made[12].tolist() == [1, 1, 1]  # words that no training sample has
    assert made.max() < len(vocabulary) + 2


def test_padding_at_the_start_and_a_small_vocabulary() -> None:
    frame = FRAME[["note"]].assign(note=["b a a", "a"] * 10)
    step = opened("tokenize", length=4, padding="start", max_words=1, columns=["note"])
    made = made_by(step, frame).features
    assert made[:2].tolist() == [[0, 1, 2, 2], [0, 0, 0, 2]]
    assert step.transformer.published == {"vocabulary_size": 3}


def test_characters_as_numbers() -> None:
    frame = FRAME[["note"]].assign(note=["ab c", "a"] * 10)
    step = opened("tokenize", length=4, unit="character", columns=["note"])
    assert made_by(step, frame).features[:2].tolist() == [[3, 4, 2, 5], [3, 0, 0, 0]]


def test_beside_other_columns_numbers_are_columns() -> None:
    assert list(table("tokenize", FRAME, length=2).columns) == ["age", "tokenize_0", "tokenize_1"]


def test_texts_in_an_array() -> None:
    texts = np.array(FILLED)[:, None]
    assert array("tokenize", texts, length=3).shape == (20, 3)
    assert array("tfidf", texts, max_words=4).shape == (20, 4)
    with pytest.raises(DataError, match="one text a sample"):
        array("tfidf", np.ones((20, 2)))


def test_texts_without_words_say_so() -> None:
    with pytest.raises(DataError, match="empty vocabulary"):
        table("tfidf", FRAME.assign(note="- - - -"))


@pytest.mark.parametrize("name", ["tfidf", "count_words", "tokenize"])
def test_other_parts_change_nothing_that_is_fitted(name: str) -> None:
    params = {"length": 4} if name == "tokenize" else {}
    other = FRAME.assign(note=[*NOTES[:12], *["entirely other words are here"] * 8])
    one, two = table(name, FRAME, **params), table(name, other, **params)
    assert list(one.columns) == list(two.columns)
    assert one.iloc[TRAIN].equals(two.iloc[TRAIN])
