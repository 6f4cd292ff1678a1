"""Troubles on our own side of the line, which need no server: one of them stops nothing but itself."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from elastic_transport import JsonSerializer

from blueno import companion as companions
from blueno.companion import ELASTIC, Companion
from blueno.elastic import sender as sending
from blueno.elastic import state
from blueno.elastic.access import Target
from blueno.elastic.client import Unreachable, encoder, send
from blueno.elastic.documents import Document, hyperparameters
from blueno.elastic.sender import turn
from blueno.settings import load_settings
from blueno.store.database import transaction

from ..acceptance.project import wait_for
from ..unit.test_scheduler import Bench
from .proxy import Proxy, certificate
from .stores import outcome, sender


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "project")
    yield bench
    bench.db.close()


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    proxy = Proxy(0)
    proxy.mode = "taken"
    yield proxy
    proxy.close()


def place(proxy: Proxy) -> Target:
    return Target(url=proxy.url, cloud_id="", prefix="lone", ca="", fingerprint="")


def test_a_whole_number_that_no_double_holds_is_kept_as_text() -> None:
    found = hyperparameters({}, {"model": {"x": 10**400, "y": 2}})
    assert found["hp"] == {"num": {"model.y": 2}, "cat": {"model.x": str(10**400)}}


def test_a_trial_whose_documents_cannot_be_made_is_set_aside_and_the_others_go_on(bench: Bench, proxy: Proxy) -> None:
    bench.submit(values=(1, 2, 3))
    bench.run(outcome)
    bad = bench.db.execute("SELECT id FROM trials LIMIT 1").fetchone()[0]
    with transaction(bench.db):
        bench.db.execute("UPDATE results SET history = ? WHERE trial = ?", (b"no history", bad))
    s = sender(bench, place(proxy))
    sent = turn(s)
    assert sent.trials == 3 and not sent.waits
    [refused] = sent.refused
    assert refused.trial == bad and "cannot be made" in refused.reason and state.refused(s.state) == [refused]
    assert turn(s).trials == 0, "it stops nothing that comes later"
    s.close()


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk I/O error"), OSError(28, "no space left")])
def test_a_disk_in_trouble_is_a_reason_to_wait(
    bench: Bench, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    bench.submit(values=(1, 2))
    s = sender(bench, place(proxy))

    def advance(db: sqlite3.Connection, *words: Any) -> None:
        db.execute("BEGIN IMMEDIATE")
        raise error

    with monkeypatch.context() as changed:
        changed.setattr(state, "advance", advance)
        for _ in range(2):
            sent = turn(s)
            assert str(error) in sent.waits and not sent.trials
    while turn(s).trials:
        pass
    assert state.position(s.state) > 0 and turn(s).waits == ""
    s.close()


def test_a_search_that_finds_only_a_part_is_a_reason_to_wait(
    bench: Bench, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from elasticsearch.helpers import ScanError

    from blueno.elastic.client import explained

    def broken(*words: Any) -> None:
        with explained():
            raise ScanError("scroll", "one shard of two failed")

    bench.submit(values=(1,))
    s = sender(bench, place(proxy))
    monkeypatch.setattr(sending, "documents", broken)
    assert "one shard of two failed" in turn(s).waits
    s.close()


def test_a_process_that_dies_is_named_once_and_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setenv("BLUENO_ELASTIC_URL", "http://127.0.0.1:1")
    companion = Companion(load_settings(tmp_path), ELASTIC, said.append, again_s=0.01)
    try:
        killed = set()
        for _ in range(2):
            process = companion.process
            assert process is not None
            process.kill()
            process.wait()
            killed.add(process.pid)
            wait_for(lambda: companion.hear() or companion.process.pid not in killed)  # type: ignore[func-returns-value,union-attr]
        assert sum("died" in each for each in said) == 1
    finally:
        companion.close(30)


def test_a_process_that_has_said_why_it_ends_is_not_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    monkeypatch.setenv("BLUENO_ELASTIC_URL", "ftp://127.0.0.1:1")
    companion = Companion(load_settings(tmp_path), ELASTIC, said.append, again_s=0.0)
    process = companion.process
    assert process is not None and process.wait(120) == companions.GAVE_UP
    for _ in range(3):
        companion.hear()
    assert companion.process is process and len(said) == 1 and "gets nothing" in said[0]
    companion.close()
    assert len(said) == 1


def test_one_that_is_just_giving_up_is_not_said_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setenv("BLUENO_ELASTIC_URL", "ftp://127.0.0.1:1")
    companion = Companion(load_settings(tmp_path), ELASTIC, said.append)
    wait_for(lambda: companion.hear() or said)  # type: ignore[func-returns-value]
    companion.close()
    assert len(said) == 1 and "gets nothing" in said[0]


def test_an_end_before_anything_was_sent_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setenv("BLUENO_ELASTIC_URL", "http://127.0.0.1:1")
    Companion(load_settings(tmp_path), ELASTIC, said.append).close()
    assert len(said) == 1 and "nothing was sent yet" in said[0] and "blueno elastic status" in said[0]


def test_one_that_died_meanwhile_is_not_said_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setenv("BLUENO_ELASTIC_URL", "http://127.0.0.1:1")
    companion = Companion(load_settings(tmp_path), ELASTIC, said.append)
    assert companion.process is not None
    companion.process.kill()
    companion.close(30)
    assert len(said) == 1 and "died (exit code -9)" in said[0]


def test_a_400_of_somebody_between_us_and_the_server_sets_nothing_aside(bench: Bench, proxy: Proxy) -> None:
    bench.submit(values=(1,))
    s = sender(bench, place(proxy))
    proxy.mode = "gateway"
    sent = turn(s)
    assert "400" in sent.waits and not sent.refused
    proxy.mode = "taken"
    assert turn(s).trials == 1
    s.close()


def test_a_migration_switches_only_when_all_is_copied_and_nobody_could_write_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from blueno.elastic import setup
    from blueno.elastic.client import Unreachable

    done: list[Any] = []
    copies = iter([(1, {}), (1, {}), (1, {}), Unreachable("it is gone")])

    def copy(client: Any, old: str, new: str) -> tuple[int, dict[str, int]]:
        done.append("copy")
        answer = next(copies)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(setup, "copy_documents", copy)
    monkeypatch.setattr(setup, "_put_template", lambda *words: None)
    monkeypatch.setattr(setup, "_create", lambda *words: None)
    monkeypatch.setattr(setup, "write_index", lambda client, prefix, kind: f"{prefix}-{kind}-v1")
    monkeypatch.setattr(setup, "_switch", lambda *words: done.append("switch"))
    monkeypatch.setattr(setup, "_refresh", lambda *words: done.append("refresh"))
    monkeypatch.setattr(setup, "_write_block", lambda client, index, on: done.append(on))
    client: Any = None
    with pytest.raises(Unreachable):
        setup.migrate(client, "team", lambda text: None)
    whole = ["copy", True, "refresh", "copy", "refresh", "switch"]
    assert done == [*whole, "copy", True, "refresh", "copy", False], (
        "a failure takes the block off, and switches nothing"
    )


def test_a_message_is_asked_for_widely_and_looked_at_later() -> None:
    from blueno.query.elastic import NOTHING, Names, query_of
    from blueno.query.tree import Comparison, Field

    test, nothing_known = Comparison(Field("field", "error.message"), "=", ("out of memory",)), Names((), (), ())
    there = {"exists": {"field": "error.message"}}
    assert query_of(test, nothing_known) == there and query_of(test, nothing_known, wide=False) == NOTHING


def test_a_ca_is_looked_for_in_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from blueno.elastic.access import target_of

    (tmp_path / "ca.pem").write_bytes(certificate(tmp_path)[0].read_bytes())
    monkeypatch.setenv("BLUENO_ELASTIC_URL", "https://127.0.0.1:1")
    monkeypatch.setenv("BLUENO_ELASTIC_CA", "ca.pem")
    found = target_of(load_settings(tmp_path), {})
    assert found is not None and found.ca == str(tmp_path / "ca.pem")


@pytest.mark.parametrize("is_there", [True, False])
def test_json_is_that_of_the_client(is_there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not is_there:
        monkeypatch.setitem(sys.modules, "orjson", None)
    encoded = encoder()
    for value in ({"x": 2**70}, {"text": "half of a pair: \ud800"}, {"metrics": {"loss": None, "auc": 0.1}}, {"é": []}):
        assert encoded(value) == JsonSerializer().dumps(value)


def test_after_a_request_that_failed_no_more_is_sent(bench: Bench, proxy: Proxy) -> None:
    proxy.mode = "broken"
    s = sender(bench, place(proxy))
    coming = iter([Document("trials", str(number), 1, str(number), {}) for number in range(100)])
    with pytest.raises(Unreachable, match="503"):
        send(s.client, "lone", coming, most=10)
    assert proxy.requests <= 2  # what was under way
    assert len(list(coming)) >= 70  # and what was made meanwhile
    s.close()


@pytest.mark.parametrize(
    ("mode", "reason"), [("forgetful", "it answers for 2 of 3 documents"), ("speechless", "its answer has no 'items'")]
)
def test_an_answer_that_is_not_for_all_documents_is_none(mode: str, reason: str, proxy: Proxy, bench: Bench) -> None:
    proxy.mode = mode
    s = sender(bench, place(proxy))
    with pytest.raises(Unreachable, match=reason):
        send(s.client, "lone", [Document("trials", str(number), 1, str(number), {}) for number in range(3)])
    s.close()
