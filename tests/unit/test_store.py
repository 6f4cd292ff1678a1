from __future__ import annotations

import multiprocessing
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from blueno.errors import NotFound, StoreError
from blueno.store import database, engines, ledger, read, transitions
from blueno.store.database import open_store, scheduler_lock, store_path
from blueno.store.migrations import MIGRATIONS
from blueno.store.submit import submit
from blueno.store.transitions import Binding

from .plans import failure, good_result, small_plan

NOW = 1_000_000.0
BINDING = Binding("", "python", "{}")


@pytest.fixture
def db(tmp_path: Path) -> Any:
    db = open_store(tmp_path, NOW)
    yield db
    db.close()


def add(db: sqlite3.Connection, **plan: Any) -> int:
    sweep = submit(db, small_plan(**plan), {}, "python", NOW).sweep
    engines.decide(db, None, "{}")
    return sweep


def claim(db: sqlite3.Connection, worker: str = "w", count: int = 1) -> list[transitions.Claimed]:
    return transitions.claim_trials(db, worker, BINDING, count, NOW)


# ---- opening


def test_a_new_store_has_an_identity_that_stays(tmp_path: Path) -> None:
    first = open_store(tmp_path, NOW)
    facts = read.meta(first)
    assert set(facts) == {"store_id", "host", "owner", "created"}
    first.close()
    second = open_store(tmp_path, NOW + 1)
    assert read.meta(second) == facts
    second.close()


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    db = open_store(tmp_path, NOW)
    db.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    db.close()
    with pytest.raises(StoreError, match="newer Blueno"):
        open_store(tmp_path, NOW)


@pytest.mark.parametrize("damage", [b"no database at all, but long enough to be read as one" * 40, None])
def test_a_damaged_store_is_refused(tmp_path: Path, damage: bytes | None) -> None:
    db = open_store(tmp_path, NOW)
    add(db, values=tuple(range(200)))
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    path = store_path(tmp_path)
    content = path.read_bytes()
    path.write_bytes(damage or content[:100] + b"\xff" * 4000 + content[4100:])
    with pytest.raises(StoreError, match="damaged") as caught:
        open_store(tmp_path, NOW)
    assert "backup" in caught.value.fix


def test_a_database_of_somebody_else_is_refused(tmp_path: Path) -> None:
    path = store_path(tmp_path)
    path.parent.mkdir(parents=True)
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE cats (name)")
    other.close()
    with pytest.raises(StoreError, match="not Blueno's"):
        open_store(tmp_path, NOW)


@pytest.mark.parametrize(
    ("table", "refused"),
    [
        ("/dev/sda / ext4 rw 0 0\nserver:/x /home nfs4 rw 0 0\n", True),
        ("/dev/sda / ext4 rw 0 0\nserver:/x /other nfs rw 0 0\n", False),
        ("server:/x / nfs rw 0 0\n/dev/sda /home/anne ext4 rw 0 0\n", False),
        ("/dev/sda / ext4 rw 0 0\nC: /home 9p rw 0 0\n", True),
        ("", False),
    ],
)
def test_a_network_file_system_is_refused(table: str, refused: bool) -> None:
    path = Path("/home/anne/project/data/blueno.db")
    if refused:
        with pytest.raises(StoreError, match="network file system"):
            database.refuse_network(path, table)
    else:
        assert database.refuse_network(path, table) is None


def test_an_older_store_migrates_itself_but_not_under_a_scheduler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_store(tmp_path, NOW).close()
    later = [*MIGRATIONS, lambda db: db.execute("ALTER TABLE trials ADD COLUMN added TEXT")]
    monkeypatch.setattr(database, "MIGRATIONS", later)
    with scheduler_lock(tmp_path), pytest.raises(StoreError, match="scheduler holds it"):
        open_store(tmp_path, NOW)
    db = open_store(tmp_path, NOW)
    assert "added" in db.execute("SELECT * FROM pragma_table_info('trials')").fetchall()[-1]["name"]
    db.close()


def test_a_transaction_is_all_or_nothing(db: sqlite3.Connection) -> None:
    with pytest.raises(RuntimeError), database.transaction(db):
        transitions.event(db, NOW, "submitted")
        raise RuntimeError
    assert db.execute("SELECT count(*) FROM events").fetchone()[0] == 0


def test_one_scheduler_a_store(tmp_path: Path) -> None:
    with scheduler_lock(tmp_path, {"version": "1"}) as first, scheduler_lock(tmp_path) as second:
        assert (first, second) == (True, False)
        assert database.holder(tmp_path)["version"] == "1"
    with scheduler_lock(tmp_path) as third:
        assert third


# ---- claims


