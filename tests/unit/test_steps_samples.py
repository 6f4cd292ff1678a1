"""Steps that change what a sample is: inside each part, with ids that stay unique and groups that carry over."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from blueno.errors import DataError
from blueno.etl.change import change_samples
from blueno.etl.opening import Step
from blueno.etl.samples import Samples

from .stepping import code_folder, opened

NUMBER = 20
SERIES = np.arange(NUMBER * 2.0).reshape(NUMBER, 2)


def samples(x: Any = SERIES, **more: Any) -> Samples:
    n = len(x)
    known = {
        "target": np.arange(n) * 10.0,
        "ids": np.array([f"s{i}" for i in range(n)]),
        "groups": None,
        "classes": None,
        "task": "regression",
        "positive": None,
        "dropped": {},
        "guessed": [],
    }
    return Samples(features=x, **known | more)


def changed(step: Step, of: Samples, **parts: Any) -> tuple[Samples, dict[str, np.ndarray]]:
    return change_samples(step, of, {name: np.asarray(rows) for name, rows in parts.items()})


def ids(made: tuple[Samples, dict[str, np.ndarray]], part: str) -> list[str]:
    return made[0].ids[made[1][part]].tolist()


# ---- windows


def test_windows_of_a_series_in_the_order_of_the_data() -> None:
    made, parts = changed(opened("windows", length=3), samples(), train=np.arange(12)[::-1], validation=range(12, 20))
    assert made.features.shape == (16, 3, 2)
    assert parts["train"].tolist() == [*range(10)]
    assert parts["validation"].tolist() == [*range(10, 16)]
    assert made.ids.tolist() == [f"s{i}" for i in [*range(2, 12), *range(14, 20)]]  # each its last sample's
    assert np.array_equal(made.features[0], SERIES[:3])
    assert np.array_equal(made.features[-1], SERIES[17:])
    assert made.target.tolist() == [i * 10.0 for i in [*range(2, 12), *range(14, 20)]]
    assert "windows made 16 samples of 20" in made.guessed


def test_stride_and_horizon() -> None:
    step = opened("windows", length=3, stride=4, horizon=2)
    made, _ = changed(step, samples(times=np.arange(20.0) / 2), train=range(20))
    assert made.ids.tolist() == ["s4", "s8", "s12", "s16"]
    assert made.features[1].tolist() == SERIES[4:7].tolist()
    assert made.times is not None
    assert made.times.tolist() == [2.0, 4.0, 6.0, 8.0]


def test_windows_stay_in_their_group_and_go_by_time() -> None:
    groups, times = np.arange(20) % 2, np.arange(20)[::-1]
    made, _ = changed(opened("windows", length=9), samples(groups=groups, times=times), train=range(20))
    assert made.ids.tolist() == ["s2", "s0", "s3", "s1"]
    assert made.groups is not None
    assert made.groups.tolist() == [0, 0, 1, 1]
    assert np.array_equal(made.features[0], SERIES[[18, 16, 14, 12, 10, 8, 6, 4, 2]])


def test_no_window_reaches_over_samples_of_another_part() -> None:
    made = changed(opened("windows", length=3), samples(), train=[*range(8), *range(12, 20)], validation=range(8, 12))
    assert ids(made, "train") == [f"s{i}" for i in [*range(2, 8), *range(14, 20)]]
    assert ids(made, "validation") == ["s10", "s11"]


def test_a_part_without_a_window_says_so() -> None:
    with pytest.raises(DataError, match="windows leaves no sample of the 4 of the stop part") as caught:
        changed(opened("windows", length=5), samples(), train=range(16), stop=range(16, 20))
    assert "split by time or group" in caught.value.fix


def test_windows_of_a_table_and_of_past_targets() -> None:
    frame = pd.DataFrame({"a": np.arange(20), "b": np.arange(20) / 2})
    step = opened("windows", length=2, horizon=1, past_target=True)
    made, _ = changed(step, samples(frame), train=range(20))
    assert made.features[3].tolist() == [[3, 1.5, 30], [4, 2.0, 40]]
    assert made.target[3] == 50
    with pytest.raises(DataError, match="no numbers: c"):
        changed(opened("windows", length=2), samples(frame.assign(c="x")), train=range(20))
    with pytest.raises(DataError, match="the target is among the inputs"):
        opened("windows", length=2, past_target=True)
    with pytest.raises(DataError, match="plain features"):
        changed(step, samples(np.zeros((20, 2, 2))), train=range(20))


# ---- slabs


VOLUMES = np.arange(4 * 5 * 3 * 2.0).reshape(4, 5, 3, 2)


def test_slabs_are_numbered_and_carry_group_and_target() -> None:
    step = opened("slabs", thickness=2, stride=2)
    made = changed(step, samples(VOLUMES, groups=np.array([7, 8, 8, 9])), train=[2, 0], validation=[1, 3])
    assert made[0].features.shape == (8, 2, 3, 2)
    assert ids(made, "train") == ["s0#0", "s0#1", "s2#0", "s2#1"]
    assert made[0].groups is not None
    assert made[0].groups[made[1]["train"]].tolist() == [7, 7, 8, 8]
    assert made[0].target[made[1]["train"]].tolist() == [0, 0, 20, 20]
    assert np.array_equal(made[0].features[3], VOLUMES[2, 2:4])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slabs_along_each_axis(axis: int) -> None:
    made, _ = changed(opened("slabs", thickness=2, axis=axis), samples(VOLUMES), train=range(4))
    count = VOLUMES.shape[axis + 1] - 1
    expected = [volume.take([at, at + 1], axis=axis) for volume in VOLUMES for at in range(count)]
    assert np.array_equal(made.features, np.stack(expected))


def test_slabs_that_cannot_be_cut() -> None:
    with pytest.raises(DataError, match=r"slabs of 6 .* shape \[5, 3, 2\] along axis 0") as caught:
        changed(opened("slabs", thickness=6), samples(VOLUMES), train=range(4))
    assert caught.value.fix == "say a thickness of at most 5"
    with pytest.raises(DataError, match="have no axis 3"):
        changed(opened("slabs", thickness=1, axis=3), samples(VOLUMES), train=range(4))


def test_columns_are_not_for_whole_samples() -> None:
    with pytest.raises(DataError, match="windows takes whole samples"):
        opened("windows", columns=["a"], length=2)


# ---- one's own

OWN = """
import numpy as np

