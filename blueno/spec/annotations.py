"""Annotations of parameters, read from the syntax tree as types. What is not understood is ANY: unchecked."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from .types import ANY, BOOL, CODE, FILE, FILES, FLOAT, INT, NULL, STR, Type, list_of, literal, union_of

PLAIN = {
    "int": INT,
    "float": FLOAT,
    "bool": BOOL,
    "str": STR,
    "None": NULL,
    "FilePath": FILE,  # blueno.etl.sources
    "FilePaths": FILES,
    "Reference": CODE,
    "list": list_of(ANY),
    "List": list_of(ANY),
    "tuple": list_of(ANY),
    "Tuple": list_of(ANY),
    "Sequence": list_of(ANY),
    "dict": Type("mapping", (ANY,)),
    "Dict": Type("mapping", (ANY,)),
    "Mapping": Type("mapping", (ANY,)),
}
LIMITS = {"Ge": "ge", "Gt": "gt", "Le": "le", "Lt": "lt"}  # annotated-types' names
DEEPEST = 20  # aliases that name each other end here

Aliases = Mapping[str, ast.expr]


def aliases_of(tree: ast.Module) -> dict[str, ast.expr]:
    """What the module's own names stand for (`Rate = Annotated[float, Ge(0), Lt(1)]`), for `type_of`."""
    return {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def type_of(node: ast.expr | None, aliases: Aliases, depth: int = 0) -> Type:
    """The type that an annotation says; ANY for none, for classes of others, and for what cannot be read statically."""
    if node is None or depth > DEEPEST:
        return ANY
    if isinstance(node, ast.Constant):
        return _constant(node.value, aliases, depth)
    if isinstance(node, ast.Name) and node.id not in PLAIN and node.id in aliases:
        return type_of(aliases[node.id], aliases, depth + 1)
    if isinstance(node, ast.Name | ast.Attribute):
        return PLAIN.get(_last(node), ANY)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return union_of(type_of(node.left, aliases, depth + 1), type_of(node.right, aliases, depth + 1))
    if isinstance(node, ast.Subscript):
        inner = list(node.slice.elts) if isinstance(node.slice, ast.Tuple) else [node.slice]
        return _subscript(_last(node.value), inner, aliases, depth + 1)
    return ANY


def _constant(value: Any, aliases: Aliases, depth: int) -> Type:
    if value is None:
        return NULL
    if not isinstance(value, str):
        return ANY
    try:
        return type_of(ast.parse(value, mode="eval").body, aliases, depth + 1)
    except SyntaxError:
        return ANY


def _last(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _subscript(name: str, inner: list[ast.expr], aliases: Aliases, depth: int) -> Type:
    if name == "Literal":
        return _literal(inner)
    if name == "Annotated":
        return _annotated(type_of(inner[0], aliases, depth), inner[1:])
    types = [type_of(each, aliases, depth) for each in inner]
    if name == "Optional":
        return union_of(types[0], NULL)
    if name == "Union":
        return union_of(*types)
    if name in ("list", "List", "Sequence"):
        return list_of(types[0])
    if name in ("tuple", "Tuple"):
        endless = len(inner) == 2 and isinstance(inner[1], ast.Constant) and inner[1].value is Ellipsis
        return list_of(types[0]) if endless else Type("tuple", tuple(types))
    if name in ("dict", "Dict", "Mapping") and len(types) == 2:
        return Type("mapping", (types[1],))
    return ANY


def _literal(inner: list[ast.expr]) -> Type:
    try:
        values = [ast.literal_eval(each) for each in inner]
    except ValueError:
        return ANY
    return literal(*values) if all(isinstance(each, str | int | bool | None) for each in values) else ANY


def _annotated(type: Type, extras: list[ast.expr]) -> Type:
    """`type` within the limits of annotated-types that stand beside it; `Annotated[str, "file"]` is a file."""
    if type.kind == "union":
        return union_of(*(_annotated(each, extras) for each in type.items))
    if type.kind == "str" and any(isinstance(each, ast.Constant) and each.value == "file" for each in extras):
        return FILE
    if type.kind not in ("int", "float"):
        return type
    limits: dict[str, float] = {}
    for each in extras:
        if isinstance(each, ast.Call):
            limits |= _limits(each)
    return type._replace(**limits)  # type: ignore[arg-type]  # mypy takes the fields' types together


def _limits(call: ast.Call) -> dict[str, float]:
    """`Ge(0)` as {"ge": 0}, `Interval(ge=0, lt=1)` as {"ge": 0, "lt": 1}, anything else as {}."""
    name = _last(call.func)
    written = [(LIMITS[name], each) for each in call.args[:1]] if name in LIMITS else []
    written += [(each.arg, each.value) for each in call.keywords if each.arg and each.arg in LIMITS.values()]
    try:
        return {field: ast.literal_eval(node) for field, node in written}
    except ValueError:
        return {}
