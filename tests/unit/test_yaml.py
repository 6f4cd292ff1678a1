"""YAML text to nodes: values as YAML 1.2 has them, every place exact."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueno.spec.node import Mark, Node, plain
from blueno.spec.problems import Problems
from blueno.spec.scalars import read_scalar
from blueno.spec.yaml import parse


def read(text: str) -> Node:
    problems = Problems()
    node = parse(text, "spec.yaml", problems)
    assert not problems.found
    assert node is not None
    return node


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3), ("-3", -3), ("+3", 3), ("017", 17), ("0o17", 15), ("0x1F", 31), ("1_000", "1_000"),
        ("1.0", 1.0), ("1.", 1.0), (".5", 0.5), ("1e-4", 1e-4), ("3E6", 3e6), ("-1.5e+3", -1500.0), ("1e", "1e"),
        ("", None), ("~", None), ("null", None), ("NULL", None), ("nULL", "nULL"), ("none", "none"),
        ("true", True), ("True", True), ("FALSE", False), ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"),
        ("2026-11-20", "2026-11-20"), ("12:30:45", "12:30:45"), ("0b101", "0b101"), ("nan", "nan"), ("inf", "inf"),
    ],
)  # fmt: skip
def test_plain_scalars(text: str, value: Any) -> None:
    found = read_scalar(text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize("text", [".nan", ".NaN", ".inf", "-.INF", "1e999", "9" * 5000])
def test_numbers_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match=r"number|infinities"):
        read_scalar(text)


def test_quoted_scalars_are_strings() -> None:
    assert plain(read("{a: '1', b: \"true\", c: '', d: |\n  x\n}".replace("d: |\n  x\n", "d: 'null'"))) == {
        "a": "1", "b": "true", "c": "", "d": "null",
    }  # fmt: skip


def test_places_of_keys_and_values() -> None:
    node = read("a:\n  - 1\n  - {b: żó, c: [x]}\n")
    assert node.keys["a"] == Mark("spec.yaml", 1, 1)
    inner = node.value["a"].value[1]
    assert inner.mark == Mark("spec.yaml", 3, 5)
    assert inner.keys == {"b": Mark("spec.yaml", 3, 6), "c": Mark("spec.yaml", 3, 13)}
    assert inner.value["c"].value[0].mark == Mark("spec.yaml", 3, 17)


def test_an_aliased_value_is_marked_at_the_alias() -> None:
    node = read("a: &x {b: [1]}\nc: *x\n").value["c"]
    assert plain(node) == {"b": [1]}
    assert {node.mark, node.keys["b"], node.value["b"].mark, node.value["b"].value[0].mark} == {Mark("spec.yaml", 2, 4)}
    assert node.alias == "x"


def test_merge_keys_give_way_to_explicit_ones() -> None:
    node = read("a: &a {x: 1, y: 1}\nb: &b {y: 2, z: 2}\nc: {z: 3, <<: [*a, *b]}\n").value["c"]
    assert plain(node) == {"z": 3, "x": 1, "y": 1}


def test_a_quoted_merge_key_is_a_key() -> None:
    assert plain(read("{'<<': {a: 1}}")) == {"<<": {"a": 1}}


def test_keys_are_kept_as_their_text() -> None:
    assert plain(read("{1: a, true: b, null: c, 1.50: d}")) == {"1": "a", "true": "b", "null": "c", "1.50": "d"}


TEXT = st.text(
    st.characters(exclude_categories=["Cs"], max_codepoint=0xFFFD), max_size=40
)  # JSON escapes above it as YAML does not
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(TEXT.filter(lambda key: key != "<<"), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(value=JSON)
def test_json_comes_back(value: Any) -> None:
    assert plain(read(json.dumps(value))) == value
