"""Trials of all sweeps as queries see them (`query.ask.Record`): what is looked at is read, and no more."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, NamedTuple

from ..clock import seconds
from ..planning.describe import prepared
from ..query.ask import Values
from ..query.operands import Value, of_params
from ..spec.language import SECTIONS
from ..tables import flat
from .asked import JOIN_MEASURED, Item, asked, measured, values
from .read import ENGINE, meta

TRIALS = (
    "SELECT trials.number, trials.id, trials.config, trials.dataset, trials.seed, trials.fold, trials.state,"
    f" {ENGINE} AS engine, results.epoch, results.metrics,"
    " results.nonfinite, results.environment, results.started, results.ended, results.duration_s,"
    " results.error_class, results.error, measured.metrics AS later, trained"
    " FROM trials LEFT JOIN results ON results.trial = trials.id AND results.attempt = trials.attempt"
    f"{JOIN_MEASURED} ORDER BY trials.number DESC"
)


class OfSweep(NamedTuple):
    """What a query may ask of a sweep."""

    name: str
    metric: str
    asked: dict[str, Item]
    tags: list[str]


class Shared:
    """What records of one store have in common, read when it is needed."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self.paths: set[str] = set()  # of all parameters that were looked at
        self.names: set[str] = set()  # of all metrics that were looked at
        self._params: dict[str, dict[str, Value]] = {}  # of each config
        self._values: dict[tuple[str, str], dict[str, Value]] = {}  # of each section's JSON

    @cached_property
    def owner(self) -> str:
        return meta(self.db)["owner"]

    @cached_property
    def sweeps(self) -> dict[int, OfSweep]:
        rows = self.db.execute("SELECT number, name, metric, metrics, json_extract(plan, '$.tags') AS tags FROM sweeps")
        return {row["number"]: _of_sweep(row) for row in rows}

    @cached_property
    def wishes(self) -> dict[str, list[tuple[int, str]]]:
        """The sweeps that have a trial, oldest first, each with its verdict."""
        found: dict[str, list[tuple[int, str]]] = {}
        for sweep, trial, verdict in self.db.execute("SELECT sweep, trial, verdict FROM sweep_trials ORDER BY sweep"):
            found.setdefault(trial, []).append((sweep, verdict))
        return found

    @cached_property
    def hosts(self) -> dict[str, str]:
        rows = self.db.execute("SELECT id, json_extract(facts, '$.host') FROM environments")
        return {id: host for id, host in rows if host}

    @cached_property
    def _written(self) -> dict[str, sqlite3.Row]:
        """The params of each config by section, as the newest sweep that has it wrote them."""
        rows = self.db.execute(f"SELECT config, {_sections('params', WRITTEN)} FROM sweep_configs ORDER BY sweep")
        return {row["config"]: row for row in rows}

    def params(self, row: sqlite3.Row) -> dict[str, Value]:
        """The parameters of a trial's config, as queries see them."""
        config = row["config"]
        if config not in self._params:
            self._params[config] = found = {}
            for section, text in self._texts(row):
                key = (section, text)
                if key not in self._values:  # sections are in many configs: each is taken apart once
                    self._values[key] = of_params(self._flat(section, text))
                    self.paths.update(self._values[key])
                found.update(self._values[key])
        return self._params[config]

    def flat(self, row: sqlite3.Row) -> dict[str, Any]:
        """The parameters of a trial's config: defaults filled in, and where it says something else, as written."""
        return {path: value for pair in self._texts(row) for path, value in self._flat(*pair).items()}

    def _texts(self, row: sqlite3.Row) -> Iterator[tuple[str, str]]:
        """The sections of a trial's config, first as resolved, then as written, each with its JSON."""
        if row["dataset"] is not None:
            yield DATASET, row["dataset"]
        made = self.db.execute(RESOLVED, (row["number"],)).fetchone()
        yield from (("=" + name, made[name]) for name in OF_TRIALS if made[name])
        if (written := self._written.get(row["config"])) is not None:
            yield from ((name, written[name]) for name in WRITTEN if written[name])

    def _flat(self, section: str, text: str) -> dict[str, Any]:
        if section in WRITTEN:
            return flat({section: json.loads(text)})
        if section == DATASET:
            text = self.db.execute("SELECT recipe FROM datasets WHERE id = ?", (text,)).fetchone()["recipe"]
        sections = prepared(json.loads(text)) if section == DATASET else {section[1:]: json.loads(text)}
        return {path: value for path, value in flat(sections).items() if value is not None}  # no default is none


def _sections(column: str, names: Iterable[str]) -> str:
    return ", ".join(f"{column} -> '$.{name}' AS {name}" for name in names)


