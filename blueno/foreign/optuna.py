"""Optuna: a storage, read through Optuna itself, or `study.trials_dataframe()` as CSV."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

from ..errors import BluenoError, MissingLibrary
from .result import EMPTY, Result, number, scalar, spread_s, time

STATES = {"COMPLETE": "succeeded", "PRUNED": "pruned", "FAIL": "failed"}  # what runs or waits is no result


def knows(columns: frozenset[str]) -> bool:
    """Whether rows are those of `trials_dataframe()`."""
    return "number" in columns and "state" in columns and any(name.startswith("params_") for name in columns)


def read_rows(rows: Iterator[dict[str, Any]], name: str) -> Iterator[Result]:
    """Results of the rows; `name` stands for the study, which they do not say."""
    for row in rows:
        if row["state"] not in STATES:
            continue
        values = {key: number(row[key]) for key in row if key == "value" or key.startswith("values_")}
        params = {
            key[7:]: scalar(value) for key, value in row.items() if key.startswith("params_") and value not in EMPTY
        }
        yield _result(
            name, row["number"], row["state"], params, values, row.get("datetime_start"), row.get("datetime_complete")
        )


def read_storage(url: str) -> Iterator[Result]:
    """Results of every study of a storage. Raises MissingLibrary, BluenoError, also when it has no study."""
    _need_studies(url)
    try:
        import optuna
    except ImportError as error:
        raise MissingLibrary("Optuna is not installed, which reads its own storages", "pip install optuna") from error
    try:
        studies = [optuna.load_study(study_name=each, storage=url) for each in optuna.get_all_study_names(url)]
    except Exception as error:  # of SQLAlchemy and of drivers
        raise BluenoError(f"Optuna cannot open the storage: {type(error).__name__}", "see that it is there") from None
    if not studies:
        raise BluenoError("there is no study in that storage", "see that it is the one that studies were kept in")
    for study in studies:
        for trial in study.get_trials(deepcopy=False):
            if trial.state.name in STATES:
                values = trial.values or []
                named = {"value" if len(values) == 1 else f"values_{i}": number(each) for i, each in enumerate(values)}
                begun, ended = trial.datetime_start, trial.datetime_complete
                yield _result(study.study_name, trial.number, trial.state.name, dict(trial.params), named, begun, ended)


def _need_studies(url: str) -> None:
    """Raises BluenoError for the URL of an SQLite file that is not there, or in which Optuna keeps nothing: Optuna
    would make the file, and its tables.
    """
    scheme, _, rest = url.partition("://")
    if scheme.partition("+")[0] != "sqlite":
        return
    path = Path(rest.partition("?")[0].removeprefix("/").removeprefix("file:"))
    if not path.is_file():
        fix = "sqlite:///FILE is looked for from this folder on, sqlite:////FILE is a whole path"
        raise BluenoError(f"there is no file {path}", fix)
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
            found = db.execute("SELECT 1 FROM sqlite_master WHERE name = 'studies'").fetchone()
    except sqlite3.Error as error:
        raise BluenoError(f"{path} cannot be read: {error}", "name the SQLite file of an Optuna storage") from None
    if found is None:
        raise BluenoError(f"{path} is no storage of Optuna", "name the SQLite file that studies were kept in")


def _result(
    study: str, trial: Any, state: str, params: dict[str, Any], values: dict[str, float | None], begun: Any, ended: Any
) -> Result:
    started, finished = time(begun), time(ended)
    facts = {"started": started, "finished": finished, "duration_s": spread_s(started, finished), "metric": "value"}
    metrics = {name: value for name, value in values.items() if value is not None}
    return Result("optuna", study, str(trial), STATES[state], params, metrics, facts)
