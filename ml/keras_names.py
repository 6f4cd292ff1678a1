"""Keras's own optimizers, schedules, losses and layers by the names that specs use: `adamw`, `random_flip`.

A name is that of the class in snake case; underscores do not matter. Also the one schedule that is ours, cosine, and
what users write themselves: `file.py:name`, loaded from the snapshot.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from types import ModuleType
from typing import Any

import keras

from blueno.errors import ModelError
from blueno.usercode import CodeFolder, load

Named = dict[str, dict[str, Any] | None]  # {name: parameters}


def optimizer(
    choice: Named, learning_rate: Any, epochs: int, steps: int, code: CodeFolder | None = None
) -> keras.optimizers.Optimizer:
    """The optimizer of a recipe's `train`, for `steps` batches an epoch: Keras's by name, or `file.py:Optimizer`.

    One's own is a class, or a function that makes one; it is given `learning_rate`, a number or a schedule.
    """
    rate = learning_rate if isinstance(learning_rate, int | float) else schedule(learning_rate, epochs, steps, code)
    name, _ = _only(choice)
    if ":" not in name:
        return _make(keras.optimizers, "optimizer", choice, learning_rate=rate)
    taken = _taken(name, code)
    if "learning_rate" not in taken and not any(each.kind is each.VAR_KEYWORD for each in taken.values()):
        raise ModelError(f"{name} does not take train.learning_rate", "give it a parameter learning_rate")
    return _own_of(keras.optimizers.Optimizer, choice, code, {"learning_rate": rate})


def schedule(
    choice: Named, epochs: int, steps: int, code: CodeFolder | None = None
) -> keras.optimizers.schedules.LearningRateSchedule:
    """A learning-rate schedule: Keras's by name, with its own parameters (in steps), `cosine` (in epochs), or
    `file.py:Schedule`: a class, or a function that makes one, given `epochs` and `steps_per_epoch` if it asks.
    """
    name, parameters = _only(choice)
    if name == "cosine":
        return cosine(parameters, epochs, steps)
    if ":" in name:
        facts = {"epochs": epochs, "steps_per_epoch": steps}
        taken = _taken(name, code)
        asked = {fact: value for fact, value in facts.items() if fact in taken}
        return _own_of(keras.optimizers.schedules.LearningRateSchedule, choice, code, asked)
    return _make(keras.optimizers.schedules, "learning-rate schedule", choice)


def cosine(parameters: dict[str, Any], epochs: int, steps: int) -> keras.optimizers.schedules.CosineDecay:
    """From `from` to `to` in half a cosine (Loshchilov and Hutter, 2017, eq. 5, one period) over `decay_epochs`.

    Before that the rate rises linearly from 0 during `warmup_epochs`. If `decay_epochs` is null it is the rest of the
    epochs. Fractions of an epoch are rounded to whole steps.
    """
    first, last = float(parameters["from"]), float(parameters["to"])
    warmup_epochs, decay_epochs = parameters["warmup_epochs"], parameters["decay_epochs"]
    warmup = round(warmup_epochs * steps)
    decay = max(1, round((epochs - warmup_epochs if decay_epochs is None else decay_epochs) * steps))
    decayed = keras.optimizers.schedules.CosineDecay
    if not warmup:
        return decayed(first, decay, alpha=last / first)
    return decayed(0.0, decay, alpha=last / first, warmup_target=first, warmup_steps=warmup)


def loss(choice: Named, code: CodeFolder | None) -> keras.losses.Loss | Callable[..., Any]:
    """A loss: Keras's by name with its parameters, or `file.py:name`: a function of (y_true, y_pred), or a class."""
    name, _ = _only(choice)
    return _own(choice, code) if ":" in name else _make(keras.losses, "loss", choice)


def layer(choice: Named, code: CodeFolder | None) -> keras.layers.Layer:
    """A layer for augmentation: Keras's by name with its parameters, or `file.py:Layer`."""
    name, _ = _only(choice)
    return _own(choice, code) if ":" in name else _make(keras.layers, "layer", choice)


def _own(choice: Named, code: CodeFolder | None) -> Any:
    """A user's class, made with its parameters; a user's function as it is, its parameters filled in."""
    name, parameters = _only(choice)
    found: Any = load(name, code)
    if inspect.isclass(found):
        return found(**parameters)
    return found if not parameters else lambda *arguments: found(*arguments, **parameters)


def _own_of(kind: type, choice: Named, code: CodeFolder | None, facts: dict[str, Any]) -> Any:
    """What a user's class or function makes of its parameters and these facts, which must be of a kind of Keras's."""
    name, parameters = _only(choice)
    called: Any = load(name, code)
    made = called(**parameters, **facts)
    if not isinstance(made, kind):
        message = f"{name} made {type(made).__name__}, no {kind.__name__} of Keras"
        raise ModelError(message, f"let it be a class that inherits from {kind.__name__}, or a function that makes one")
    return made


def _taken(name: str, code: CodeFolder | None) -> Mapping[str, inspect.Parameter]:
    """The parameters of a user's class or function."""
    called: Any = load(name, code)
    return inspect.signature(called).parameters


def _make(module: ModuleType, what: str, choice: Named, **more: Any) -> Any:
    name, parameters = _only(choice)
    found = _classes(module)
    key = _bare(name)
    if key not in found:
        names = sorted(_snake(made.__name__) for made in found.values())
        near = get_close_matches(name, names, n=1)
        hint = f"write {near[0]}" if near else f"choose one of {', '.join(names)}"
        raise ModelError(f"Keras has no {what} called {name!r}", hint)
    try:
        return found[key](**parameters, **more)
    except (TypeError, ValueError) as error:
        raise ModelError(f"{name}: {error}", f"correct the parameters of the {what}") from error


def _only(choice: Named) -> tuple[str, dict[str, Any]]:
    name, parameters = next(iter(choice.items()))
    return name, parameters or {}


def _classes(module: ModuleType) -> dict[str, type]:
    return {_bare(name): made for name, made in vars(module).items() if inspect.isclass(made)}


def _bare(name: str) -> str:
    return name.replace("_", "").lower()


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() and i and not name[i - 1].isupper() else c.lower()
                   for i, c in enumerate(name))  # fmt: skip
