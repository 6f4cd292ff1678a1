"""The values of each form of an axis, exact to the digit."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueno.spec.axes import comparable, values_of
from blueno.spec.node import Mark, Node, plain
from blueno.spec.problems import Problems


def node(value: Any) -> Node:
    mark = Mark("spec.yaml", 1, 1)
    if isinstance(value, list):
        return Node([node(each) for each in value], mark)
    if isinstance(value, dict):
        return Node({key: node(each) for key, each in value.items()}, mark)
    return Node(value, mark)


def values(form: str, *numbers: Any) -> list[Any]:
    problems = Problems()
    made = values_of(form, node(list(numbers)), "train.x", problems)
    assert not problems.found
    return [plain(each) for each in made]


@pytest.mark.parametrize(
    ("form", "numbers", "expected"),
    [
        ("range", (0.5, 0.9, 0.1), [0.5, 0.6, 0.7, 0.8, 0.9]),
        ("range", (8, 32, 8), [8, 16, 24, 32]),
        ("range", (1, 2, 0.5), [1.0, 1.5, 2.0]),
        ("range", (0, 1, 0.3), [0.0, 0.3, 0.6, 0.9]),
        ("range", (1, 10, 4), [1, 5, 9]),
        ("range", (1, 2, 5), [1]),
        ("range", (-0.3, 0.3, 0.1), [-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3]),
        ("linspace", (0, 10, 3), [0, 5, 10]),
        ("linspace", (0, 1, 3), [0.0, 0.5, 1.0]),
        ("linspace", (0.0, 10.0, 3), [0.0, 5.0, 10.0]),
        ("linspace", (0.1, 0.7, 4), [0.1, 0.3, 0.5, 0.7]),
        ("linspace", (1, 2, 2), [1, 2]),
        ("logspace", (1e-4, 1e-2, 3), [1e-4, 1e-3, 1e-2]),
        ("logspace", (1e-5, 1e-1, 5), [1e-5, 1e-4, 1e-3, 1e-2, 1e-1]),
        ("logspace", (16, 256, 5), [16, 32, 64, 128, 256]),
        ("logspace", (1, 10, 3), [1.0, 3.1622776601683795, 10.0]),
        ("logspace", (0.3, 0.7, 2), [0.3, 0.7]),
        ("grid", ([1, 2], {"a": 1}, None, True, 1, "1"), [[1, 2], {"a": 1}, None, True, 1, "1"]),
    ],
)
def test_values(form: str, numbers: tuple[Any, ...], expected: list[Any]) -> None:
    found = values(form, *numbers)
    assert [(type(each), each) for each in found] == [(type(each), each) for each in expected]


@given(first=st.integers(-1000, 1000), count=st.integers(2, 300), step=st.integers(1, 500), digits=st.integers(0, 6))
def test_a_range_ends_where_it_says(first: int, count: int, step: int, digits: int) -> None:
    scale = Decimal(1).scaleb(-digits)
    ends = [float(first * scale), float((first + step * (count - 1)) * scale), float(step * scale)]
    found = values("range", *ends)
    assert len(found) == count
    assert found == [float((first + step * index) * scale) for index in range(count)]


@given(
    ends=st.tuples(st.floats(1e-12, 1e12), st.floats(1e-12, 1e12)).filter(lambda pair: pair[0] * 1.001 < pair[1]),
    count=st.integers(2, 40),
)
def test_a_logspace_is_even_in_ratio(ends: tuple[float, float], count: int) -> None:
    found = values("logspace", *ends, count)
    assert (found[0], found[-1], len(found)) == (*ends, count)
    ratio = (ends[1] / ends[0]) ** (1 / (count - 1))
    assert all(abs(after / before / ratio - 1) < 1e-9 for before, after in pairwise(found))


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [(1, 1.0, True), (1, True, False), (0, False, False), ([1], [1.0], True), ({"a": 1}, {"a": 1.0}, True),
     ("1", 1, False), (None, "null", False), ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True)],
)  # fmt: skip
def test_equality(one: Any, other: Any, equal: bool) -> None:
    assert (comparable(node(one)) == comparable(node(other))) is equal
