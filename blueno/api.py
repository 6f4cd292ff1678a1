"""Blueno from Python, for notebooks: `blueno.plan`, `blueno.sweep`, `blueno.results`, and what trials left as data
frames, arrays and models. The same functions as behind the commands; pandas and Keras are imported when they are used.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cache import Cache
from .cache.opening import open_cache
from .canonical import digest_file, short
from .commands.plan import plan_report, standing
from .commands.sweep import sliced, submission_text, submit_plan
from .errors import BluenoError, NotFound
from .loop import check_devices, run_until
from .planning import Plan, compile_spec
from .planning.searching import sampled
from .progress import Shower, finish_line, say
from .settings import Settings, checked, load_settings
from .spec import load
from .store import ledger as ledgers
from .store import read, trace
from .store.database import open_store, store_exists
from .tables import config_rows, flat, trial_rows
from .worker.code import code_folder

if TYPE_CHECKING:
    import pandas as pd

    from .etl.dataset import Dataset

Overrides = Mapping[str, Any]
Root = str | os.PathLike[str] | None  # the project's; None: looked for from the working directory upwards


@dataclass(frozen=True)
class Planned:
    """A compiled spec: what `blueno plan` prints, and its configs and trials as tables."""

    plan: Plan
    root: Path

    def __repr__(self) -> str:
        return plan_report(self.plan, standing(self.plan, self.root), with_trials=False)

    def configs(self) -> pd.DataFrame:
        """A row a config, in the spec's order: its id and, under their paths, its parameters. Empty for a search, which
        proposes its configs while it runs: see `space` and `examples`.
        """
        return _configs(self.plan)

    def examples(self, count: int = 10) -> pd.DataFrame:
        """As `configs`: of a search at most so many at random, none of which it need ever propose, else the first."""
        return _configs(sampled(self.plan, 8 * count)).head(count)  # some of which may be the same

    def space(self) -> pd.DataFrame:
        """A row an axis: `path`, `form` (grid, log_uniform, ..., or one_of) and `values` (of what is drawn the two
        ends); empty for what is no search.
        """
        variables = self.plan.search["space"]["variables"] if self.plan.search else []
        return _frame([{key: each[key] for key in ("path", "form", "values")} for each in variables])

    def trials(self) -> pd.DataFrame:
        """A row a trial: trial, config, seed, fold. Empty for a search, as `configs`."""
        rows = [
            {"trial": short(each.id), "config": short(each.config_id), "seed": each.seed, "fold": each.fold}
            for each in self.plan.trials
        ]
        return _frame(rows)


@dataclass(frozen=True)
class Results:
    """What a sweep left. Every method reads the store as it is at that moment; TRIAL is the beginning of an id."""

    root: Path
    sweep: str  # id
    name: str
    metric: str
    direction: str

    def __repr__(self) -> str:
        from .commands.results import results_text, table_of

        with _store(self.root) as db:
            return results_text(table_of(db, read.find_sweep(db, self.sweep)), top=10)

    def ledger(self) -> dict[str, int]:
        """How many trials are in which state; they add up to `planned`."""
        with _store(self.root) as db:
            counts = ledgers.ledger(db, read.find_sweep(db, self.sweep).number)
            return {"planned": counts.planned, **counts.counts()}

    def table(self) -> pd.DataFrame:
        """A row a config, best first: config, its parameters, mean, std (ddof 1), replicates, planned."""
        with _store(self.root) as db:
            number = read.find_sweep(db, self.sweep).number
            rows = config_rows(read.rows_of(db, number), read.configs_of(db, number), self.metric, self.direction)
        told = ("mean", "std", "replicates", "planned")
        return _frame(
            [
                {"config": short(row.config_id), **flat(row.params), **{name: getattr(row, name) for name in told}}
                for row in rows
            ]
        )

    def trials(self) -> pd.DataFrame:
        """A row a trial, in the sweep's order: trial, config, seed, fold, state, parameters, every metric."""
        with _store(self.root) as db:
            number = read.find_sweep(db, self.sweep).number
            params = {config: flat(values) for config, values in read.configs_of(db, number).items()}
            rows = [
                {
                    "trial": short(row.id), "config": short(row.config), "seed": row.seed, "fold": row.fold,
                    "state": row.state, **params[row.config], **row.metrics,
                }
                for row in read.rows_of(db, number)
            ]  # fmt: skip
        return _frame(rows)

    def best(self) -> str:
        """The id of the best trial of the best config, as tables show it. NotFound while no trial has the objective."""
        with _store(self.root) as db:
            number = read.find_sweep(db, self.sweep).number
            trials, configs = list(read.rows_of(db, number)), read.configs_of(db, number)
        first = config_rows(trials, configs, self.metric, self.direction)[0]
        replicates = [row for row in trials if row.config == first.config_id]
        best = trial_rows(replicates, configs, self.metric, self.direction)[0]
        if best.value is None:
            raise NotFound(f"no trial of {self.name} has {self.metric} yet", "see `blueno status`")
        return short(best.id)

    def history(self, trial: str | None = None) -> pd.DataFrame:
        """A row an epoch, a column a metric: of a trial, or of all (with a column `trial`)."""
        import pandas as pd

        from .frames import of_history

        with _store(self.root) as db:
            if trial is not None:
                return of_history(*_left(_trial(db, trial)))
            ids = [row.id for row in read.rows_of(db, read.find_sweep(db, self.sweep).number)]
            frames = [of_history(*_left(read.trial(db, id))).assign(trial=short(id)).reset_index() for id in ids]
        whole = [frame for frame in frames if len(frame)]
        return pd.concat(whole, ignore_index=True) if whole else pd.DataFrame()

    def predictions(self, trial: str | None = None) -> pd.DataFrame:
        """What a trial (by default the best) said of each validation sample; the index is the sample's id.

        Columns: `target` and `predicted` (labels, or values), and of a classifier with scores one column a class
        (binary: `score`, of the positive class).
        """
        from .frames import of_predictions
        from .ml.scored import load_predictions

        with _store(self.root) as db:
            path = _artefact(db, self.root, _trial(db, trial or self.best()), "predictions")
        return of_predictions(load_predictions(path))

    def model(self, trial: str | None = None) -> Any:
        """The model of a trial (by default the best) as it was kept: a keras.Model, or an estimator.

        NotFound when its weights were not kept (`keep: {weights: ...}`).
        """
        from .ml.restore import restore

        with _store(self.root) as db:
            row = _trial(db, trial or self.best())
            path = _artefact(db, self.root, row, "weights")
            sweep = read.find_sweep(db, trace.sweeps_of(db, "trial", row["id"])[0]["id"])
        cache = open_cache(self.root)
        code = code_folder(self.root, cache, {"snapshot": sweep.snapshot, "folder": sweep.folder})
        return restore(path, row["recipe"], code, lambda: _dataset(row, cache))

    def dataset(self, trial: str | None = None) -> Dataset:
        """The prepared data of a trial (by default the best): arrays, memory-mapped, and the rows of each part.

        NotFound when the cache was emptied since.
        """
        with _store(self.root) as db:
            row = _trial(db, trial or self.best())
        return _dataset(row, open_cache(self.root))


