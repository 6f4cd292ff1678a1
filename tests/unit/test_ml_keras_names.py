"""Keras's objects by the names that specs use, and the cosine schedule."""

from __future__ import annotations

import math
from typing import Any

import pytest

from blueno.errors import ModelError
from blueno.spec.third_party import snake_case

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.slow

COSINE = {"from": 0.1, "to": 0.01, "warmup_epochs": 0, "decay_epochs": None}


def rates(steps: int, epochs: int, at: list[int], **changes: Any) -> list[float]:
    from blueno.ml.keras_names import schedule

    made = schedule({"cosine": COSINE | changes}, epochs, steps)
    return [float(made(step)) for step in at]


@pytest.mark.parametrize("kind", ["optimizers", "losses", "schedules"])
def test_every_name_that_a_spec_may_use_is_found(kind: str) -> None:
    from blueno.ml.keras_names import _classes

    module = keras.optimizers.schedules if kind == "schedules" else getattr(keras, kind)
    names = [name for name, made in vars(module).items() if isinstance(made, type)]
    assert len(names) > 5
    assert all(snake_case(name).replace("_", "") in _classes(module) for name in names)


def test_optimizers_get_their_parameters_and_the_rate() -> None:
    from blueno.ml.keras_names import optimizer

    made = optimizer({"adamw": {"weight_decay": 0.5, "clipnorm": 1.0}}, 0.25, 10, 5)
    assert (made.weight_decay, made.clipnorm, float(made.learning_rate)) == (0.5, 1.0, 0.25)
    decayed = optimizer({"sgd": None}, {"exponential_decay": {
        "initial_learning_rate": 0.1, "decay_steps": 10, "decay_rate": 0.5}}, 10, 5)  # fmt: skip
    assert float(decayed.learning_rate) == pytest.approx(0.1)


def test_cosine_without_warmup() -> None:
    middle = 0.01 + 0.09 * 0.5 * (1 + math.cos(math.pi / 2))
    assert rates(10, 4, [0, 20, 40, 100]) == pytest.approx([0.1, middle, 0.01, 0.01], rel=1e-5)


def test_cosine_with_warmup_in_epochs() -> None:
    found = rates(10, 4, [0, 5, 10, 25, 40], warmup_epochs=1)
    assert found == pytest.approx([0.0, 0.05, 0.1, 0.055, 0.01], abs=1e-6)
    assert rates(10, 40, [30, 100], warmup_epochs=1, decay_epochs=2) == pytest.approx([0.01, 0.01])


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    from blueno.ml.keras_names import layer, loss

    with pytest.raises(ModelError) as caught:
        layer({"random_flop": {}}, None)
    assert caught.value.fix == "write random_flip"
    with pytest.raises(ModelError, match="binary_crossentropy: "):
        loss({"binary_crossentropy": {"smooth": 1}}, None)
