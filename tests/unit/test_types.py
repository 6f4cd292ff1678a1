"""Whether values of a spec fit the types of parameters, and what is said when they do not."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueno.spec import types
from blueno.spec.annotations import aliases_of, type_of
from blueno.spec.types import (
    ANY,
    BOOL,
    CODE,
    FILE,
    FLOAT,
    INT,
    NULL,
    STR,
    Misfit,
    Type,
    check,
    list_of,
    literal,
    union_of,
    words,
)

ALIASES = aliases_of(ast.parse("Rate = Annotated[float, Ge(0), Lt(1)]\nLoop = Loop"))


def read(annotation: str) -> Type:
    return type_of(ast.parse(annotation, mode="eval").body, ALIASES)


@pytest.mark.parametrize(
    ("annotation", "type"),
    [
        ("int", INT),
        ("'int | None'", union_of(INT, NULL)),
        ("typing.Optional[float]", union_of(FLOAT, NULL)),
        ("Union[int, str, None]", union_of(INT, STR, NULL)),
        ("Literal['a', 'b', None]", literal("a", "b", None)),
        ("t.Literal[1, -1]", literal(1, -1)),
        ("list[int]", list_of(INT)),
        ("Sequence[list[float]]", list_of(list_of(FLOAT))),
        ("tuple[int, ...]", list_of(INT)),
        ("tuple[int, float]", Type("tuple", (INT, FLOAT))),
        ("dict[str, int]", Type("mapping", (INT,))),
        ("dict", Type("mapping", (ANY,))),
        ("Annotated[float, Ge(0), Lt(1)]", Type("float", ge=0, lt=1)),
        ("Annotated[int | None, at.Gt(-2)]", union_of(Type("int", gt=-2), NULL)),
        ("Annotated[float, Interval(ge=0, le=1)]", Type("float", ge=0, le=1)),
        ("list[Annotated[int, Ge(1)]]", list_of(Type("int", ge=1))),
        ("Rate | None", union_of(Type("float", ge=0, lt=1), NULL)),
        ("FilePath", FILE),
        ("Annotated[str, 'file']", FILE),
        ("Reference | None", union_of(CODE, NULL)),
        ("Annotated[float, Ge(LOWEST)]", FLOAT),
        ("bool", BOOL),
        ("np.ndarray", ANY),
        ("int | np.ndarray", ANY),
        ("Literal[SMALL]", ANY),
        ("'not an annotation ['", ANY),
        ("Loop", ANY),
        ("callable()", ANY),
    ],
)
def test_annotations_are_read_as_types(annotation: str, type: Type) -> None:
    assert read(annotation) == type


@pytest.mark.parametrize(
    ("annotation", "value", "fitted"),
    [
        ("int", 1e3, 1000),
        ("int", 3, 3),
        ("float", 1, 1.0),
        ("float", 1e-4, 1e-4),
        ("int | float", 1, 1),
        ("int | float", 1.0, 1.0),
        ("float | None", 2, 2.0),
        ("float | None", None, None),
        ("str", "1", "1"),
        ("bool", False, False),
        ("Literal['a', 1]", 1.0, 1),
        ("list[int]", [1e1, 2], [10, 2]),
        ("list[int] | int", 5.0, 5),
        ("list[list[float]]", [[1], []], [[1.0], []]),
        ("tuple[int, float]", [3.0, 3], [3, 3.0]),
        ("dict[str, float]", {"a": 1}, {"a": 1.0}),
        ("Annotated[float, Ge(0), Lt(1)]", 0, 0.0),
        ("np.ndarray", {"x": [1]}, {"x": [1]}),
    ],
)
def test_a_value_that_fits_takes_its_types_form(annotation: str, value: Any, fitted: Any) -> None:
    checked = check(value, read(annotation))
    assert checked.problems == ()
    assert repr(checked.value) == repr(fitted)


@pytest.mark.parametrize(
    ("annotation", "value", "message", "fix"),
    [
        ("int", 0.5, "expected a whole number, found 0.5", "write a whole number"),
        ("int", True, "expected a whole number, found true", "write a whole number"),
        ("int", "64", "expected a whole number, found '64'", "write 64 without quotes"),
        ("int", "0.5", "expected a whole number, found '0.5'", "write a whole number"),
        ("float", None, "expected a number, found null", "write a number"),
        ("float", 10**400, "expected a number, found 1" + "0" * 56 + "...", "write a number"),
        ("bool", "yes", "expected true or false, found 'yes'", "write true"),
        ("bool", 1, "expected true or false, found 1", "write true or false"),
        ("str", 5, "expected a string, found 5", 'write "5"'),
        (
            "Reference",
            "load",
            "expected file.py:name or package.module:name, found 'load'",
            "write file.py:name or package.module:name",
        ),
        ("FilePath", "", "expected the path of a file, found ''", "write the path of a file"),
        ("Rate", 1.5, "expected a number at least 0 and below 1, found 1.5", "write a number at least 0 and below 1"),
        (
            "Literal['minmax', 'standard']",
            "standrad",
            "expected one of minmax, standard, found 'standrad'",
            "write standard",
        ),
        ("Literal['a', 1]", True, "expected one of a, 1, found true", "write one of a, 1"),
        ("list[int]", 64, "expected a list of whole numbers, found 64", "write [64]"),
        ("list[int]", {"a": 1}, "expected a list of whole numbers, found a mapping", "write a list of whole numbers"),
        (
            "dict[str, int]",
            [],
            "expected a mapping of whole numbers, found an empty list",
            "write a mapping of whole numbers",
        ),
        (
            "tuple[int, int]",
            [1],
            "expected a list of 2 whole numbers, found a list of 1",
            "write a list of 2 whole numbers",
        ),
        ("int | None", "x", "expected a whole number or null, found 'x'", "write a whole number or null"),
        ("Literal['same'] | int", "sam", "expected same or a whole number, found 'sam'", "write same"),
    ],
)
def test_a_value_that_does_not_fit_is_said_in_words(annotation: str, value: Any, message: str, fix: str) -> None:
    checked = check(value, read(annotation))
    assert checked.problems == (Misfit((), message, fix),)
    assert checked.value is value


def test_every_bad_item_is_named_by_its_path() -> None:
    checked = check({"a": [1, "x", 0], "b": [2.5]}, read("dict[str, list[Annotated[int, Ge(1)]]]"))
    assert [problem.where for problem in checked.problems] == [("a", 1), ("a", 2), ("b", 0)]
    assert checked.problems[1].message == "expected a whole number at least 1, found 0"


def test_an_item_of_the_only_list_among_alternatives_is_marked_itself() -> None:
    assert check([1, "x"], read("list[int] | int")).problems[0].where == (1,)


@pytest.mark.parametrize(
    ("value", "shown"), [("a_b", "a_b"), ("no", '"no"'), ("1e3", '"1e3"'), ("", '""'), ([1, "a"], '[1, "a"]')]
)
def test_values_are_shown_as_a_spec_would_write_them(value: Any, shown: str) -> None:
    assert types.text(value) == shown


def test_a_name_is_found_whatever_its_case() -> None:
    assert types.nearest("Adam", ["adam", "sgd"]) == "adam"
    assert types.nearest("zzz", ["adam", "sgd"]) == ""


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
TYPES = st.recursive(
    st.sampled_from([NULL, BOOL, INT, FLOAT, STR, Type("float", ge=0, lt=1), literal("a", 1, True)]),
    lambda inner: inner.map(list_of) | st.tuples(inner, inner).map(lambda pair: union_of(*pair)),
)


@given(VALUES, TYPES)
def test_what_fits_fits_again_unchanged_and_what_does_not_is_pointed_at(value: Any, type: Type) -> None:
    checked = check(value, type)
    if not checked.problems:
        assert repr(check(checked.value, type)) == repr(types.Checked(checked.value))
    for problem in checked.problems:
        item = value
        for step in problem.where:
            item = item[step]
        assert problem.message.endswith(f"found {types.found(item)}")


def test_alternatives_and_lists_of_a_length_in_words() -> None:
    side = Type("int", ge=1)
    size = union_of(side, Type("tuple", (side, side)), NULL)
    assert words(size) == "a whole number at least 1, a list of 2 whole numbers at least 1 or null"