def plan(spec: str | os.PathLike[str], overrides: Overrides | None = None, root: Root = None) -> Planned:
    """What a spec would run, and what is there already; nothing is run. `overrides` are {"train.epochs": 5}.

    Raises SpecErrors with everything that is wrong with it.
    """
    settings = _in_force(root)
    return Planned(_compiled(spec, overrides, settings.root), settings.root)


def sweep(
    spec: str | os.PathLike[str],
    overrides: Overrides | None = None,
    root: Root = None,
    only: str | None = None,
    **settings: Any,
) -> Results:
    """Runs every trial of a spec that has no result yet, and returns when all is done (or interrupted).

    `only` is a query that names a slice, as `sweep --only` takes it. `settings` are those of `blueno.toml`: executor,
    devices, per_device, cpus. Raises SpecErrors, BluenoError.
    """
    in_force = _in_force(root, **settings)
    compiled = _compiled(spec, overrides, in_force.root)
    chosen = sliced(compiled, only)
    check_devices(in_force, compiled.resources)
    with _store(in_force.root, made=True) as db:
        submission = submit_plan(db, compiled, in_force.root, chosen)
        say(submission_text(compiled, submission, chosen))
        if not ledgers.ledger(db, submission.sweep).finished:
            shower = Shower(read.sweep_by_number(db, submission.sweep), sys.stderr)
            run_until(db, in_force, submission.sweep, shower, say)
            finish_line(sys.stderr)
        return _results(in_force.root, read.sweep_by_number(db, submission.sweep))