WRITTEN = ("arm", *SECTIONS)
OF_TRIALS = ("augment", "model", "train")
DATASET = "=dataset"  # stands for data and preprocess; a leading = for what is resolved
RESOLVED = f"SELECT {_sections('recipe', OF_TRIALS)} FROM trials WHERE number = ?"


def _of_sweep(row: sqlite3.Row) -> OfSweep:
    wanted = asked(json.loads(row["metrics"]), row["metric"])
    return OfSweep(row["name"], row["metric"], wanted, json.loads(row["tags"] or "[]"))


class Trial:
    """A trial of the store, with what its newest attempt left."""

    def __init__(self, row: sqlite3.Row, shared: Shared) -> None:
        self.row, self.shared = row, shared

    def field(self, name: str) -> Values:
        found = FIELDS[name](self)
        return found if isinstance(found, list) else () if found is None else (found,)

    @cached_property
    def _metrics(self) -> dict[str, float]:
        own = json.loads(self.row["metrics"] or "{}")
        if self.sweeps:
            own = values(own, measured(self.row["later"], self.row["trained"]), self.sweeps[-1].asked)
        known = {name: float(value) for name, value in own.items() if value is not None and math.isfinite(value)}
        self.shared.names.update(known)
        return known

    def metrics(self) -> Mapping[str, float]:
        return self._metrics

    def params(self) -> Mapping[str, Value]:
        return self.shared.params(self.row)

    def written(self) -> Mapping[str, Any]:
        return self.shared.flat(self.row)

    @cached_property
    def sweeps(self) -> list[OfSweep]:
        """Those that have it, oldest first."""
        return [self.shared.sweeps[number] for number, _ in self.shared.wishes.get(self.row["id"], ())]

    @property
    def state(self) -> str:
        """The verdict where all its sweeps have the same one, as in their ledgers."""
        verdicts = {verdict for _, verdict in self.shared.wishes.get(self.row["id"], ())}
        return verdicts.pop() if len(verdicts) == 1 and verdicts != {"open"} else self.row["state"]

    @property
    def objective(self) -> float | None:
        """The value of what its newest sweep optimises, if it succeeded."""
        is_result = self.sweeps and self.row["state"] == "succeeded"
        return self.metrics().get(self.sweeps[-1].metric) if is_result else None


def _number(name: str) -> Callable[[Trial], float | None]:
    return lambda trial: None if trial.row[name] is None else float(trial.row[name])


def _error(key: str) -> Callable[[Trial], str | None]:
    return lambda trial: json.loads(trial.row["error"])[key] if trial.row["error"] else None


def _time(name: str) -> Callable[[Trial], float | None]:
    return lambda trial: seconds(trial.row[name]) if trial.row[name] else None


FIELDS: dict[str, Callable[[Trial], Any]] = {
    "trial": lambda trial: trial.row["id"],
    "config": lambda trial: trial.row["config"],
    "dataset": lambda trial: trial.row["dataset"],
    "state": lambda trial: trial.state,
    "model": lambda trial: trial.params().get("model"),
    "sweep": lambda trial: list(dict.fromkeys(sweep.name for sweep in trial.sweeps)),
    "tags": lambda trial: list(dict.fromkeys(tag for sweep in trial.sweeps for tag in sweep.tags)),
    "owner": lambda trial: trial.shared.owner,
    "host": lambda trial: trial.shared.hosts.get(trial.row["environment"] or ""),
    "engine": lambda trial: trial.row["engine"] or None,
    "origin": lambda trial: "blueno",
    "seed": _number("seed"),
    "fold": _number("fold"),
    "epoch": _number("epoch"),
    "objective": lambda trial: trial.objective,
    "metric": lambda trial: trial.sweeps[-1].metric if trial.sweeps else None,
    "nonfinite": lambda trial: sorted(set(json.loads(trial.row["nonfinite"] or "[]"))),
    "started": _time("started"),
    "finished": _time("ended"),
    "duration": _number("duration_s"),
    "error": lambda trial: trial.row["error_class"],
    "error.type": _error("type"),
    "error.message": _error("message"),
}


def records(db: sqlite3.Connection, shared: Shared) -> Iterator[Trial]:
    """Every trial of the store, newest first."""
    for row in db.execute(TRIALS):
        yield Trial(row, shared)


def names_there_are(db: sqlite3.Connection, shared: Shared) -> None:
    """Looks at every trial's metrics and parameters, so that `shared` knows all their names."""
    for trial in records(db, shared):
        trial.metrics()
        trial.params()
