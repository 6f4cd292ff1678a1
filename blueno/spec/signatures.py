"""What a name of a spec can be given: the signature of the function or class that it names, by its role in the spec.

Nothing heavy and nothing of the user's is imported for it: built-ins and user files are read as syntax trees, Keras and
scikit-learn come from a generated file, anything else from a child process.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from pathlib import Path
from typing import Literal, NamedTuple

from .installed import entry_of, generated
from .modules import Folders, UnknownName
from .parameters import NOTHING, OPAQUE, REQUIRED, Parameter, Parameters, from_entry, parameters_of, without_leading
from .references import Definition, Installed, find, find_in, is_reference
from .types import nearest

__all__ = [
    "OPAQUE",
    "REQUIRED",
    "ROLES",
    "Folders",
    "Parameter",
    "Signature",
    "UnknownName",
    "names_of",
    "signature_of",
]

Kind = Literal["builtin", "third_party", "user"]


class Signature(NamedTuple):
    """What a name stands for and what it takes, less what Blueno itself passes in."""

    reference: str  # a built-in's name, `keras.optimizers:Adam`, or the reference as written
    parameters: dict[str, Parameter]
    open: bool  # any other keyword is taken too
    kind: Kind
    version: int | None  # of a built-in
    place: str  # where it is defined, as file:line; "" for a library


class Role(NamedTuple):
    """What stands at one place of a spec, and what is passed to it by Blueno and so never written."""

    noun: str
    table: str = ""  # built-ins: module:TABLE of name -> module
    function: str = ""  # what each module of the table defines
    injected: frozenset[str] = frozenset()  # by name
    elsewhere: frozenset[str] = frozenset()  # by name: set at another place of a spec, so never missing here
    leading: int = 0  # first positional ones of a function (not a class) of the user's or a library's
    open: bool = False  # other keys are always free
    example: str = "package.module:Class"


ROLES = {
    "source": Role("source", "blueno.etl.sources:SOURCES", "load", example="file.py:function"),
    "step": Role("step", "blueno.etl.steps:STEPS", "build", leading=1),
    "architecture": Role(
        "architecture",
        "blueno.ml.architectures:ARCHITECTURES",
        "build",
        frozenset({"input_shape", "input_dtype", "output_units", "output_activation", "keras_application"}),
        example="file.py:build",
    ),
    "estimator": Role("estimator", example="sklearn.svm:SVC"),
    "function": Role("function", leading=1, open=True, example="file.py:train"),
    "generator": Role(
        "data set or generator of scikit-learn's",
        injected=frozenset(
            {"as_frame", "coef", "return_X_y", "return_centers", "return_distributions", "return_indicator"}
        ),
    ),
    "metric": Role("metric", leading=2, example="file.py:function"),
    "optimizer": Role("optimizer", elsewhere=frozenset({"learning_rate"}), example="file.py:Optimizer"),
    "loss": Role("loss", leading=2, example="file.py:loss"),
    "schedule": Role(
        "learning-rate schedule", injected=frozenset({"epochs", "steps_per_epoch"}), example="file.py:Schedule"
    ),
    "layer": Role("layer", example="file.py:Layer"),
}


def signature_of(role: str, name: str, folders: Folders) -> Signature:
    """What `name` takes in a role (a key of ROLES). UnknownName, with the choices, when nothing goes by it.

    A built-in wins over Keras's snake_case name, that over a reference to the user's project, that over a library.
    """
    part = ROLES[role]
    if name in _table(part):
        return _builtin(role, name)
    if name in generated().names.get(role, {}):
        reference = generated().names[role][name]
        return _made(part, reference, "third_party", from_entry(entry_of(reference, folders.memory)))
    if not is_reference(name):
        raise _unknown(role, name)
    found = find(name, folders)
    if isinstance(found, Installed):
        return _made(part, name, "third_party", _of_installed(found.reference, part, folders))
    return _user(name, found, part, folders)


def names_of(role: str) -> list[str]:
    """The short names that a role knows: built-ins, then Keras's."""
    return sorted(_table(ROLES[role])) + sorted(generated().names.get(role, {}))


def builtin_file(role: str, name: str) -> Path:
    """The source file of a built-in, found without importing it."""
    part = ROLES[role]
    package, _, _ = part.table.partition(":")
    spec = importlib.util.find_spec(package)
    assert spec is not None and spec.submodule_search_locations, f"BUG: no package {package}"
    return Path(next(iter(spec.submodule_search_locations))) / f"{_table(part)[name]}.py"


def _table(part: Role) -> dict[str, str]:
    module, _, table = part.table.partition(":")
    return dict(getattr(importlib.import_module(module), table)) if module else {}


def _builtin(role: str, name: str) -> Signature:
    part, file = ROLES[role], builtin_file(role, name)
    folders = Folders(file.parent, file.parent)
    found = find_in(file, part.function, folders)
    assert isinstance(found, Definition), f"BUG: {file.name} must define {part.function} itself"
    place = f"{part.table.partition(':')[0]}.{file.stem}:{found.node.lineno}"
    return _made(part, name, "builtin", parameters_of(found, folders), version_of(file), place)


def version_of(file: Path) -> int:
    """The VERSION that a built-in's file states."""
    found = find_in(file, "VERSION", Folders(file.parent, file.parent))
    value = getattr(getattr(found, "node", None), "value", None)
    version = getattr(value, "value", None)
    assert isinstance(version, int), f"BUG: {file.name} must state its VERSION as a whole number"
    return version


def _user(name: str, found: Definition, part: Role, folders: Folders) -> Signature:
    parameters = parameters_of(found, folders)
    if part.leading and hasattr(found.node, "args"):
        parameters = without_leading(parameters, part.leading)
    place = f"{os.path.relpath(found.file, folders.spec)}:{found.node.lineno}"
    return _made(part, name, "user", parameters, None, place)


def _of_installed(reference: str, part: Role, folders: Folders) -> Parameters:
    if reference.startswith("builtins:"):
        return NOTHING
    entry = entry_of(reference, folders.memory)
    return without_leading(from_entry(entry), part.leading if "def" in entry else 0)


def _made(
    part: Role, reference: str, kind: Kind, parameters: Parameters, version: int | None = None, place: str = ""
) -> Signature:
    known = [each._replace(default=OPAQUE) if each.name in part.elsewhere else each for each in parameters.listed]
    listed = {each.name: each for each in known if each.name not in part.injected}
    return Signature(reference, listed, parameters.open or part.open, kind, version, place)


def _unknown(role: str, name: str) -> UnknownName:
    part, choices = ROLES[role], names_of(role)
    close = nearest(name, choices)
    if not close and role in ("estimator", "step"):
        by_class = {each.partition(":")[2]: each for each in generated().references if each.startswith("sklearn.")}
        found = nearest(name, list(by_class))
        close = by_class[found] if found else ""
    listed = f"choose one of {', '.join(choices)}, or write" if choices else "write"
    fix = f"write {close}" if close else f"{listed} one's own as {part.example}"
    return UnknownName(f"no {part.noun} is called '{name}'", fix, choices)
