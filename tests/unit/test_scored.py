"""Predictions as they are kept: what is read back is what was measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from blueno.errors import ModelError
from blueno.ml.scored import Scored, hard_labels, load_predictions, save_predictions

IDS = np.array(["a", "b", "c"])
SCORES = np.array([[0.9, 0.1, 0.6], [0.2, 0.5, 0.7], [0.0, 0.0, 0.51]])
CASES = {
    "binary": (Scored("binary", np.array([0, 1, 1]), SCORES[:, 0], np.array([1, 0, 0]), 2, True), ["no", "yes"]),
    "binary without scores": (
        Scored("binary", np.array([0, 1, 1]), None, np.array([1, 0, 0]), 2, False),
        [False, True],
    ),
    "multiclass": (Scored("multiclass", np.array([0, 2, 2]), SCORES, np.array([0, 1, 2]), 3, False), [10, 20, 30]),
    "multilabel": (
        Scored("multilabel", np.array([[0, 1, 1]] * 3), SCORES, hard_labels("multilabel", SCORES), 3, True),
        ["rain", "wind", "snow"],
    ),
    "multilabel without scores": (
        Scored("multilabel", np.array([[0, 1, 1]] * 3), None, np.array([[1, 1, 0]] * 3), 3, False),
        ["rain", "wind", "snow"],
    ),
    "regression": (Scored("regression", SCORES[:, 0], SCORES[:, 1], None, 0, False), None),
    "regression of two": (Scored("regression", SCORES[:, :2], SCORES[:, 1:], None, 0, False), None),
}


@pytest.mark.parametrize("case", CASES)
def test_what_was_saved_is_read_back(case: str, tmp_path: Path) -> None:
    scored, classes = CASES[case]
    found = load_predictions(save_predictions(tmp_path / "predictions.npz", scored, IDS, classes))
    assert found.ids.tolist() == IDS.tolist()
    assert (found.part, found.classes) == ("validation", classes)
    assert (found.scored.task, found.scored.classes) == (scored.task, scored.classes)
    assert found.scored.probabilities is scored.probabilities
    for name in ("target", "scores", "labels"):
        before, after = getattr(scored, name), getattr(found.scored, name)
        assert (before is None and after is None) or (np.array_equal(before, after) and before.dtype == after.dtype)


def test_the_labels_of_an_estimator_are_its_own_and_not_made_of_its_scores(tmp_path: Path) -> None:
    scored, classes = CASES["multiclass"]
    assert scored.labels is not None and scored.scores is not None
    assert scored.labels.tolist() != hard_labels("multiclass", scored.scores).tolist()
    read = load_predictions(save_predictions(tmp_path / "p.npz", scored, IDS, classes)).scored
    assert read.labels is not None and read.labels.tolist() == scored.labels.tolist()


def test_several_labels_are_those_above_the_threshold() -> None:
    assert hard_labels("multilabel", SCORES).tolist() == [[1, 0, 1], [0, 0, 1], [0, 0, 1]]


@pytest.mark.parametrize("damage", ["cut", "older", "text"])
def test_a_file_that_is_no_predictions_says_what_to_do(damage: str, tmp_path: Path) -> None:
    path = save_predictions(tmp_path / "predictions.npz", *[CASES["binary"][0], IDS, CASES["binary"][1]])
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:200])
    elif damage == "older":
        np.savez(path, ids=IDS, target=IDS)
    else:
        path.write_text("nothing")
    with pytest.raises(ModelError, match="does not hold predictions") as caught:
        load_predictions(path)
    assert "blueno verify" in caught.value.fix
