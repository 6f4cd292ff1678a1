"""Which epoch counts, when training stops, when the rate falls: on scripted histories."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueno.ml.stopping import Rules, State, Watch, decide, monitors, rules, selection

from .ml_jobs import TRAIN

LOSS = Watch("val_loss", maximize=False)
ACCURACY = Watch("val_accuracy", maximize=True)
numbers = st.lists(st.floats(-3, 3) | st.just(math.nan) | st.just(math.inf), min_size=1, max_size=30)


def walk(values: list[float], obeyed: Rules, monitor: str = "val_loss") -> tuple[int, int, list[int]]:
    """The epoch that counts, the epochs that ran, and those after which the rate falls."""
    state, counts, reduced = State(), 0, []
    for epoch, value in enumerate(values, 1):
        decision = decide(state, epoch, {monitor: value}, obeyed)
        state = decision.state
        counts = epoch if decision.counts else counts
        reduced += [epoch] if decision.reduce else []
        if decision.stop:
            return counts, epoch, reduced
    return counts, len(values), reduced


def test_without_rules_the_last_epoch_counts() -> None:
    assert walk([3.0, 1.0, 2.0], Rules()) == (3, 3, [])


def test_the_earlier_of_equally_good_epochs_counts() -> None:
    assert walk([3.0, 1.0, 2.0, 1.0], Rules(select=LOSS)) == (2, 4, [])
    assert walk([0.5, 0.9, 0.9], Rules(select=ACCURACY), "val_accuracy") == (2, 3, [])


def test_what_is_not_finite_is_never_best() -> None:
    assert walk([math.nan, math.inf, 5.0, math.nan], Rules(select=LOSS))[0] == 3
    assert walk([math.nan, math.nan], Rules(select=LOSS))[0] == 2


@pytest.mark.parametrize(
    ("patience", "epochs"),
    [(0, 3), (1, 3), (2, 4), (3, 8)],
)
def test_early_stopping_waits_for_patience_epochs_in_a_row(patience: int, epochs: int) -> None:
    values = [3.0, 2.0, 2.5, 2.5, 1.0, 1.5, 1.5, 1.5]
    assert walk(values, Rules(stop=LOSS, patience=patience))[1] == epochs


def test_min_delta_is_for_stopping_and_not_for_what_counts() -> None:
    small_steps = [1.0, 0.99, 0.98, 0.97]
    obeyed = Rules(select=LOSS, stop=LOSS._replace(min_delta=0.1), patience=3)
    assert walk(small_steps, obeyed) == (4, 4, [])


def test_the_rate_falls_after_patience_epochs_and_again_only_after_as_many_more() -> None:
    flat = [1.0] * 8
    assert walk(flat, Rules(plateau=LOSS, plateau_patience=2))[2] == [3, 5, 7]
    assert walk(flat, Rules(plateau=LOSS, plateau_patience=2, plateau_after=3))[2] == [6, 8]


def test_selection_follows_early_stopping_unless_it_is_said() -> None:
    stop = {"monitor": "val_roc_auc", "patience": 5, "min_delta": 0.0}
    assert selection(TRAIN) is None
    assert selection(TRAIN | {"early_stopping": stop}) == "val_roc_auc"
    assert selection(TRAIN | {"early_stopping": stop, "select": "last"}) is None
    assert selection(TRAIN | {"early_stopping": stop, "select": {"best": "val_f1"}}) == "val_f1"
    assert monitors(TRAIN | {"early_stopping": stop, "select": {"best": "val_f1"}}) == ["val_roc_auc", "val_f1"]


def test_with_a_stop_part_the_rules_look_there() -> None:
    stop = {"monitor": "val_loss", "patience": 5, "min_delta": 0.0}
    obeyed = rules(TRAIN | {"early_stopping": stop}, {"val_loss": False}, {"val_loss": "stop_loss"})
    assert obeyed.stop == obeyed.select == Watch("stop_loss", maximize=False)


@given(numbers)
def test_the_epoch_that_counts_is_the_best_finite_one(values: list[float]) -> None:
    finite = [value for value in values if math.isfinite(value)]
    counts, ran, _ = walk(values, Rules(select=LOSS))
    assert ran == len(values)
    assert counts == (values.index(min(finite)) + 1 if finite else len(values))


@given(numbers, st.integers(1, 5))
def test_training_stops_when_the_best_lies_patience_epochs_back(values: list[float], patience: int) -> None:
    counts, ran, _ = walk(values, Rules(select=LOSS, stop=LOSS, patience=patience))
    if any(math.isfinite(value) for value in values[:ran]):
        assert ran == len(values) or ran - counts == patience
        assert ran - counts <= patience
