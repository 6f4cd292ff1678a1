"""What a function or a program says as it goes: its metrics by epoch, those of earlier attempts among them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NamedTuple

from blueno.errors import ModelError

from .job import Job, Outcome, State

Values = dict[str, float]


@dataclass
class Reported:
    """What was said so far."""

    name: str  # of the function or program, for messages
    objective: str  # the metric that it must have
    epochs: dict[int, Values] = field(default_factory=dict)  # in order
    is_checked: bool = False  # whether this attempt has said what it measures


class Places(NamedTuple):
    """Where a function or program may leave something."""

    folder: Path  # what is left here is kept with the trial
    checkpoint: Path  # survives attempts
    lines: Path  # what was reported, a line of JSON each; survives attempts, too


def places_of(job: Job) -> Places:
    """The folders of a job, made; a last line that a killed attempt left unfinished is cut off."""
    surviving = job.checkpoint or job.folder / "surviving"
    places = Places(job.folder / "files", surviving / "files", surviving / "reported.jsonl")
    for folder in (places.folder, places.checkpoint):
        folder.mkdir(parents=True, exist_ok=True)
    whole = places.lines.read_bytes().rpartition(b"\n") if places.lines.exists() else (b"", b"", b"")
    places.lines.write_bytes(whole[0] + whole[1])
    return places


def reported_before(job: Job, name: str, lines: Path) -> Reported:
    """What earlier attempts said of their epochs; lines that are no reports are passed over."""
    reported = Reported(name, job.objective["metric"])
    for line in lines.read_bytes().splitlines():
        with suppress(ValueError):
            epoch, values = read_line(line)
            if epoch is not None:
                _put(reported, epoch, values)
    return reported


def read_line(line: bytes) -> tuple[int | None, Values]:
    """The epoch (None: these are the final values) and the metrics of a line; `null` is no number, as NaN is none.

    Raises ValueError, which says what was expected, when the line is something else.
    """
    try:
        said = json.loads(line, parse_int=float)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        raise ValueError("a JSON object of numbers was expected")
    epoch = said.pop("epoch", None)
    if epoch is not None and not (isinstance(epoch, float) and epoch >= 1 and epoch.is_integer()):
        raise ValueError("epoch was expected to be a whole number, counted from 1")
    values = {name: math.nan if value is None else value for name, value in said.items()}
    wrong = next((name for name, value in values.items() if not isinstance(value, float)), None)
    if wrong is not None:
        raise ValueError(f"{wrong} was expected to be a number")
    return None if epoch is None else int(epoch), values


def line_of(epoch: int, values: Values) -> str:
    """What `read_line` reads."""
    return json.dumps({**values, "epoch": epoch}) + "\n"


def take(reported: Reported, epoch: int, values: Values) -> None:
    """Adds what was said of an epoch. ModelError if it is the first this attempt says, and the objective is missing."""
    if not reported.is_checked:
        check_objective(reported, values)
    _put(reported, epoch, values)


def _put(reported: Reported, epoch: int, values: Values) -> None:
    """What was said of later epochs is forgotten: an earlier attempt had come further than it could go on from."""
    while reported.epochs and next(reversed(reported.epochs)) > epoch:
        reported.epochs.popitem()
    reported.epochs[epoch] = reported.epochs.get(epoch, {}) | values


def check_objective(reported: Reported, values: Mapping[str, float]) -> None:
    """Raises ModelError when the objective is not among the metrics."""
    reported.is_checked = True
    name, objective = reported.name, reported.objective
    if objective in values:
        return
    near = get_close_matches(objective, values, n=1)
    fix = f"call it {objective} there, or make {near[0] if near else 'one of them'} the objective"
    fix = fix if values else f"let it report {objective}, or make a metric that it reports the objective"
    raise ModelError(f"{name} has no metric {objective!r}; it has {', '.join(values) or 'none'}", fix)


def outcome_of(
    reported: Reported, final: Values, folder: Path, engine: Literal["function", "command"], notes: tuple[str, ...] = ()
) -> Outcome:
    """What a trial left: of each metric its final value, else the last one reported; files in its folder are artefacts.

    Raises ModelError when the objective is not among its metrics.
    """
    metrics = {name: value for values in reported.epochs.values() for name, value in values.items()} | final
    check_objective(reported, metrics)
    state: State = "succeeded" if all(map(math.isfinite, metrics.values())) else "diverged"
    epoch = max(reported.epochs, default=None)
    return Outcome(state, metrics, _history(reported), _files(folder), engine, epoch, notes, tuple(reported.epochs))


def _history(reported: Reported) -> dict[str, list[float]]:
    """One value of each metric for each epoch that was reported, NaN where it was not measured."""
    names = dict.fromkeys(name for values in reported.epochs.values() for name in values)
    return {name: [values.get(name, math.nan) for values in reported.epochs.values()] for name in names}


def _files(folder: Path) -> dict[str, Path]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path for path in files}


def planned_epochs(params: Mapping[str, Any], train: Mapping[str, Any] | None) -> int:
    """How many epochs there will be, if the spec has a word for it; else 0."""
    epochs = (train or {}).get("epochs", params.get("epochs"))
    return epochs if isinstance(epochs, int) else 0


def params_of(model: dict[str, Any], kind: str) -> dict[str, Any]:
    """The other keys of a recipe's `model`, those under `params` among them."""
    return {key: value for key, value in model.items() if key not in (kind, "params")} | (model.get("params") or {})
