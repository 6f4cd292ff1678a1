"""Types of parameters, and whether a value of a spec fits one. Values are null, bool, int, float, str, list or dict.

A value that fits comes back in its type's own form (`1e3` for an int is 1000, `1` for a float is 1.0), since integers
and floats hash apart. A bool is never a number and a string never anything but a string.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Callable
from typing import Any, NamedTuple


class Type(NamedTuple):
    """`kind` is a key of `CHECKS`; the other fields say more about some kinds."""

    kind: str
    items: tuple[Type, ...] = ()  # list, mapping: of each value; tuple: one each; union: the alternatives
    values: tuple[Any, ...] = ()  # literal: the values allowed
    ge: float | None = None  # limits of int and float
    gt: float | None = None
    le: float | None = None
    lt: float | None = None


class Misfit(NamedTuple):
    """Why a value, or an item of it at the path `where` (indices and keys), does not fit."""

    where: tuple[int | str, ...]
    message: str
    fix: str


class Checked(NamedTuple):
    """`value` in its type's form; as it was where `problems` says what is wrong."""

    value: Any
    problems: tuple[Misfit, ...] = ()


ANY = Type("any")
NULL = Type("null")
BOOL = Type("bool")
INT = Type("int")
FLOAT = Type("float")
STR = Type("str")
FILE = Type("file")
FILES = Type("files")  # one, a folder of them, or those that match a pattern
CODE = Type("code")  # a reference to user code

# how a kind is called, alone and as the items of a list
NOUNS = {
    "any": ("any value", "values"),
    "null": ("null", "nulls"),
    "bool": ("true or false", "true or false"),
    "int": ("a whole number", "whole numbers"),
    "float": ("a number", "numbers"),
    "str": ("a string", "strings"),
    "file": ("the path of a file", "paths of files"),
    "files": ("the path of a file, a folder or a pattern", "paths of files"),
    "code": ("file.py:name or package.module:name", "references such as file.py:name"),
    "list": ("a list", "lists"),
    "tuple": ("a list", "lists"),
    "mapping": ("a mapping", "mappings"),
}
LIMITS = (("ge", "at least"), ("gt", "above"), ("le", "at most"), ("lt", "below"))
MANY, SHOWN = 10, 6  # of a literal with more values than that, so many are named
TRUTHS = {"yes": "true", "on": "true", "true": "true", "no": "false", "off": "false", "false": "false"}


def list_of(item: Type) -> Type:
    """A list of any length whose items all are `item`."""
    return Type("list", (item,))


def union_of(*alternatives: Type) -> Type:
    """One of several types; nested unions are flattened."""
    flat = [inner for each in alternatives for inner in (each.items if each.kind == "union" else (each,))]
    distinct = tuple(dict.fromkeys(flat))
    if ANY in distinct:
        return ANY
    return distinct[0] if len(distinct) == 1 else Type("union", distinct)


def literal(*values: Any) -> Type:
    """One of the values named."""
    return Type("literal", values=values)


def check(value: Any, type: Type) -> Checked:
    """`value` in the form of `type`, or everything that does not fit, items inside it included."""
    return CHECKS[type.kind](value, type)


def words(type: Type, plural: bool = False) -> str:
    """A type as people say it.

    >>> words(Type("float", ge=0, lt=1))
    'a number at least 0 and below 1'
    >>> words(union_of(list_of(INT), NULL))
    'a list of whole numbers or null'
    """
    if type.kind == "union":
        *first, last = (words(each, plural) for each in type.items)
        return f"{', '.join(first)} or {last}"
    if type.kind == "literal":
        if len(type.values) == 1:
            return text(type.values[0])
        more = len(type.values) - SHOWN if len(type.values) > MANY else 0
        shown = ", ".join(text(value) for value in type.values[: SHOWN if more else None])
        return f"one of {shown}" + (f" or {more} others" if more else "")
    if type.kind == "tuple" and len(set(type.items)) == 1:
        return f"{NOUNS['tuple'][plural]} of {len(type.items)} {words(type.items[0], plural=True)}"
    if type.kind == "tuple":
        return f"{NOUNS['tuple'][plural]} of {len(type.items)}: {', '.join(words(each) for each in type.items)}"
    noun = NOUNS[type.kind][plural]
    if type.items and type.items[0] != ANY:
        return f"{noun} of {words(type.items[0], plural=True)}"
    limits = [f"{word} {_number(getattr(type, field))}" for field, word in LIMITS if getattr(type, field) is not None]
    return " ".join([noun, " and ".join(limits)]) if limits else noun


def text(value: Any) -> str:
    """A value as it would be written in a spec; quoted only where a bare string would read as something else."""
    if isinstance(value, str) and value.replace("_", "").replace("-", "").isalnum() and value[0].isalpha():
        return json.dumps(value) if value.lower() in (*TRUTHS, "null") else value
    return json.dumps(value, ensure_ascii=False)


def found(value: Any) -> str:
    """A value as an error names it: short, and telling a string from a number."""
    if isinstance(value, list):
        return "an empty list" if not value else "a list"
    if isinstance(value, dict):
        return "a mapping"
    shown = f"'{value}'" if isinstance(value, str) else text(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."


def nearest(name: str, names: list[str]) -> str:
    """The one of `names` that `name` was probably meant to be, or ""."""
    folded = {each.lower(): each for each in names}
    close = difflib.get_close_matches(name.lower(), list(folded), n=1, cutoff=0.6)
    return folded[close[0]] if close else ""


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)


