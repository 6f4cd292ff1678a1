"""MLflow: an experiment a sweep, a run a trial, with parameters, curves, metrics and kept files (mlflow-skinny).

It goes where MLFLOW_TRACKING_URI says, else into `logs/mlflow`.
"""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Any

from ..canonical import short
from ..clock import seconds
from ..errors import MissingLibrary
from ..redaction import redactor
from ..store import read
from ..store.database import open_store
from ..tables import cell
from . import Finished, install

FOLDER = Path("logs") / "mlflow"
TRIAL, STORE = "blueno.trial", "blueno.store"
STATES = {"succeeded": "FINISHED", "diverged": "FAILED", "failed": "FAILED"}
BATCH = 1000  # metrics of one request
PARAMS = 100  # parameters of one request
WORD_CHARACTERS = 500


def open_sink(root: Path) -> MLflow:
    """Raises MissingLibrary."""
    try:
        import alembic  # noqa: F401 - MLflow asks for both only when it opens a database
        import sqlalchemy  # noqa: F401
        from mlflow import MlflowClient
    except ImportError as error:
        raise MissingLibrary("MLflow is not installed", install("mlflow")) from error
    return MLflow(MlflowClient(os.environ.get("MLFLOW_TRACKING_URI") or uri_of(root)), root, _store(root))


def _store(root: Path) -> str:
    """The id of the project's store: a tracking server may hold the same trial of another one."""
    with closing(open_store(root, 0.0, read_only=True)) as db:
        return str(read.meta(db)["store_id"])


def uri_of(root: Path) -> str:
    """Where runs go if nobody says: a database of MLflow's own form."""
    (root / FOLDER).mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{root / FOLDER / 'mlflow.db'}"


class MLflow:
    """Runs, each made anew when its trial is written again."""

    def __init__(self, client: Any, root: Path, store: str) -> None:
        self.client, self.root, self.store, self.redact = client, root, store, redactor(os.environ)
        self.experiments: dict[str, str] = {}

    def write(self, done: Finished) -> None:
        from mlflow.entities import Metric, Param

        told, client = done.trial["result"], self.client
        experiment = self._experiment(done.sweep)
        mine = f"tags.`{TRIAL}` = '{done.trial['id']}' and tags.`{STORE}` = '{self.store}'"
        for run in client.search_runs([experiment], mine):
            client.delete_run(run.info.run_id)
        ended = int(1000 * seconds(told["ended"]))
        started = int(1000 * seconds(told["started"])) if told["started"] else ended
        tags = {
            TRIAL: done.trial["id"],
            STORE: self.store,
            "blueno.config": done.trial["config"],
            "blueno.state": told["state"],
        }
        run = client.create_run(experiment, start_time=started, tags=tags, run_name=short(done.trial["id"])).info.run_id
        redact = self.redact
        params = [
            Param(redact(path.replace("#", "_")), redact(cell(value))[:WORD_CHARACTERS])
            for path, value in done.params.items()
        ]
        for start in range(0, len(params), PARAMS):
            client.log_batch(run, params=params[start : start + PARAMS])
        points = [
            Metric(name, value, ended, epoch)
            for name, values in told["history"].items()
            for epoch, value in zip(told["epochs"], values, strict=False)
            if value is not None
        ]
        points += [Metric(f"final_{name}", value, ended, told["epoch"] or 0)
                   for name, value in told["metrics"].items() if value is not None]  # fmt: skip
        for start in range(0, len(points), BATCH):
            client.log_batch(run, metrics=points[start : start + BATCH])
        for name, kept in told["artefacts"].items():
            path = self.root / "models" / kept["key"]
            if path.is_file():
                client.log_artifact(run, str(path), name)
        client.set_terminated(run, STATES[told["state"]], ended)

    def _experiment(self, sweep: str) -> str:
        if sweep not in self.experiments:
            known = self.client.get_experiment_by_name(sweep)
            self.experiments[sweep] = known.experiment_id if known else self._new(sweep)
        return self.experiments[sweep]

    def _new(self, sweep: str) -> str:
        """A new experiment; on this machine its files lie beside the database."""
        place = None if os.environ.get("MLFLOW_TRACKING_URI") else (self.root / FOLDER / "files" / sweep).as_uri()
        return str(self.client.create_experiment(sweep, artifact_location=place))

    def close(self) -> None:
        pass  # each run is ended
