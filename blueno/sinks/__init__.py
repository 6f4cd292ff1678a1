"""Views of results in other tools' forms, each through its own library: always to be made again from the store.

A sink is a module and a line in SINKS. `process` feeds those of the setting `sinks` beside a scheduler.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from ..errors import BluenoError
from ..planning.describe import resolved
from ..spec.problems import nearest
from ..store import read, trace
from ..store.transitions import DONE
from ..tables import flat


class Finished(NamedTuple):
    """A trial that is done, as a sink is told of it."""

    sweep: str  # the sweep's name and revision: digits, digits-2
    objective: dict[str, str]  # metric and direction
    trial: dict[str, Any]  # as `store.read.trial` gives it, with its `result`
    params: dict[str, Any]  # by path, defaults among them


class Sink(Protocol):
    """Where results are shown, too."""

    def write(self, done: Finished) -> None:
        """Shows a trial; the same one again takes its own place."""

    def close(self) -> None:
        """Ends the view, complete."""


SINKS = {"tensorboard": "tensorboard", "mlflow": "mlflow"}  # name -> module in this folder, with `open_sink(root)`
LIBRARIES = {  # what each imports, and where that comes from
    "tensorboard": {"tensorboardX": "tensorboardX"},
    "mlflow": {"mlflow": "mlflow-skinny", "sqlalchemy": "sqlalchemy", "alembic": "alembic"},
}


def install(name: str) -> str:
    """What installs the libraries of a sink."""
    return f"pip install {' '.join(LIBRARIES[name].values())}"


def open_sinks(names: Iterable[str], root: Path) -> list[Sink]:
    """The sinks of these names. Raises BluenoError for an unknown one, MissingLibrary."""
    found: list[Sink] = []
    for name in names:
        if name not in SINKS:
            raise BluenoError(f"there is no sink {name}", nearest(name, SINKS))
        make: Callable[[Path], Sink] = import_module(f".{SINKS[name]}", __package__).open_sink
        found.append(make(root))
    return found


def finished(db: sqlite3.Connection, sweep: read.Sweep, id: str) -> Finished:
    """What a sink is told of a trial that is done."""
    name = sweep.name if sweep.revision == 1 else f"{sweep.name}-{sweep.revision}"
    row = read.trial(db, id)
    data = trace.dataset(db, row["dataset"])
    sections = resolved(row["recipe"], data and data["recipe"])
    defaults = {path: value for path, value in flat(sections).items() if value is not None}
    objective = {"metric": sweep.metric, "direction": sweep.direction}
    return Finished(name, objective, row, {**defaults, **flat(read.params_of(db, row["config"]))})


def feed(db: sqlite3.Connection, root: Path, sweep: read.Sweep, sinks: Collection[Sink]) -> int:
    """Writes every trial of a sweep that is done. Returns how many."""
    count = 0
    for row in read.rows_of(db, sweep.number):
        if row.state in DONE:
            done = finished(db, sweep, row.id)
            for sink in sinks:
                sink.write(done)
            count += 1
    for sink in sinks:
        sink.close()
    return count
