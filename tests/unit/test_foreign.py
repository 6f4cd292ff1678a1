"""Results of other tools become history that find looks through: marked, in no ledger, once however often read."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from blueno.cli import run
from blueno.commands.find import find
from blueno.errors import BluenoError
from blueno.foreign import read
from blueno.store import foreign, ledger

from .test_scheduler import Bench, good

OPTUNA = """\
number,value,datetime_start,datetime_complete,duration,params_lr,params_kind,state
0,0.91,2026-01-02 10:00:00.5,2026-01-02 10:01:00.5,0 days 00:01:00,0.001,cnn,COMPLETE
1,,2026-01-02 10:00:00,2026-01-02 10:00:10,0 days 00:00:10,0.1,mlp,PRUNED
2,,2026-01-02 10:02:00,,,0.1,mlp,RUNNING
"""
WANDB = """\
"Name","State","User","Tags","Created","Runtime","Sweep","lr","validation_split","val/auc","_step","seed"
"calm-1","finished","ann","night, b","2026-01-03T10:00:00.000Z","120","","0.01","0.2","0.93","7","3"
"mad-2","crashed","bob","","2026-01-03T11:00:00.000Z","5","","0.1","0.2","","1","4"
"""
RUNS = [
    {"id": "r1", "name": "calm", "state": "finished", "project": "p", "created_at": "2026-01-03T10:00:00Z",
     "config": {"optimizer": {"value": {"lr": 0.1}}, "_wandb": {"value": 1}},
     "summary": {"val": {"f1": 0.5}, "_runtime": 9}},
    {"id": "r2", "name": "new", "state": "running", "project": "p", "config": {}, "summary": {}},
]  # fmt: skip
JOBS = [
    {"_source": {"job_name": "old", "author": "luke", "created_at": "2019-01-01T00:00:00",
                 "ended_at": "2019-01-01T01:00:00",
                 "params": "text", "log": "long", "batch_size": 8, "best_val_acc": 0.8, "val_split": 0.1, "seed": 5}},
]  # fmt: skip
OURS = [
    {"trial_id": "ab" * 32, "store": "s1", "state": "succeeded", "sweeps": ["theirs"], "owner": "eve", "model": "mlp",
     "hp": {"num": {"model.units": 8}, "cat": {"model.pool": "max"}}, "metrics": {"val_f1": 0.7, "val_loss": None},
     "objective": {"metric": "val_f1", "value": 0.7, "epoch": 3}, "started": "2026-01-01T00:00:00.000Z", "seed": 1},
    {"trial_id": "cd" * 32, "store": "s1", "state": "running"},
]  # fmt: skip


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "project")
    yield bench
    bench.db.close()


def lines(path: Path, rows: list[Any]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def files(folder: Path) -> list[str]:
    (folder / "study.csv").write_text(OPTUNA)
    (folder / "project.csv").write_text(WANDB)
    return [str(folder / "study.csv"), str(folder / "project.csv"), lines(folder / "runs.jsonl", RUNS),
            lines(folder / "training_jobs.jsonl", JOBS), lines(folder / "theirs.jsonl", OURS)]  # fmt: skip


def names(bench: Bench, query: str) -> list[str]:
    return sorted(record.row["name"] for record in find(bench.db, query) if isinstance(record, foreign.Foreign))


def test_each_form_is_read_and_found(bench: Bench, tmp_path: Path) -> None:
    for file in files(tmp_path):
        foreign.add(bench.db, read(file), bench.now)
    assert names(bench, "") == ["0", "1", "ab" * 32, "calm-1", "mad-2", "old 2019-01-01T00:00:00", "r1"]
    assert names(bench, "origin = optuna and sweep = study and value > 0.9 and hp.kind = cnn and duration = 1min") == [
        "0"
    ]
    assert names(bench, "state = pruned and hp.lr = 0.1 and not value exists") == ["1"]
    assert names(bench, "origin = wandb and val_auc > 0.9 and tags = night and owner = ann and seed = 3") == ["calm-1"]
    assert names(bench, "state = failed and hp.validation_split = 0.2 and started = 2026-01-03") == ["mad-2"]
    assert names(bench, "sweep = p and hp.optimizer.lr = 0.1 and val_f1 = 0.5") == ["r1"]
    assert names(bench, "origin = training_jobs and best_val_acc = 0.8 and hp.batch_size = 8 and duration = 1h") == [
        "old 2019-01-01T00:00:00"
    ]
    assert names(bench, "origin ~ store:* and objective = 0.7 and hp.pool = max and epoch = 3") == ["ab" * 32]


def test_reading_again_adds_nothing_and_no_ledger_has_them(bench: Bench, tmp_path: Path) -> None:
    sweep = bench.submit(values=(1, 2))
    bench.run(good)
    before = ledger.ledger(bench.db, sweep)
    for file in files(tmp_path):
        new = foreign.add(bench.db, read(file), bench.now)
        assert new["new"] and not new["known"]
        assert foreign.add(bench.db, read(file), bench.now + 1) == {"new": 0, "known": new["new"]}
    assert ledger.ledger(bench.db, sweep) == before
    assert len(find(bench.db, "origin = blueno")) == 2 and len(find(bench.db, "origin != blueno")) == 7


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("empty.csv", "", "there is nothing in it"),
        ("odd.csv", "a,b\n1,2\n", "nothing is known of rows with a, b"),
        ("bad.jsonl", '{"job_name": "a", "created_at": 1}\n{"job\n', "bad.jsonl:2: no JSON"),
        ("list.jsonl", "[1]\n", "list.jsonl:1: expected an object"),
    ],
)
def test_what_cannot_be_read_is_said_and_nothing_is_half_imported(
    bench: Bench, tmp_path: Path, name: str, text: str, message: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(BluenoError, match=message):
        foreign.add(bench.db, read(str(tmp_path / name)), bench.now)
    assert find(bench.db, "") == []


def test_the_command(bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import_it = ["elastic", "import", files(tmp_path)[0], "--root", str(bench.root), "--json"]
    for new, known in ((2, 0), (0, 2)):
        assert run(import_it) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["new"], told["known"]) == (new, known)
    assert run(["elastic", "import", str(tmp_path / "none.csv"), "--root", str(bench.root)]) == 1
    assert "cannot be read" in capsys.readouterr().err


def test_a_storage_is_read_by_optuna_itself(bench: Bench, tmp_path: Path) -> None:
    optuna = pytest.importorskip("optuna", reason="Optuna is not installed")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    url = f"sqlite:///{tmp_path / 'study.db'}"
    study = optuna.create_study(storage=url, study_name="s", direction="maximize")
    study.enqueue_trial({"x": 0.5})
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) * 2, n_trials=1)
    assert foreign.add(bench.db, read(url), bench.now) == {"new": 1, "known": 0}
    assert names(bench, "sweep = s and value = 1 and hp.x = 0.5 and finished > -1h or origin = optuna") == ["0"]


def test_a_storage_that_is_not_there_or_has_no_study_is_an_error_and_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    project, missing, other, broken = (folder / name for name in ("p", "no.db", "other.db", "broken.db"))
    with closing(sqlite3.connect(other)) as db:
        db.execute("CREATE TABLE theirs (x)")
    broken.write_text("no database" * 100)
    was = other.read_bytes()
    for path, message in (
        (missing, f"there is no file {missing}"), (folder, f"there is no file {folder}"),
        (other, f"{other} is no storage of Optuna"), (broken, f"{broken} cannot be read"),
    ):  # fmt: skip
        for url in (f"sqlite:///{path}", f"sqlite+pysqlite:///{path}?timeout=5"):
            assert run(["elastic", "import", url, "--root", str(project)]) == 1
            told = capsys.readouterr().err
            assert message in told and "fix:" in told
    assert other.read_bytes() == was and sorted(folder.iterdir()) == [broken, other]


def test_a_storage_without_a_study_is_an_error(tmp_path: Path) -> None:
    optuna = pytest.importorskip("optuna", reason="Optuna is not installed")
    url = f"sqlite:///{tmp_path / 'study.db'}"
    optuna.storages.RDBStorage(url)
    with pytest.raises(BluenoError, match="there is no study in that storage"):
        list(read(url))


def test_who_asks_for_an_imported_name_is_pointed_to_it_under_that_name(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "my study.csv").write_text(OPTUNA)
    for file in [*files(tmp_path), str(tmp_path / "my study.csv")]:
        foreign.add(bench.db, read(file), bench.now)
    mine = ("my study", """'sweep = "my study"'""")
    for verb, (name, query) in product(("results", "status", "failures"), (("study", "'sweep = study'"), mine)):
        assert run([verb, name, "--root", str(bench.root)]) == 1
        told = capsys.readouterr().err
        assert f"'{name}' is no sweep of this project" in told and f"blueno find {query}\n" in told
        assert len(find(bench.db, query.strip("'"))) == 2
    assert run(["results", "nothing", "--root", str(bench.root)]) == 1
    assert "there is no sweep yet" in capsys.readouterr().err
    bench.submit(name="digits")
    assert run(["results", "study", "--root", str(bench.root)]) == 1
    assert "blueno find 'sweep = study'" in capsys.readouterr().err
    assert run(["results", "--root", str(bench.root)]) == 0


def test_rows_of_another_kind_are_skipped_and_odd_ones_named(tmp_path: Path) -> None:
    epoch = {"trial_id": "ab" * 32, "store": "s1", "split": "val", "epoch": 1}
    config = {"config_id": "x", "store": "s1", "replicates": 1}
    [found] = read(lines(tmp_path / "ours.jsonl", [OURS[0], epoch, config]))
    [again] = read(lines(tmp_path / "ours.jsonl", [{**OURS[0], "sweeps": ["other"]}]))
    assert found.id == again.id, "a trial is the same in whatever sweep"
    with pytest.raises(BluenoError, match=r"ours\.jsonl: row 2 is not"):
        list(read(lines(tmp_path / "ours.jsonl", [OURS[0], {**OURS[0], "hp": "no mapping"}])))
