"""How long compiled programs run, for benchmarks: a line for each run of one, where BLUENO_CLOCKED names a folder.

Without that variable nothing is wrapped, and nothing costs anything.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import jax

from .ways import How

VARIABLE = "BLUENO_CLOCKED"
Program = TypeVar("Program", bound=Callable[..., Any])


def clocked(name: str, program: Program, how: How) -> Program:
    """A program (lanes, ..., count) that says after each run how long it took, for how many lanes, and how many it
    computed. It waits for the results, which its callers do as well.
    """
    if VARIABLE not in os.environ:
        return program
    file = Path(os.environ[VARIABLE]) / f"{os.getpid()}.jsonl"
    return Clocked(file, name, program, how)  # type: ignore[return-value]


class Clocked(NamedTuple):
    """A program that is clocked."""

    file: Path
    name: str
    program: Any
    how: How

    @property
    def lower(self) -> Any:
        """The program before it is compiled, which is not run."""
        return self.program.lower

    def __call__(self, *arguments: Any) -> Any:
        """Runs the program, and says how long that took."""
        return _run(self.file, self.name, self.program, self.how, *arguments)


def _run(file: Path, name: str, program: Callable[..., Any], how: How, *arguments: Any) -> Any:
    with _last_compilation() as compiled:
        begun = time.perf_counter()
        results = jax.block_until_ready(program(*arguments))
        ended = time.perf_counter()
    count, width = arguments[-1], len(jax.tree.leaves(arguments[0])[0])
    told = {"program": name, "seconds": ended - max([begun, *compiled]), "lanes": count,
            "computed": count if how == "map" else width}  # fmt: skip
    with file.open("a") as lines:
        lines.write(json.dumps(told) + "\n")
    return results


@contextmanager
def _last_compilation() -> Iterator[list[float]]:
    """When something was traced or compiled meanwhile: what comes after the last time is the program's own."""
    times: list[float] = []

    def note(event: str, duration_secs: float, **_: str | int) -> None:
        if event.startswith("/jax/core/compile/"):
            times[:] = [time.perf_counter()]

    jax.monitoring.register_event_duration_secs_listener(note)
    try:
        yield times
    finally:
        jax.monitoring.unregister_event_duration_listener(note)
