"""Which layers train, by word, in flat and nested models."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from blueno.errors import ModelError

keras = pytest.importorskip("keras")
layers = keras.layers
pytestmark = pytest.mark.slow


def set_trainable(model: Any, words: Any) -> None:
    from blueno.ml import trainable

    trainable.set_trainable(model, words)


def dense(name: str) -> Any:
    return layers.Dense(2, name=name)


def flat(last: str = "head") -> Any:
    names = [dense("stem"), dense("block1_a"), layers.Dropout(0.5, name="drop"), dense("block2_a"), dense(last)]
    return keras.Sequential([keras.Input((2,)), *names])


def nested() -> Any:
    backbone = keras.Sequential([keras.Input((2,)), dense("inner_a"), dense("inner_b")], name="backbone")
    inputs = keras.Input((3, 2))
    x = layers.TimeDistributed(backbone, name="each")(inputs)
    return keras.Model(inputs, dense("head")(layers.Flatten()(x)))


def trained(model: Any) -> list[str]:
    """The names of the layers that have weights which train."""
    return list(dict.fromkeys(variable.path.split("/")[-2] for variable in model.trainable_variables))


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("head", ["head"]),
        (["head"], ["head"]),
        ("block2_a", ["block2_a"]),
        (["head", "block*"], ["block1_a", "block2_a", "head"]),
        ("all", ["stem", "block1_a", "block2_a", "head"]),
        (["head", "all"], ["stem", "block1_a", "block2_a", "head"]),
        (True, ["stem", "block1_a", "block2_a", "head"]),
        (False, []),
        ([], []),
    ],
)
def test_words(words, names):
    model = flat()
    set_trainable(model, words)
    assert trained(model) == names


def test_several_heads_are_all_head():
    model = keras.Sequential([keras.Input((2,)), dense("body"), dense("head_hidden"), dense("head")])
    set_trainable(model, "head")
    assert trained(model) == ["head_hidden", "head"]


def test_without_a_head_the_last_layer_with_weights_is_it():
    model = keras.Sequential([keras.Input((2,)), dense("first"), dense("last"), layers.Activation("softmax")])
    set_trainable(model, "head")
    assert trained(model) == ["last"]


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["head", "inner_b"], ["inner_b", "head"]),
        ("backbone", ["inner_a", "inner_b"]),
        ("each", ["inner_a", "inner_b"]),
        ("head", ["head"]),
    ],
)
def test_layers_inside_nested_models(words, names):
    model = nested()
    set_trainable(model, words)
    assert trained(model) == names


def test_without_a_head_the_last_layer_of_a_nested_model_is_it():
    inner = keras.Sequential([keras.Input((2,)), dense("one"), dense("two")], name="inner")
    model = keras.Sequential([keras.Input((2,)), inner])
    set_trainable(model, "head")
    assert trained(model) == ["two"]


def test_later_words_undo_earlier_ones():
    model = nested()
    set_trainable(model, False)
    set_trainable(model, "inner_a")
    set_trainable(model, ["inner_b", "head"])
    assert trained(model) == ["inner_b", "head"]


def test_a_models_own_variables_are_frozen_with_the_rest():
    class Scaled(keras.Model):
        def __init__(self) -> None:
            super().__init__()
            self.factor = self.add_weight(shape=(), name="factor")
            self.top = dense("head")

        def call(self, x):
            return self.top(x) * self.factor

    model = Scaled()
    model(np.zeros((1, 2), "float32"))
    set_trainable(model, "head")
    assert len(model.trainable_variables) == 2
    set_trainable(model, "all")
    assert len(model.trainable_variables) == 3


def test_only_what_trains_changes():
    model = flat()
    set_trainable(model, ["block2_a"])
    before = {layer.name: [np.copy(w) for w in layer.get_weights()] for layer in model.layers}
    model.compile("sgd", "mse")
    model.fit(np.ones((8, 2), "float32"), np.ones((8, 2), "float32"), verbose=0)
    changed = {
        layer.name
        for layer in model.layers
        for old, new in zip(before[layer.name], layer.get_weights(), strict=True)
        if not np.array_equal(old, new)
    }
    assert changed == {"block2_a"}


@pytest.mark.parametrize(
    ("word", "fix"),
    [("block1_b", "write block1_a"), ("blok2*", "block2_a"), ("zzz", "stem, block1_a"), ("drop", "stem")],
)
def test_a_word_that_names_nothing_is_an_error(word, fix):
    with pytest.raises(ModelError) as caught:
        set_trainable(flat(), ["head", word])
    assert repr(word) in caught.value.message
    assert fix in caught.value.fix


def test_of_many_names_some_are_listed():
    model = keras.Sequential([keras.Input((2,)), *(dense(f"d{i}") for i in range(40))])
    with pytest.raises(ModelError) as caught:
        set_trainable(model, "zzz")
    assert "40 layers with weights, of which d0, d1" in caught.value.fix
