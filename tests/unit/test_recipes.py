from __future__ import annotations

from blueno.recipes import Change, change_words, changes, config_leaves, dataset_leaves, trial_leaves

from .recipe_plans import DATA, RECIPE


def test_leaves_stand_under_the_paths_of_the_language() -> None:
    found = trial_leaves(RECIPE, DATA)
    assert found["model.width"] == 8
    assert found["train.optimizer"] == "adam"
    assert found["data.source"] == "csv"
    assert found["data.source.csv.path"] == "a.csv"
    assert found["data.split.test"] == 0.2
    assert found["data.target"] == "y"
    assert found["code.model"] == "a" * 64
    assert found["content.data.source"] == "f" * 64
    assert "seed" not in config_leaves(RECIPE, DATA)


def test_a_trial_that_brings_its_own_data_has_leaves() -> None:
    found = trial_leaves({"model": {"function": "f.py:train"}, "train": None, "augment": []}, None)
    assert found["model"] == "f.py:train"
    assert not [path for path in found if path.startswith("data")]


def test_numbers_that_hash_apart_differ() -> None:
    assert changes({"a": 1}, {"a": 1.0}) == [Change("a", 1, 1.0)]
    assert changes({"a": [1, 2]}, {"a": [1, 2.0]}) == [Change("a", [1, 2], [1, 2.0])]
    assert changes({"a": 1, "b": [1]}, {"a": 1, "b": [1]}) == []


def test_a_file_counts_by_its_content() -> None:
    source = {**DATA["source"], "params": {"path": {"file": "f" * 64}, "separator": ","}}
    found = dataset_leaves({**DATA, "source": source})
    assert {path: value for path, value in found.items() if value == "f" * 64} == {
        "content.data.source.csv.path": "f" * 64
    }
    own = trial_leaves({"model": {"function": "f.py:train", "start": {"file": "e" * 64}}}, None)
    assert own["content.model.start"] == "e" * 64


def test_the_order_of_steps_is_a_leaf() -> None:
    pca = {"name": "pca", "params": {"components": 8}, "columns": ["a"], "code": 1}
    one = dataset_leaves({**DATA, "steps": [*DATA["steps"], pca]})
    other = dataset_leaves({**DATA, "steps": [pca, *DATA["steps"]]})
    assert changes(one, other) == [Change("preprocess", ["scale", "pca"], ["pca", "scale"])]
    assert one["preprocess.pca.columns"] == ["a"]


def test_changes_in_words() -> None:
    assert change_words(Change("train.epochs", 3, 4)) == "train.epochs: 3 -> 4"
    assert change_words(Change("code.model", 1, 2)) == "the code of model changed (1 -> 2)"
    assert change_words(Change("model.width", None, 2)) == "model.width: none -> 2"
    assert change_words(Change("code.model", None, "a" * 64)) == f"code.model: none -> {'a' * 16}"
