"""What is in the store is in the index: whatever is sent again, changed, removed, or sent by two."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from blueno.elastic import sender as sending
from blueno.elastic import state
from blueno.elastic.fields import FIELDS, Kind
from blueno.elastic.sender import rebuild, rest, turn
from blueno.store import outbox, requests
from blueno.store.database import store_path, transaction

from ..elastic_server import Server
from ..unit.test_scheduler import Bench, bad
from .stores import begun, outcome, say_epoch, send_all, sender, set_up, target


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "project")
    yield bench
    bench.db.close()


def test_every_trial_epoch_and_config_gets_there(bench: Bench, server: Server, prefix: str) -> None:
    set_up(server, prefix)
    bench.submit(values=(1, 2, 3), seeds=2)
    bench.run(outcome)
    where = target(server, prefix)
    assert sum(each.trials for each in send_all(bench, where)) == 6
    trials = server.documents(f"{prefix}-trials")
    assert {each["state"] for each in trials} == {"succeeded"}
    assert len(trials) == 6 and server.count(f"{prefix}-epochs") == 6 * 3 * 2
    configs = server.documents(f"{prefix}-configs", sweep="small")
    assert sorted(each["objective"]["mean"] for each in configs) == [0.1, 0.2, 0.3]
    assert all(each["replicates"] == 2 and each["complete"] for each in configs)
    assert not any(each.trials for each in send_all(bench, where)), "nothing is sent twice"


def test_documents_hold_what_the_list_of_fields_says(bench: Bench, server: Server, prefix: str) -> None:
    set_up(server, prefix)
    bench.submit(values=(1, 2), tags=["t"], data=True)
    bench.run(lambda message: outcome(message) if message["kind"] == "train" else _built(message))
    send_all(bench, target(server, prefix))
    for kind, fields in FIELDS.items():
        known = {field.name for field in fields}
        for document in server.documents(f"{prefix}-{kind}"):
            for name in _paths({k: v for k, v in document.items() if k not in ("_id", "_version")}, kind, known):
                assert name in known, f"{kind}: {name}"


def _built(message: dict[str, Any]) -> dict[str, Any]:
    from ..unit.test_scheduler import built

    return built(message)


def _paths(document: dict[str, Any], kind: Kind, known: set[str], before: str = "") -> Iterator[str]:
    for name, value in document.items():
        path = before + name
        if path in known or not isinstance(value, dict):
            yield path
        elif f"{path}.*" in known:
            yield f"{path}.*"
        else:
            yield from _paths(value, kind, known, f"{path}.")


def test_a_trial_is_there_in_each_of_its_states(bench: Bench, server: Server, prefix: str) -> None:
    set_up(server, prefix)
    where = target(server, prefix)
    bench.submit(values=(1,))
    send_all(bench, where)
    assert [each["state"] for each in server.documents(f"{prefix}-trials")] == ["queued"]
    bench.steps(2)
    bench.begin_all()
    send_all(bench, where)
    assert [each["state"] for each in server.documents(f"{prefix}-trials")] == ["running"]
    bench.run(lambda message: bad(message))
    send_all(bench, where)
    [found] = server.documents(f"{prefix}-trials")
    assert found["state"] == "failed" and found["error"]["group"] == "g1" and found["attempt"] == 1


def test_epochs_of_a_running_trial_come_as_they_are_told(bench: Bench, server: Server, prefix: str) -> None:
    set_up(server, prefix)
    where = target(server, prefix)
    worker, message = begun(bench)
    for epoch in (5, 10, 15):
        say_epoch(bench, worker, message, epoch, val_score=0.1 * epoch, train_loss=None)
    bench.steps(1)
    send_all(bench, where)
    found = server.documents(f"{prefix}-epochs", split="val")
    assert sorted(each["epoch"] for each in found) == [5, 10, 15]
    bench.run(lambda message: {**outcome(message), "epochs": [5, 10, 15], "epoch": 15})
    send_all(bench, where)
    found = server.documents(f"{prefix}-epochs")
    assert sorted((each["split"], each["epoch"]) for each in found) == [
        (split, epoch) for split in ("train", "val") for epoch in (5, 10, 15)
    ]
    assert bench.db.execute("SELECT count(*) FROM live_epochs").fetchone()[0] == 0


def test_more_epochs_than_one_turn_takes_are_told(
    bench: Bench, server: Server, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up(server, prefix)
    monkeypatch.setattr(sending, "LIVE", 2)
    worker, message = begun(bench)
    for epoch in (1, 2, 3):
        say_epoch(bench, worker, message, epoch, val_score=0.1 * epoch)
    bench.steps(1)
    s = sender(bench, target(server, prefix))
    assert [turn(s).more for _ in range(3)] == [True, False, False], "so that the process does not rest in between"
    assert server.count(f"{prefix}-epochs") == 3
    s.close()


def test_a_shorter_attempt_leaves_no_epochs_of_the_longer_one(bench: Bench, server: Server, prefix: str) -> None:
    set_up(server, prefix)
    where = target(server, prefix)
    sweep = bench.submit(values=(1,))
    bench.run(lambda message: {**bad(message), "history": {"val_score": [1.0, 2.0, 3.0]}})
    send_all(bench, where)
    assert server.count(f"{prefix}-epochs") == 3
    requests.append(bench.db, "retry", {"sweep": sweep}, bench.now)
    bench.steps(1)
    bench.run(lambda message: {**outcome(message), "history": {"val_score": [5.0]}})
    send_all(bench, where)
    assert [each["metrics"]["score"] for each in server.documents(f"{prefix}-epochs")] == [5.0]


def test_what_is_not_finite_is_null_and_named(bench: Bench, server: Server, prefix: str) -> None:
    set_up(server, prefix)
    bench.submit(values=(1,))
    bench.run(lambda message: outcome(message, state="diverged", metrics={"val_score": None}, nonfinite=["val_score"]))
    send_all(bench, target(server, prefix))
    [found] = server.documents(f"{prefix}-trials", nonfinite="val_score")
    assert found["metrics"] == {"val_score": None} and "value" not in found["objective"]


def test_a_crash_between_sending_and_remembering_changes_nothing(bench: Bench, server: Server, prefix: str) -> None:
    set_up(server, prefix)
    where = target(server, prefix)
    bench.submit(values=(1, 2, 3))
    bench.run(outcome)
    send_all(bench, where)
    before = server.documents(f"{prefix}-trials")
    s = sender(bench, where)
    state.note(s.state, position="0")  # as if it had been killed before it noted anything
    s.close()
    assert sum(each.trials for each in send_all(bench, where)) == 3
    assert sorted(map(str, server.documents(f"{prefix}-trials"))) == sorted(map(str, before))


def test_what_comes_late_overwrites_nothing_newer(bench: Bench, server: Server, prefix: str) -> None:
    set_up(server, prefix)
    where = target(server, prefix)
    bench.submit(values=(1,))
    bench.run(outcome)
    [id] = [row["id"] for row in bench.db.execute("SELECT id FROM trials")]
    store = bench.db.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchone()[0]
    newer = {"state": "newer"}
    query = f"require_alias=true&version={10**9}&version_type=external_gte&refresh=true"
    server.ask("PUT", f"/{prefix}-trials/_doc/{store}:{id}?{query}", newer)
    sent = send_all(bench, where)
    assert not sent[0].waits and not sent[0].refused
    assert [each["state"] for each in server.documents(f"{prefix}-trials")] == ["newer"]


def test_two_stores_with_the_same_trial_keep_a_document_each(
    bench: Bench, tmp_path: Path, server: Server, prefix: str
) -> None:
    set_up(server, prefix)
    where = target(server, prefix)
    other = Bench(tmp_path / "other")
    for each in (bench, other):
        each.submit(values=(1, 2))
        each.run(outcome)
        send_all(each, where)
    found = server.documents(f"{prefix}-trials")
    assert len(found) == 4 and len({each["trial_id"] for each in found}) == 2
    assert len({each["store"] for each in found}) == 2
    collapsed = server.ask(
        "POST", f"/{prefix}-trials/_search", {"collapse": {"field": "trial_id"}, "query": {"match_all": {}}}
    )
    assert len(collapsed["hits"]["hits"]) == 2
    other.db.close()


def test_a_removed_sweep_takes_its_documents_along(bench: Bench, server: Server, prefix: str) -> None:
    set_up(server, prefix)
    where = target(server, prefix)
    first, second = bench.submit(values=(1, 2)), bench.submit("python", values=(2, 3), name="other")
    bench.run(outcome)
    send_all(bench, where)
    assert server.count(f"{prefix}-configs") == 4
    requests.append(bench.db, "remove", {"sweep": first}, bench.now)
    bench.steps(1)
    send_all(bench, where)
    assert sorted(each["objective"]["value"] for each in server.documents(f"{prefix}-trials")) == [0.2, 0.3]
    assert [each["sweeps"] for each in server.documents(f"{prefix}-trials")] == [["other"]] * 2
    assert {each["sweep"] for each in server.documents(f"{prefix}-configs")} == {"other"}
    assert server.count(f"{prefix}-epochs") == 2 * 3 * 2
    assert second


def test_a_poisoned_document_is_set_aside_and_named_and_the_others_go_on(
    bench: Bench, server: Server, prefix: str
) -> None:
    set_up(server, prefix)
    where = target(server, prefix)
    bench.submit(values=(1, 2, 3))
    bench.run(lambda message: bad(message) if message["recipe"]["model"]["x"] == 1 else outcome(message))
    _write_error(bench, {"class": {"an": "object"}})  # where a word should be: no index can take it
    sent = send_all(bench, where)
    [refused] = [each for one in sent for each in one.refused]
    assert not any(each.waits for each in sent)
    assert refused.kind == "trials" and "error.class" in refused.reason
    assert len(server.documents(f"{prefix}-trials")) == 2 and server.count(f"{prefix}-configs") == 3
    s = sender(bench, where)
    assert state.refused(s.state) == [refused]
    assert [len(each.refused) for each in rest(s)] == [1], "it is tried again, and set aside again"
    _write_error(bench, {"class": "user_code"})
    assert [len(each.refused) for each in rest(s)] == [0]
    assert state.refused(s.state) == []
    s.close()
    assert len(server.documents(f"{prefix}-trials")) == 3


def _write_error(bench: Bench, error: dict[str, Any]) -> None:
    with transaction(bench.db):
        bench.db.execute("UPDATE results SET error = ? WHERE state = 'failed'", (json.dumps(error),))


def test_rebuild_removes_and_rewrites_this_stores_documents_only(
    bench: Bench, tmp_path: Path, server: Server, prefix: str
) -> None:
    set_up(server, prefix)
    where = target(server, prefix)
    other = Bench(tmp_path / "other")
    for each in (bench, other):
        each.submit(values=(1, 2))
        each.run(outcome)
        send_all(each, where)
    store = bench.db.execute("SELECT value FROM meta WHERE key = 'store_id'").fetchone()[0]
    strays = {"store": store, "seq": 1, "trial_id": "stray"}
    for kind in ("trials", "epochs", "configs"):
        query = "version=1&version_type=external_gte&refresh=true"
        server.ask("PUT", f"/{prefix}-{kind}/_doc/{store}:stray?{query}", strays)
    before = server.documents(f"{prefix}-trials", store=store)
    s = sender(bench, where)
    assert not any(sent.waits for sent in rebuild(s))
    s.close()
    after = server.documents(f"{prefix}-trials", store=store)
    assert len(before) == 3 and len(after) == 2
    assert server.count(f"{prefix}-epochs") == 2 * (2 * 3 * 2) and server.count(f"{prefix}-configs") == 4
    assert len(server.documents(f"{prefix}-trials")) == 4
    other.db.close()


def test_rebuild_makes_the_index_equal_to_a_store_that_was_put_back(
    bench: Bench, server: Server, prefix: str, tmp_path: Path
) -> None:
    set_up(server, prefix)
    where = target(server, prefix)
    bench.submit(values=(1, 2))
    bench.run(outcome)
    send_all(bench, where)
    with closing(sqlite3.connect(tmp_path / "copy.db")) as copy:
        bench.db.backup(copy)
    bench.submit(values=(2, 3, 4), name="later")
    bench.run(outcome)
    send_all(bench, where)
    assert server.count(f"{prefix}-trials") == 4
    highest = max(each["_version"] for each in server.documents(f"{prefix}-trials"))

    bench.db.close()
    for file in store_path(bench.root).parent.glob("blueno.db*"):
        file.unlink()
    shutil.copy(tmp_path / "copy.db", store_path(bench.root))
    for turns in (rebuild, rest):  # the second time by a sender that knows nothing of the first
        s = sender(bench, where)
        assert not any(sent.waits for sent in turns(s))
        s.close()
        trials = server.documents(f"{prefix}-trials")
        assert {(each["hp"]["num"]["model.x"], *each["sweeps"]) for each in trials} == {(1, "small"), (2, "small")}
        assert all(each["_version"] > highest for each in trials)
        highest = max(each["_version"] for each in trials)
        assert server.count(f"{prefix}-epochs") == 2 * 3 * 2
        assert {each["sweep"] for each in server.documents(f"{prefix}-configs")} == {"small"}
        state.state_path(bench.root, where).unlink()


def test_a_view_begins_anew_when_its_file_is_lost_or_of_another_store(
    bench: Bench, server: Server, prefix: str
) -> None:
    set_up(server, prefix)
    where = target(server, prefix)
    bench.submit(values=(1, 2))
    bench.run(outcome)
    send_all(bench, where)
    state.state_path(bench.root, where).unlink()
    assert sum(each.trials for each in send_all(bench, where)) == 2
    s = sender(bench, where)
    state.note(s.state, position=str(outbox.newest(bench.db) + 5))  # the store is an older copy
    s.close()
    assert sum(each.trials for each in send_all(bench, where)) == 2


def test_a_turn_without_changes_asks_nothing(bench: Bench, server: Server, prefix: str) -> None:
    """No index is set up: a request would be answered with 404."""
    s = sender(bench, target(server, prefix))
    assert turn(s).waits == ""
    bench.submit(values=(1,))
    assert "blueno elastic setup" in turn(s).waits
    s.close()
