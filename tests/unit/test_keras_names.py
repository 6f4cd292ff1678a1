"""Optimizers and learning-rate schedules of one's own, from the spec to training."""

from __future__ import annotations

from pathlib import Path

import pytest

from blueno.errors import ModelError
from blueno.spec.signatures import OPAQUE, REQUIRED, Folders, signature_of
from blueno.usercode import CodeFolder

from .ml_jobs import MLP, blobs, code, job, quiet

OWN = """
import keras

class Half(keras.optimizers.SGD):
    def __init__(self, learning_rate, momentum: float = 0.0, **more):
        super().__init__(learning_rate=learning_rate / 2, momentum=momentum, **more)

class Plain(keras.optimizers.SGD):
    pass

def averaged(learning_rate: float, every: int = 10):
    return keras.optimizers.SGD(learning_rate, use_ema=True, ema_overwrite_frequency=every)

def rateless(momentum: float = 0.0):
    return keras.optimizers.SGD(momentum=momentum)

def number(learning_rate):
    return learning_rate

class Steps(keras.optimizers.schedules.LearningRateSchedule):
    def __init__(self, start: float = 1.0):
        self.start = start

    def __call__(self, step):
        return self.start / (1.0 + keras.ops.cast(step, "float32"))

    def get_config(self):
        return {"start": self.start}

def linear(start: float, epochs: int, steps_per_epoch: int):
    return keras.optimizers.schedules.PolynomialDecay(start, epochs * steps_per_epoch, 0.0)
"""


@pytest.fixture
def own(tmp_path: Path) -> CodeFolder:
    return code(tmp_path / "code", own=OWN)


def test_signatures_leave_out_what_blueno_passes(own: CodeFolder) -> None:
    folders = Folders(own.root, own.root, own.root / "memory")

    def defaults(role: str, name: str) -> dict[str, object]:
        return {each.name: each.default for each in signature_of(role, name, folders).parameters.values()}

    assert defaults("optimizer", "own.py:Half") == {"learning_rate": OPAQUE, "momentum": 0.0}
    assert defaults("optimizer", "own.py:averaged") == {"learning_rate": OPAQUE, "every": 10}
    assert defaults("schedule", "own.py:Steps") == {"start": 1.0}
    assert defaults("schedule", "own.py:linear") == {"start": REQUIRED}


@pytest.mark.slow
def test_an_optimizer_of_ones_own_is_given_the_rate(own: CodeFolder) -> None:
    keras = pytest.importorskip("keras")
    from blueno.ml.keras_names import optimizer

    half = optimizer({"own.py:Half": {"momentum": 0.5}}, 0.25, 2, 5, own)
    assert (float(half.learning_rate), half.momentum) == (0.125, 0.5)
    assert float(optimizer({"own.py:Plain": None}, 0.25, 2, 5, own).learning_rate) == 0.25
    averaged = optimizer({"own.py:averaged": {"every": 3}}, {"own.py:Steps": {"start": 2.0}}, 2, 5, own)
    assert averaged.ema_overwrite_frequency == 3
    assert isinstance(averaged._learning_rate, keras.optimizers.schedules.LearningRateSchedule)
    assert float(averaged.learning_rate) == 2.0


@pytest.mark.slow
def test_an_optimizer_that_is_none_or_takes_no_rate_is_refused(own: CodeFolder) -> None:
    pytest.importorskip("keras")
    from blueno.ml.keras_names import optimizer, schedule

    with pytest.raises(ModelError, match=r"own\.py:rateless does not take train\.learning_rate"):
        optimizer({"own.py:rateless": {}}, 0.25, 2, 5, own)
    with pytest.raises(ModelError, match=r"own\.py:number made float, no Optimizer"):
        optimizer({"own.py:number": {}}, 0.25, 2, 5, own)
    with pytest.raises(ModelError, match=r"made SGD, no LearningRateSchedule"):
        schedule({"own.py:rateless": {}}, 2, 5, own)


@pytest.mark.slow
def test_a_schedule_of_ones_own_is_told_the_epochs_if_it_asks(own: CodeFolder) -> None:
    pytest.importorskip("keras")
    from blueno.ml.keras_names import schedule

    linear = schedule({"own.py:linear": {"start": 1.0}}, 2, 5, own)
    assert [float(linear(step)) for step in (0, 5, 10)] == pytest.approx([1.0, 0.5, 0.0])
    assert float(schedule({"own.py:Steps": {}}, 2, 5, own)(1)) == 0.5


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras 3.15 with NumPy 2
def test_they_train(own: CodeFolder, tmp_path: Path) -> None:
    pytest.importorskip("keras")
    from blueno.ml.train import train

    def losses(name: str, optimizer: dict, rate: object) -> list[float]:
        asked = job(tmp_path / name, blobs(), MLP, code=own, optimizer=optimizer, learning_rate=rate)
        return train(asked, quiet).history["loss"]

    half = losses("half", {"own.py:Half": {"momentum": 0.0}}, 0.5)
    assert half == losses("sgd", {"sgd": {}}, 0.25)
    assert half != losses("linear", {"own.py:Plain": {}}, {"own.py:linear": {"start": 0.25}})
