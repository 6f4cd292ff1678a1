"""Which epoch counts, when to stop, when to lower the learning rate: pure rules over one value a epoch.

Both engines obey them. They are those of Keras's EarlyStopping and ReduceLROnPlateau (callbacks, Keras 3), except that
the epoch that counts is the very best one, whatever `min_delta` says.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

PLATEAU_MIN_DELTA = 1e-4  # Keras's default; the language has no word for it


class Waiting(NamedTuple):
    """The best value so far, and the epochs since it was seen."""

    best: float | None = None
    epochs: int = 0


class Watch(NamedTuple):
    """One monitored value and what counts as better."""

    monitor: str  # a key of the values of an epoch
    maximize: bool
    min_delta: float = 0.0


class Rules(NamedTuple):
    """The rules of one trial; None where a rule is absent. Without `select` the last epoch counts."""

    select: Watch | None = None
    stop: Watch | None = None
    patience: int = 0
    plateau: Watch | None = None
    plateau_patience: int = 0
    plateau_after: int = 0  # epochs at the beginning that the plateau rule does not look at


class State(NamedTuple):
    """What the rules remember from epoch to epoch."""

    select: Waiting = Waiting()
    stop: Waiting = Waiting()
    plateau: Waiting = Waiting()


class Decision(NamedTuple):
    """What follows from an epoch."""

    state: State
    counts: bool  # this epoch is the one that counts, as far as is known
    stop: bool
    reduce: bool  # lower the learning rate


def rules(train: dict[str, Any], directions: dict[str, bool], renamed: dict[str, str]) -> Rules:
    """The rules that a recipe's `train` asks for.

    `directions` says of each monitor whether more is better; `renamed` maps monitors to keys of an epoch's values
    (with a `stop` part, `val_loss` is looked up as `stop_loss`).
    """

    def watch(monitor: str, min_delta: float = 0.0) -> Watch:
        return Watch(renamed.get(monitor, monitor), directions[monitor], min_delta)

    stop, plateau, select = train["early_stopping"], train["reduce_on_plateau"], selection(train)
    return Rules(
        select=watch(select) if select else None,
        stop=watch(stop["monitor"], stop["min_delta"]) if stop else None,
        patience=stop["patience"] if stop else 0,
        plateau=watch(plateau["monitor"], PLATEAU_MIN_DELTA) if plateau else None,
        plateau_patience=plateau["patience"] if plateau else 0,
        plateau_after=plateau["after"] if plateau else 0,
    )


def selection(train: dict[str, Any]) -> str | None:
    """The metric whose best epoch counts, or None when the last one does."""
    if isinstance(train["select"], dict):
        return str(train["select"]["best"])
    if train["select"] is None and train["early_stopping"]:
        return str(train["early_stopping"]["monitor"])
    return None


def monitors(train: dict[str, Any]) -> list[str]:
    """The metrics that the rules look at, each once."""
    rules = [train["early_stopping"], train["reduce_on_plateau"]]
    names = [rule["monitor"] for rule in rules if rule] + [selection(train)]
    return list(dict.fromkeys(name for name in names if name))


def decide(state: State, epoch: int, values: dict[str, float], rules: Rules) -> Decision:
    """What follows from the values of an epoch (counted from 1)."""
    select = _wait(state.select, values, rules.select)
    stop = _wait(state.stop, values, rules.stop)
    plateau = state.plateau if epoch <= rules.plateau_after else _wait(state.plateau, values, rules.plateau)
    reduce = rules.plateau is not None and plateau.epochs >= max(1, rules.plateau_patience)
    if reduce:
        plateau = plateau._replace(epochs=0)
    return Decision(
        state=State(select, stop, plateau),
        # until a finite value is seen, the latest epoch counts
        counts=rules.select is None or select.epochs == 0 or select.best is None,
        stop=rules.stop is not None and epoch > 1 and stop.epochs >= max(1, rules.patience),
        reduce=reduce,
    )


def is_better(value: float, best: float | None, maximize: bool, min_delta: float = 0.0) -> bool:
    """Whether `value` beats `best` by more than `min_delta`. What is not finite beats nothing; anything finite, None.

    >>> is_better(0.5, 0.6, maximize=False), is_better(0.55, 0.6, maximize=False, min_delta=0.1)
    (True, False)
    """
    if not math.isfinite(value):
        return False
    if best is None:
        return True
    return value - min_delta > best if maximize else value + min_delta < best


def _wait(state: Waiting, values: dict[str, float], watch: Watch | None) -> Waiting:
    if watch is None:
        return state
    value = values[watch.monitor]
    if is_better(value, state.best, watch.maximize, watch.min_delta):
        return Waiting(value, 0)
    return Waiting(state.best, state.epochs + 1)