def twice(samples, *, shift: float = 0.0):
    rows = np.repeat(np.arange(len(samples.ids)), 2)
    return samples.take(rows, samples.x[rows] + shift)

def first(samples):
    assert samples.places.tolist() == list(range(len(samples.ids)))
    samples.x[:] = 0
    return samples.take([0])

def drawn(samples):
    return samples.take(np.random.permutation(len(samples.ids))[:3])

def renamed(samples):
    return samples._replace(ids=["same"] + list(samples.ids[1:]))

def nothing(samples): return None
def shorter(samples): return samples._replace(y=samples.y[1:])
def ungrouped(samples): return samples._replace(groups=None)
def texts(samples): return samples._replace(y=samples.y.astype(str))
def objects(samples): return samples._replace(x=np.array([{}] * len(samples.ids)))
def classes(samples): return samples._replace(y=samples.y + 100)
def uneven(samples): return samples._replace(x=samples.x[:, :1] if len(samples.ids) > 9 else samples.x)
def broken(samples): raise ValueError("my own mistake")
"""


@pytest.fixture
def own(tmp_path: Path) -> Any:
    return lambda name, **params: opened(f"own.py:{name}", code_folder(tmp_path, OWN), **params)


def test_a_function_of_samples_is_run_on_each_part(own: Any) -> None:
    made = changed(own("twice", shift=0.5), samples(), train=range(4), validation=[4, 5])
    assert ids(made, "train") == [f"s{i}#{j}" for i in range(4) for j in range(2)]
    assert ids(made, "validation") == ["s4#0", "s4#1", "s5#0", "s5#1"]
    assert np.array_equal(made[0].features[made[1]["validation"]], SERIES[[4, 4, 5, 5]] + 0.5)


def test_it_may_write_to_what_it_gets_and_is_seeded(own: Any) -> None:
    before = SERIES.copy()
    made = changed(own("first"), samples(), train=range(20))
    assert (ids(made, "train"), made[0].features.tolist()) == (["s0"], [[0.0, 0.0]])
    assert np.array_equal(before, SERIES)
    one, two = (changed(own("drawn"), samples(), train=range(20))[0].ids.tolist() for _ in "12")
    assert one == two


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "nothing returned a NoneType, not samples"),
        ("shorter", "shorter returned 10 x, 9 y, 10 ids"),
        ("ungrouped", "changed whether samples have groups"),
        ("texts", "returned y of <U"),
        ("objects", "array of Python objects"),
        ("classes", "returned classes in y that none of its samples had"),
        ("renamed", "made the same ids twice: same"),
        ("uneven", r"several shapes: train: \[1\]; test: \[2\]"),
    ],
)
def test_what_does_not_fit_together_is_told(own: Any, name: str, said: str) -> None:
    of = samples(groups=np.arange(20), target=np.arange(20) % 3)
    with pytest.raises(DataError, match=said) as caught:
        changed(own(name), of, train=range(10), test=range(10, 19))
    assert "samples.take" in caught.value.fix


def test_an_error_in_user_code_stays_what_it_is(own: Any) -> None:
    with pytest.raises(ValueError, match="my own mistake"):
        changed(own("broken"), samples(), train=range(20))


def test_tables_stay_tables(own: Any) -> None:
    frame = pd.DataFrame({"a": np.arange(20), "b": [f"t{i}" for i in range(20)]})
    made, _ = changed(own("drawn"), samples(frame), train=range(10), validation=range(10, 20))
    assert isinstance(made.features, pd.DataFrame)
    assert list(made.features.columns) == ["a", "b"]
    assert made.features["b"].tolist() == [f"t{id[1:]}" for id in made.ids]
