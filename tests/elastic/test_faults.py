"""Whatever is wrong with the server: what it should get waits, the reason is said once, and all of it is sent later."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from blueno.elastic import state
from blueno.elastic.client import status_reason
from blueno.elastic.fields import KINDS
from blueno.elastic.process import Talk
from blueno.elastic.sender import turn
from blueno.store import outbox

from ..elastic_server import Server, free_port
from ..unit.test_scheduler import Bench
from .proxy import Proxy, certificate, fingerprint
from .stores import outcome, send_all, sender, set_up, target

REASONS = {
    "full": "overloaded",
    "half full": "overloaded",
    "read-only": "read-only",
    "unknown key": "does not know the key",
    "no rights": "lacks the rights",
    "other version": "another version",
    "broken": "503",
}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "project")
    bench.submit(values=(1, 2, 3))
    bench.run(outcome)
    yield bench
    bench.db.close()


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    proxy = Proxy(server.port)
    yield proxy
    proxy.close()


def test_in_any_trouble_it_waits_says_so_once_and_is_sent_later(
    bench: Bench, server: Server, prefix: str, proxy: Proxy
) -> None:
    set_up(server, prefix)
    s = sender(bench, target(server, prefix, proxy.url))
    for mode, words in REASONS.items():
        proxy.mode = mode
        output = io.StringIO()
        talk = Talk("it", output)
        for _ in range(3):
            sent = turn(s)
            talk.hear(sent)
            assert words in sent.waits and not sent.refused, mode
        assert len(output.getvalue().splitlines()) == 1, "the reason is said once"
        assert outbox.waiting(s.store, state.position(s.state))[0] == 3, "nothing is lost"
        assert words in (state.fact(s.state, "waits") or "")
    assert server.count(f"{prefix}-trials") == 0
    proxy.mode = "pass"
    while (sent := turn(s)).trials:
        talk.hear(sent)
    assert "takes documents again" in output.getvalue()
    assert state.fact(s.state, "waits") is None
    s.close()
    assert server.count(f"{prefix}-trials") == 3 and server.count(f"{prefix}-epochs") == 18


def test_a_server_that_is_off_or_slow(bench: Bench, server: Server, prefix: str, proxy: Proxy) -> None:
    off = send_all(bench, target(server, prefix, f"http://127.0.0.1:{free_port()}"))
    assert "cannot be reached" in off[-1].waits
    set_up(server, prefix)
    proxy.mode = "slow"
    assert sum(each.trials for each in send_all(bench, target(server, prefix, proxy.url))) == 3


def test_without_setup_it_says_what_to_do(bench: Bench, server: Server, prefix: str) -> None:
    sent = send_all(bench, target(server, prefix))
    assert "blueno elastic setup" in sent[-1].waits and not sent[-1].refused
    assert prefix not in str(server.ask("GET", "/_cluster/state/metadata")), "no mapping is guessed"


def test_a_request_that_is_too_large_is_split_until_the_document_to_blame_is_found(
    bench: Bench, server: Server, prefix: str, proxy: Proxy
) -> None:
    set_up(server, prefix)
    bench.submit(values=(4,), name="long")
    bench.run(lambda message: outcome(message, log="word " * 2000))
    proxy.mode = "small"
    sent = send_all(bench, target(server, prefix, proxy.url))
    refused = [each for one in sent for each in one.refused]
    assert [each.kind for each in refused] == ["trials"] and "413" in refused[0].reason
    assert server.count(f"{prefix}-trials") == 3 and server.count(f"{prefix}-epochs") == 24


def test_why_an_index_takes_nothing_is_told_apart(bench: Bench, server: Server, prefix: str) -> None:
    set_up(server, prefix)
    where, index = target(server, prefix), f"/{prefix}-trials-v1/_settings"
    for block, words in (("write", "nobody may write"), ("read_only_allow_delete", "its disk is full?")):
        server.ask("PUT", index, {f"index.blocks.{block}": True})
        assert words in send_all(bench, where)[-1].waits
        server.ask("PUT", index, {f"index.blocks.{block}": None})
    assert send_all(bench, where)[0].trials == 3
    text = "security_exception: action [x] is unauthorized for user [flood] with roles [read-only]"
    assert status_reason(403, text).startswith("the key lacks the rights (403)")


def test_a_mapping_that_conflicts_sets_documents_aside_and_a_migration_takes_them(
    bench: Bench, server: Server, prefix: str
) -> None:
    from blueno.elastic.client import connect
    from blueno.elastic.sender import rest
    from blueno.elastic.setup import migrate, standings
    from blueno.elastic.setup import set_up as made
    from blueno.errors import BluenoError

    set_up(server, prefix)
    server.ask("DELETE", f"/{prefix}-trials-v1")
    wrong = {"properties": {"model": {"type": "object"}, "host": {"properties": {"name": {"type": "object"}}}}}
    server.ask(
        "PUT", f"/{prefix}-trials-v1", {"mappings": {**wrong, "dynamic": False}, "aliases": {f"{prefix}-trials": {}}}
    )
    with bench.db:
        bench.db.execute('UPDATE results SET error = \'{"class": "data"}\'')
        bench.db.execute('UPDATE environments SET facts = \'{"host": "here"}\'')
    where = target(server, prefix)
    sent = send_all(bench, where)
    assert sum(len(each.refused) for each in sent) == 3 and not any(each.waits for each in sent)
    client = connect(where)
    with pytest.raises(BluenoError, match="another type"):
        made(client, prefix, lambda text: None)
    said: list[str] = []
    migrate(client, prefix, said.append)
    assert [each.index_name for each in standings(client, prefix)] == [f"{prefix}-{kind}-v2" for kind in KINDS]
    client.close()
    s = sender(bench, where)
    assert [each.waits for each in rest(s)] == [""]
    assert state.refused(s.state) == []
    s.close()
    assert server.count(f"{prefix}-trials") == 3 and server.count(f"{prefix}-epochs") == 18


def test_a_certificate_that_nobody_knows_is_refused_and_one_that_is_named_is_taken(
    bench: Bench, server: Server, prefix: str, tmp_path: Path
) -> None:
    set_up(server, prefix)
    proxy = Proxy(server.port, tmp_path)
    try:
        sent = send_all(bench, target(server, prefix, proxy.url))
        assert "certificate is not trusted" in sent[-1].waits and proxy.requests == 0
        sent = send_all(bench, target(server, prefix, proxy.url, fingerprint="0" * 64))
        assert "certificate is not trusted" in sent[-1].waits and proxy.requests == 0
        ca = str(certificate(tmp_path)[0])
        assert send_all(bench, target(server, prefix, proxy.url, ca=ca))[0].trials == 3
        state.state_path(bench.root, target(server, prefix, proxy.url)).unlink()
        right = fingerprint(tmp_path)
        assert send_all(bench, target(server, prefix, proxy.url, fingerprint=right))[0].trials == 3
    finally:
        proxy.close()