def _misfit(value: Any, type: Type) -> Checked:
    fix = _fix(value, type) or f"write {words(type)}"
    return Checked(value, (Misfit((), f"expected {words(type)}, found {found(value)}", fix),))


def _fix(value: Any, type: Type) -> str:
    if type.kind == "union":
        return next((fix for each in type.items if (fix := _fix(value, each))), "")
    if type.kind == "list" and not isinstance(value, dict) and value is not None:
        inner = check(value, type.items[0])
        return "" if inner.problems else f"write [{text(inner.value)}]"
    if type.kind in ("str", "file", "files"):
        return f'write "{text(value)}"' if isinstance(value, bool | int | float) else ""
    if not isinstance(value, str):
        return ""
    if type.kind == "literal":
        close = nearest(value, [each for each in type.values if isinstance(each, str)])
        choices = f"choose among {', '.join(map(text, type.values))}" if len(type.values) > MANY else ""
        return f"write {text(close)}" if close else choices
    if type.kind == "bool":
        return f"write {TRUTHS[value.lower()]}" if value.lower() in TRUTHS else ""
    return _unquoted(value, type) if type.kind in ("int", "float") else ""


def _unquoted(value: str, type: Type) -> str:
    try:
        number = float(value)
    except ValueError:
        return ""
    return f"write {value.strip()} without quotes" if not check(number, type).problems else ""


def _check_any(value: Any, type: Type) -> Checked:
    return Checked(value)


def _check_null(value: Any, type: Type) -> Checked:
    return Checked(None) if value is None else _misfit(value, type)


def _check_bool(value: Any, type: Type) -> Checked:
    return Checked(value) if isinstance(value, bool) else _misfit(value, type)


def _check_number(value: Any, type: Type) -> Checked:
    if isinstance(value, bool) or not isinstance(value, int | float) or not _within(value, type):
        return _misfit(value, type)
    if type.kind == "int":
        whole = isinstance(value, int) or value.is_integer()
        return Checked(int(value)) if whole else _misfit(value, type)
    try:
        return Checked(float(value))
    except OverflowError:
        return _misfit(value, type)


def _within(value: float, type: Type) -> bool:
    return (
        math.isfinite(value if isinstance(value, float) else 0)
        and (type.ge is None or value >= type.ge)
        and (type.gt is None or value > type.gt)
        and (type.le is None or value <= type.le)
        and (type.lt is None or value < type.lt)
    )


def _check_str(value: Any, type: Type) -> Checked:
    return Checked(value) if isinstance(value, str) and (value or type.kind == "str") else _misfit(value, type)


def _check_code(value: Any, type: Type) -> Checked:
    return Checked(value) if isinstance(value, str) and ":" in value else _misfit(value, type)


def _check_literal(value: Any, type: Type) -> Checked:
    for each in type.values:
        if each == value and isinstance(each, bool) == isinstance(value, bool):
            return Checked(each)
    return _misfit(value, type)


def _check_list(value: Any, type: Type) -> Checked:
    if not isinstance(value, list):
        return _misfit(value, type)
    return _together(list(range(len(value))), [check(item, type.items[0]) for item in value], list)


def _check_tuple(value: Any, type: Type) -> Checked:
    if not isinstance(value, list):
        return _misfit(value, type)
    if len(value) != len(type.items):
        return Checked(
            value, (Misfit((), f"expected {words(type)}, found a list of {len(value)}", f"write {words(type)}"),)
        )
    return _together(list(range(len(value))), [check(*pair) for pair in zip(value, type.items, strict=True)], list)


def _check_mapping(value: Any, type: Type) -> Checked:
    if not isinstance(value, dict):
        return _misfit(value, type)
    keys = list(value)
    inner = [check(item, type.items[0]) for item in value.values()]
    return _together(keys, inner, lambda items: dict(zip(keys, items, strict=True)))


def _together(keys: list[Any], inner: list[Checked], made: Callable[[list[Any]], Any]) -> Checked:
    problems = [
        problem._replace(where=(key, *problem.where))
        for key, checked in zip(keys, inner, strict=True)
        for problem in checked.problems
    ]
    return Checked(made([checked.value for checked in inner]), tuple(problems))


def _check_union(value: Any, type: Type) -> Checked:
    """The alternative that fits the value as it is, else the first that fits: 1 stays 1 for int | float."""
    outcomes = [check(value, each) for each in type.items]
    fitting = [each for each in outcomes if not each.problems]
    if fitting:
        return next((each for each in fitting if _same(each.value, value)), fitting[0])
    # A wrong item of a list says more than "not a list of numbers", when only one alternative is a list at all.
    inside = [each for each in outcomes if all(problem.where for problem in each.problems)]
    return inside[0] if len(inside) == 1 else _misfit(value, type)


def _same(one: Any, other: Any) -> bool:
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


CHECKS: dict[str, Callable[[Any, Type], Checked]] = {
    "any": _check_any,
    "null": _check_null,
    "bool": _check_bool,
    "int": _check_number,
    "float": _check_number,
    "str": _check_str,
    "file": _check_str,
    "files": _check_str,
    "code": _check_code,
    "literal": _check_literal,
    "list": _check_list,
    "tuple": _check_tuple,
    "mapping": _check_mapping,
    "union": _check_union,
}
