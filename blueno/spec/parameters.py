"""Parameters of functions and classes, read from their definitions and never by importing them."""

from __future__ import annotations

import ast
import json
from enum import Enum
from typing import Any, NamedTuple

from .annotations import aliases_of, type_of
from .installed import generated
from .modules import Folders
from .references import Definition, find_expression
from .types import ANY, Type, check, literal


class Default(Enum):
    """What stands for a default that is not a literal value."""

    REQUIRED = "required"  # there is none: the parameter must be given
    OPAQUE = "opaque"  # there is one that only running the code would tell


REQUIRED, OPAQUE = Default.REQUIRED, Default.OPAQUE


class Parameter(NamedTuple):
    """One parameter. `default` is a plain value in its type's form, REQUIRED or OPAQUE; `position` counts from 0."""

    name: str
    type: Type
    default: Any
    position: int | None  # None: by keyword only


class Parameters(NamedTuple):
    """The parameters in order; `open` when any other keyword is taken too."""

    listed: tuple[Parameter, ...]
    open: bool


NOTHING, ANYTHING = Parameters((), False), Parameters((), True)

# Bases that add no parameters of their own to a class without an `__init__`.
PLAIN_BASES = ("builtins:object", "abc:", "typing:", "sklearn.base:")


def parameters_of(definition: Definition, folders: Folders) -> Parameters:
    """What a definition can be called with; anything when it is neither a function nor a class (a partial, say)."""
    node = definition.node
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return of_function(node, definition.tree)
    return _of_class(definition, folders) if isinstance(node, ast.ClassDef) else ANYTHING


def of_function(node: ast.FunctionDef | ast.AsyncFunctionDef, tree: ast.Module) -> Parameters:
    """The parameters of a function defined in the module `tree`."""
    aliases = aliases_of(tree)
    positional = [*node.args.posonlyargs, *node.args.args]
    defaults = [None] * (len(positional) - len(node.args.defaults)) + [*node.args.defaults]
    listed = [
        _parameter(arg.arg, type_of(arg.annotation, aliases), default, position)
        for position, (arg, default) in enumerate(zip(positional, defaults, strict=True))
    ]
    listed += [
        _parameter(arg.arg, type_of(arg.annotation, aliases), default, None)
        for arg, default in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    ]
    return Parameters(tuple(listed), node.args.kwarg is not None)


def _parameter(name: str, type: Type, default: ast.expr | None, position: int | None) -> Parameter:
    value = REQUIRED if default is None else literal_value(default)
    if not isinstance(value, Default):
        value = check(value, type).value  # `width: float = 1` and a written 1.0 are the same
    return Parameter(name, type, value, position)


def literal_value(node: ast.expr) -> Any:
    """The plain value that an expression writes out, tuples as lists, or OPAQUE."""
    try:
        return plain_value(ast.literal_eval(node))
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return OPAQUE


def plain_value(value: Any) -> Any:
    """A value as JSON has it, tuples as lists; OPAQUE for what JSON cannot say exactly."""
    try:
        plain = json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError):
        return OPAQUE
    return plain if plain == _listed(value) else OPAQUE


def _listed(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_listed(each) for each in value]
    return {key: _listed(each) for key, each in value.items()} if isinstance(value, dict) else value


def _of_class(definition: Definition, folders: Folders) -> Parameters:
    """Those of its `__init__`, looked for in the class, then in its bases as far as they can be followed."""
    node = definition.node
    assert isinstance(node, ast.ClassDef), "BUG: only classes come here"
    if _is_dataclass(node):
        return _of_dataclass(node, definition, folders)
    for inner in node.body:
        if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
            return without_leading(of_function(inner, definition.tree), 1)
    return next((found for base in node.bases if (found := _of_base(base, definition, folders)) != NOTHING), NOTHING)


def _of_base(base: ast.expr, definition: Definition, folders: Folders) -> Parameters:
    found = find_expression(base.value if isinstance(base, ast.Subscript) else base, definition, folders)
    if isinstance(found, Definition):
        return parameters_of(found, folders) if found.node is not definition.node else ANYTHING
    if found is None:
        return ANYTHING
    if found.reference.startswith(PLAIN_BASES):
        return NOTHING
    entry = generated().references.get(found.reference)
    return ANYTHING if entry is None else from_entry(entry)


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any("dataclass" in ast.unparse(decorator).partition("(")[0] for decorator in node.decorator_list)


def _of_dataclass(node: ast.ClassDef, definition: Definition, folders: Folders) -> Parameters:
    aliases = aliases_of(definition.tree)
    inherited = [_of_base(base, definition, folders) for base in node.bases]
    fields = {each.name: each for parameters in reversed(inherited) for each in parameters.listed}
    for inner in node.body:
        if isinstance(inner, ast.AnnAssign) and isinstance(inner.target, ast.Name) and not _is_class_variable(inner):
            name = inner.target.id
            fields[name] = _field(name, inner, type_of(inner.annotation, aliases))
    listed = tuple(each._replace(position=place) for place, each in enumerate(fields.values()))
    return Parameters(listed, any(parameters.open for parameters in inherited))


def _is_class_variable(node: ast.AnnAssign) -> bool:
    return "ClassVar" in ast.unparse(node.annotation)


def _field(name: str, node: ast.AnnAssign, type: Type) -> Parameter:
    value = node.value
    if isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] == "field":
        given = {each.arg: each.value for each in value.keywords}
        if "default_factory" in given:
            return Parameter(name, type, OPAQUE, None)
        value = given.get("default")
    return _parameter(name, type, value, None)


def without_leading(parameters: Parameters, count: int) -> Parameters:
    """The parameters after the first `count` positional ones, which the caller passes itself."""
    left = [each for each in parameters.listed if each.position is None or each.position >= count]
    moved = (each if each.position is None else each._replace(position=each.position - count) for each in left)
    return parameters._replace(listed=tuple(moved))


def from_entry(entry: list[Any]) -> Parameters:
    """Parameters as `third_party` writes them down: few types are known, so most values are taken as written."""
    star = entry.index("*") if "*" in entry else len(entry)
    listed = (_from_item(item, place if place < star else None) for place, item in enumerate(entry) if item != "*")
    return Parameters(tuple(each for each in listed if each), "**" in entry)


def _from_item(item: Any, position: int | None) -> Parameter | None:
    if not isinstance(item, list):
        return None
    more = item[2] if len(item) == 3 else None
    default = REQUIRED if len(item) == 1 else OPAQUE if more == "opaque" else item[1]
    return Parameter(item[0], literal(*more) if isinstance(more, list) else ANY, default, position)
