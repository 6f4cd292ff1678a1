"""Views of results in other tools: made from the store, the same however often."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blueno.canonical import short
from blueno.cli import run
from blueno.sinks import SINKS
from blueno.store.database import transaction

from .command_line import trials
from .plans import good_result
from .test_scheduler import Bench, bad


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    bench.submit(values=(1, 2, 3))

    def outcome(message: dict[str, Any]) -> dict[str, Any]:
        if message["recipe"]["model"]["x"] == 3:
            return bad(message)
        history = {"val_score": [0.1, None, 0.3], "loss": [3.0, 2.0, 1.0]}
        return {
            **good_result(message["trial"], message["attempt"]),
            "history": history,
            "epoch": 15,
            "epochs": [5, 10, 15],
        }

    bench.run(outcome)
    yield bench
    bench.db.close()


def test_tensorboard_has_a_run_a_trial_with_curves_and_parameters(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    from tensorboardX.proto import event_pb2, plugin_hparams_pb2

    for _ in range(2):
        assert run(["results", "--sink", "tensorboard", "--root", str(bench.root)]) == 0
        assert "3 trials written for tensorboard" in capsys.readouterr().err
    folder = bench.root / "logs" / "tensorboard" / "small"
    assert sorted(path.name for path in folder.iterdir()) == sorted(map(short, trials(bench)))
    [file] = (folder / short(trials(bench)[0])).glob("events*")
    scalars: dict[str, dict[int, float]] = {}
    params: dict[str, Any] = {}
    for data in _records(file.read_bytes()):
        event = event_pb2.Event.FromString(data)
        for value in event.summary.value:
            if value.metadata.plugin_data.plugin_name == "hparams":
                told = plugin_hparams_pb2.HParamsPluginData.FromString(value.metadata.plugin_data.content)
                params |= {name: each.number_value for name, each in told.session_start_info.hparams.items()}
            else:
                scalars.setdefault(value.tag, {})[event.step] = round(value.simple_value, 6)
    assert scalars["loss"] == {5: 3.0, 10: 2.0, 15: 1.0} and scalars["val_score"] == {5: 0.1, 15: 0.3}
    assert scalars["final/val_score"] == {15: 0.5} and params == {"model.x": 1.0}


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")  # of MLflow and SQLAlchemy
def test_mlflow_has_a_run_a_trial(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("mlflow", reason="MLflow is not installed")
    from mlflow import MlflowClient

    from blueno.sinks.mlflow import uri_of

    for _ in range(2):
        assert run(["results", "--sink", "mlflow", "--root", str(bench.root)]) == 0
    capsys.readouterr()
    client = MlflowClient(uri_of(bench.root))
    experiment = client.get_experiment_by_name("small")
    assert experiment is not None
    runs = {each.data.tags["blueno.trial"]: each for each in client.search_runs([experiment.experiment_id])}
    assert set(runs) == set(trials(bench)) and len(client.search_runs([experiment.experiment_id])) == 3
    first = runs[trials(bench)[0]]
    with transaction(bench.db):  # as if it came from another store to the same place
        bench.db.execute("UPDATE meta SET value = 'another' WHERE key = 'store_id'")
    assert run(["results", "--sink", "mlflow", "--root", str(bench.root)]) == 0
    assert len(client.search_runs([experiment.experiment_id])) == 6
    assert first.data.params["model.x"] == "1" and first.info.status == "FINISHED"
    assert first.data.metrics["final_val_score"] == 0.5 and first.data.metrics["loss"] == 1.0
    assert runs[trials(bench)[2]].info.status == "FAILED"
    points = client.get_metric_history(first.info.run_id, "loss")
    assert [(each.step, each.value) for each in points] == [(5, 3.0), (10, 2.0), (15, 1.0)]


def _records(data: bytes) -> Iterator[bytes]:
    """The records of an event file: length, its checksum, the record, its checksum."""
    while data:
        length = int.from_bytes(data[:8], "little")
        yield data[12 : 12 + length]
        data = data[16 + length :]


def test_an_unknown_sink_is_an_error(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["results", "--sink", "tensorbord", "--root", str(bench.root)]) == 1
    assert "write tensorboard" in capsys.readouterr().err
    assert all((Path(__file__).parents[2] / "blueno" / "sinks" / f"{module}.py").is_file() for module in SINKS.values())
