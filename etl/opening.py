"""What the name of a preprocessing step means: a built-in of `STEPS`, a library's class, or the user's own code."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from blueno.errors import DataError

from .steps import STEPS

if TYPE_CHECKING:
    from blueno.usercode import CodeFolder


class Step(NamedTuple):
    """A step ready for use."""

    name: str
    transformer: Any  # has `transform`, and `fit` if fitted
    fitted: bool
    takes: str | Sequence[str]  # columns of a table: names, globs, kinds, or "all"
    named: bool  # whether the spec says which columns
    own: bool  # user code: its errors are left as they are
    changes_samples: bool = False  # whether `transform` takes and returns `change.PartSamples`


class PlainFunction(NamedTuple):
    """A function `step(x, *, parameters) -> x`, or one of `samples`, as a step."""

    function: Callable[..., Any]
    params: dict[str, Any]

    def transform(self, x: Any) -> Any:
        """What the function makes of all samples."""
        return self.function(x, **self.params)


def open_step(recipe: dict[str, Any], code: CodeFolder | None) -> Step:
    """The step of a dataset recipe. A class with `fit` learns; a class without, or a plain function, does not.

    A function whose first parameter is called `samples` changes what a sample is.
    """
    step = _builtin(recipe) if recipe["name"] in STEPS else _loaded(recipe, code)
    if step.changes_samples and step.named:
        raise DataError(f"{step.name} takes whole samples, not some of their columns", "leave out columns:")
    return step


def _builtin(recipe: dict[str, Any]) -> Step:
    name, columns = recipe["name"], recipe["columns"]
    module = import_module(f".steps.{STEPS[name]}", __package__)
    transformer, takes = module.build(**recipe["params"]), columns or module.COLUMNS
    changes = getattr(module, "CHANGES_SAMPLES", False)
    return Step(name, transformer, module.FITTED, takes, columns is not None, False, changes)


def _loaded(recipe: dict[str, Any], code: CodeFolder | None) -> Step:
    from blueno.usercode import load

    name, params, columns = recipe["name"], recipe["params"], recipe["columns"]
    found: Any = load(name, code)
    if not callable(found):
        raise DataError(f"{name} is neither a class nor a function", "name a class with transform, or a function")
    own = name.partition(":")[0].endswith(".py")
    transformer = found(**params, **_seed(found, params)) if isinstance(found, type) else PlainFunction(found, params)
    takes = columns or ("all" if own else _usual_columns(name))
    changes = isinstance(transformer, PlainFunction) and _first_parameter(found) == "samples"
    short = name.rpartition(":")[2]
    return Step(short, transformer, hasattr(transformer, "fit"), takes, columns is not None, own, changes)


def _first_parameter(function: Callable[..., Any]) -> str:
    return next(iter(_parameters(function)), "")


def _seed(kind: type, params: dict[str, Any]) -> dict[str, int]:
    """A class that draws is seeded, since a dataset is the same each time it is made."""
    taken = _parameters(kind).get("random_state")
    return {"random_state": 0} if taken and taken.default != "deprecated" and "random_state" not in params else {}


def _parameters(called: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        return dict(inspect.signature(called).parameters)
    except ValueError:  # some classes written in C do not say what they take
        return {}


def _usual_columns(name: str) -> str:
    """What a third party's step works on, told by how scikit-learn and its kin name classes."""
    endings = {"Encoder": "categorical", "Vectorizer": "text"}
    return next((columns for ending, columns in endings.items() if name.endswith(ending)), "numeric")
