"""What a spec gives to the functions and classes it names, checked against their signatures."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from .node import Node, is_broken, plain
from .problems import join_path
from .signatures import OPAQUE, REQUIRED, Signature
from .types import ANY
from .values import Code, Context, checked, is_mapping, signature

KERAS_OWN = ("name", "dtype")


def arguments(sign: Signature, given: Node, name: Node, path: str, context: Context) -> dict[str, Any]:
    """The parameters in `given`, each in its type's form, with the defaults of built-ins and user functions."""
    if not is_mapping(given, path, context, "{parameter: value}"):
        return {}
    found = {key: argument(sign, key, child, given, path, context) for key, child in given.value.items()}
    report_missing(sign, given.value, name, path, context)
    return {**defaults(sign, given.value), **found}


def argument(sign: Signature, key: str, node: Node, given: Node, path: str, context: Context) -> Any:
    """One parameter's value in its type's form; `given` is the mapping that it stands in."""
    known = sign.parameters.get(key)
    if known is None and not is_taken(sign, key):
        context.problems.unknown_key(given.keys[key], path, key, sign.parameters)
        return None
    return checked(node, known.type if known else ANY, join_path(path, key), context)


def is_taken(sign: Signature, key: str) -> bool:
    """Whether a parameter of this name is taken. Keras's `**kwargs` are for names of its own, not for any word."""
    if key in sign.parameters:
        return True
    return key in KERAS_OWN if sign.reference.startswith("keras.") else sign.open


def report_missing(
    sign: Signature, given: Collection[str], name: Node, path: str, context: Context, allowed: Collection[str] = ()
) -> None:
    """Adds a problem, marked at the name that needs it, for each required parameter that is not given."""
    for key, parameter in sign.parameters.items():
        if parameter.default is REQUIRED and key not in given and key not in allowed:
            context.problems.add(name.mark, path, f"{plain(name)} needs {key}", f"add {key}: ...")


def defaults(sign: Signature, given: Collection[str]) -> dict[str, Any]:
    """Defaults of the parameters that are not given; none for third parties, whose parameters count as written."""
    if sign.kind == "third_party":
        return {}
    listed = ((key, each.default) for key, each in sign.parameters.items() if key not in given)
    return {key: default for key, default in listed if default is not REQUIRED and default is not OPAQUE}


def code_of(sign: Signature, name: Node, uses: tuple[str, ...] = ()) -> Code | int | None:
    """What counts of the code behind a name: a built-in's version, the user's code, nothing of an installed library."""
    if sign.kind == "user":
        return Code(str(name.value), name.mark, uses)
    return sign.version


def nested_estimators(value: Any, node: Node, path: str, context: Context) -> tuple[Any, dict[str, Any], bool]:
    """A parameter with each `{estimator: ...}` in it checked: (value, code by path, whether one of them is seeded)."""
    if isinstance(node.value, list) and isinstance(value, list):
        inner = [
            nested_estimators(item, child, f"{path}[{index}]", context)
            for index, (item, child) in enumerate(zip(value, node.value, strict=True))
        ]
        return [each[0] for each in inner], _merged(inner), any(each[2] for each in inner)
    if not isinstance(node.value, dict) or not isinstance(value, dict):
        return value, {}, False
    if "estimator" in node.value and isinstance(node.value["estimator"].value, str):
        return _nested(node, path, context)
    made = {
        key: nested_estimators(value[key], child, join_path(path, key), context) for key, child in node.value.items()
    }
    return {key: each[0] for key, each in made.items()}, _merged(made.values()), any(each[2] for each in made.values())


def _nested(node: Node, path: str, context: Context) -> tuple[Any, dict[str, Any], bool]:
    name = node.value["estimator"]
    sign = None if is_broken(node) else signature("estimator", name.value, name, join_path(path, "estimator"), context)
    if sign is None:
        return None, {}, False
    given = node._replace(value={key: child for key, child in node.value.items() if key != "estimator"})
    found = arguments(sign, given, name, path, context)
    made = {
        key: nested_estimators(value, given.value[key], join_path(path, key), context)
        for key, value in found.items()
        if key in given.value
    }
    code = code_of(sign, name)
    values = {**found, **{key: each[0] for key, each in made.items()}, "estimator": name.value}
    seeded = "random_state" in sign.parameters or any(each[2] for each in made.values())
    return values, {**({} if code is None else {path: code}), **_merged(made.values())}, seeded


def _merged(inner: Any) -> dict[str, Any]:
    return {key: code for each in inner for key, code in each[1].items()}