def test_only_the_newest_attempt_of_the_right_worker_may_finish(db: sqlite3.Connection) -> None:
    sweep = add(db, values=(1,))
    [first] = claim(db, "one")
    transitions.release(db, first.id, first.attempt, NOW, "its worker is gone")
    [second] = claim(db, "two")
    assert not transitions.finish(db, good_result(first.id, first.attempt), "one", NOW)
    assert not transitions.finish(db, good_result(second.id, second.attempt), "one", NOW)
    assert not transitions.finish(db, good_result(first.id, first.attempt), "two", NOW)
    assert ledger.ledger(db, sweep).running == 1
    assert transitions.finish(db, good_result(second.id, second.attempt), "two", NOW)
    assert not transitions.finish(db, good_result(second.id, second.attempt), "two", NOW)
    assert db.execute("SELECT count(*) FROM results").fetchone()[0] == 1


def test_a_start_or_a_loss_of_an_older_attempt_changes_nothing(db: sqlite3.Connection) -> None:
    add(db, values=(1,))
    [first] = claim(db, "one")
    transitions.release(db, first.id, first.attempt, NOW, "gone")
    [second] = claim(db, "two")
    assert not transitions.started(db, first.id, first.attempt, "one")
    assert transitions.lost(db, first.id, first.attempt, "one", good_result(first.id, 1), NOW) == "fenced"
    assert not transitions.release(db, first.id, first.attempt, NOW, "again")
    assert transitions.started(db, second.id, second.attempt, "two")


def _claim_all(root: Path, worker: str, queue: Any) -> None:
    db = open_store(root, NOW)
    mine = []
    while claimed := claim(db, worker, 3):
        mine += [trial.id for trial in claimed]
    db.close()
    queue.put(mine)


def test_many_processes_claim_every_trial_once(tmp_path: Path) -> None:
    db = open_store(tmp_path, NOW)
    add(db, values=tuple(range(300)))
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    workers = [context.Process(target=_claim_all, args=(tmp_path, f"w{i}", queue)) for i in range(4)]
    for worker in workers:
        worker.start()
    claimed = [id for _ in workers for id in queue.get(timeout=60)]
    for worker in workers:
        worker.join()
    db.close()
    assert len(claimed) == len(set(claimed)) == 300


def test_a_claim_asks_for_the_right_binding(db: sqlite3.Connection) -> None:
    add(db, values=(1,))
    assert transitions.claim_trials(db, "w", Binding("", "another", "{}"), 1, NOW) == []
    assert transitions.next_binding(db) == BINDING


def test_every_change_of_state_is_an_event(db: sqlite3.Connection) -> None:
    add(db, values=(1,))
    [trial] = claim(db)
    transitions.finish(db, {**good_result(trial.id, 1, state="failed"), "error": failure()}, "w", NOW)
    moves = [(row["before"], row["after"]) for row in db.execute("SELECT * FROM events WHERE kind = 'state'")]
    assert moves == [("idle", "queued"), ("queued", "running"), ("running", "failed")]


def test_what_a_result_holds_comes_back_as_it_was(db: sqlite3.Connection) -> None:
    add(db, values=(1,))
    [trial] = claim(db)
    message = {**good_result(trial.id, 1), "history": {"loss": [1.5, None]}, "log": "zwölf\n", "nonfinite": ["loss"]}
    transitions.finish(db, message, "w", NOW)
    result = read.result(db, trial.id, 1)
    assert result is not None
    for key in ("metrics", "history", "log", "nonfinite", "artefacts", "engine", "epoch", "error"):
        assert result[key] == message[key]


# ---- names


def test_sweeps_go_by_name_prefix_or_nothing(db: sqlite3.Connection) -> None:
    with pytest.raises(NotFound, match="no sweep yet"):
        read.find_sweep(db, None)
    first = add(db, name="first", values=(1,))
    second = add(db, name="first", values=(1, 2))
    third = submit(db, small_plan(name="third"), {}, "python", NOW + 1).sweep
    assert read.find_sweep(db, None).number == third
    assert read.find_sweep(db, "first").number == second
    id = read.sweep_by_number(db, first).id
    assert read.find_sweep(db, id[:20]).number == first
    with pytest.raises(NotFound) as caught:
        read.find_sweep(db, "forth")
    assert "first" in caught.value.fix


def test_trials_go_by_an_unambiguous_prefix(db: sqlite3.Connection) -> None:
    add(db, values=tuple(range(40)))
    id = db.execute("SELECT id FROM trials").fetchone()[0]
    assert read.find_trial(db, id[:16]) == id
    with pytest.raises(NotFound, match="several"):
        read.find_trial(db, "")
    with pytest.raises(NotFound, match="no trial's id"):
        read.find_trial(db, "zz")