def results(name: str | None = None, root: Root = None) -> Results:
    """What a sweep left: by its name, the beginning of its id, or nothing for the latest. NotFound, BluenoError."""
    settings = _in_force(root)
    with _store(settings.root) as db:
        return _results(settings.root, read.find_sweep(db, name))


def _in_force(root: Root, **settings: Any) -> Settings:
    """The settings, those of the call among them. Raises BluenoError for one that does not exist or cannot be so."""
    given = {name: checked(name, value, "the call") for name, value in settings.items() if value is not None}
    return load_settings(None if root is None else Path(root), **given)


def _compiled(spec: str | os.PathLike[str], overrides: Overrides | None, root: Path) -> Plan:
    written = [f"{path}={_as_json(path, value)}" for path, value in (overrides or {}).items()]
    return compile_spec(load(Path(spec), written, root), root)


def _as_json(path: str, value: Any) -> str:
    """A value as a spec could hold it; numbers of NumPy are numbers. BluenoError for what no spec could hold."""
    try:
        return json.dumps(value, default=lambda other: other.item())
    except (TypeError, ValueError, AttributeError):
        message = f"{path}: a spec cannot hold {type(value).__name__}: {value!r}"
        raise BluenoError(message, "give text, a number, true or false, None, or a list or dict of these") from None


def _results(root: Path, sweep: read.Sweep) -> Results:
    return Results(root, sweep.id, sweep.name, sweep.metric, sweep.direction)


@contextmanager
def _store(root: Path, made: bool = False) -> Iterator[sqlite3.Connection]:
    if not made and not store_exists(root):
        raise BluenoError(f"nothing was swept yet in {root}", "call blueno.sweep, or name the project's root")
    db = open_store(root, time.time())
    try:
        yield db
    finally:
        db.close()


def _trial(db: sqlite3.Connection, trial: str) -> dict[str, Any]:
    return read.trial(db, read.find_trial(db, trial))


def _left(row: dict[str, Any]) -> tuple[dict[str, list[float | None]], list[int]]:
    """A trial's history and its epochs; empty while it has no result."""
    return (row["result"]["history"], row["result"]["epochs"]) if row["result"] else ({}, [])


def _artefact(db: sqlite3.Connection, root: Path, row: dict[str, Any], name: str) -> Path:
    """The file that a trial left under a name, its checksum compared. NotFound, BluenoError when it is damaged."""
    result, id = row["result"] or {}, short(row["id"])
    left = result.get("artefacts") or {}
    if name not in left:
        why = result.get("let_go", {}).get(name)
        gone = f": they were let go ({why})" if why else ""
        fix = f"`blueno debug {id} --save DIR` makes them again; keep: {{{name}: all}} keeps them from the start"
        raise NotFound(f"trial {id} ({row['state']}) has no {name}{gone}", fix)
    path = root / "models" / left[name]["key"]
    if not path.is_file() or digest_file(path) != left[name]["sha256"]:
        raise BluenoError(f"{path} is missing or damaged", "see `blueno verify`; `blueno retry` trains it again")
    return path


def _dataset(row: dict[str, Any], cache: Cache) -> Dataset:
    from .etl.dataset import open_dataset

    if row["dataset"] is None:
        raise NotFound(f"trial {short(row['id'])} brings its own data", "look at the function that it runs")
    return open_dataset(row["dataset"], cache)


def _configs(plan: Plan) -> pd.DataFrame:
    return _frame([{"config": short(each.id), **flat(each.params)} for each in plan.configs])


def _frame(rows: list[dict[str, Any]]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows)
