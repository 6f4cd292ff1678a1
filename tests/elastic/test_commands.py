"""`blueno elastic ...` and what `doctor` says of it, against the real server."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError

import pytest

from blueno.cli import run
from blueno.elastic.access import target_of
from blueno.elastic.templates import actions
from blueno.errors import BluenoError
from blueno.settings import Settings, load_settings

from ..elastic_server import Server, free_port
from ..unit.command_line import document, output
from ..unit.test_scheduler import Bench
from .stores import outcome, send_all, target


@pytest.fixture
def bench(tmp_path: Path, server: Server, prefix: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    bench = Bench(tmp_path / "project")
    bench.submit(values=(1, 2))
    bench.run(outcome)
    monkeypatch.setenv("BLUENO_ELASTIC_URL", server.url)
    monkeypatch.setenv("BLUENO_ELASTIC_PREFIX", prefix)
    yield bench
    bench.db.close()


def test_from_nothing_to_documents(
    bench: Bench, server: Server, prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    before = document(capsys, bench, "elastic", "status", code=1)
    assert (
        before["waiting"] == 2 and not before["problem"] and {each["index_name"] for each in before["kinds"]} == {None}
    )
    output(capsys, bench, "elastic", "setup")
    assert "as it should be" in output(capsys, bench, "elastic", "setup"), "twice is once"
    assert document(capsys, bench, "elastic", "index")["trials"] == 2
    after = document(capsys, bench, "elastic", "status")
    assert after["well"] and after["waiting"] == 0
    assert [each["documents"] for each in after["kinds"]] == [2, 12, 2], "also what was sent just now"
    assert "nothing waits" in output(capsys, bench, "elastic", "status")
    assert document(capsys, bench, "elastic", "index")["trials"] == 0
    assert document(capsys, bench, "elastic", "rebuild")["trials"] == 2
    assert server.count(f"{prefix}-trials") == 2 and server.count(f"{prefix}-epochs") == 12
    [finding] = [each for each in document(capsys, bench, "doctor")["findings"] if each["topic"] == "elastic"]
    assert finding["state"] == "ok"


def test_what_an_administrator_gets_is_what_setup_asks(
    bench: Bench, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "for-the-administrator.json"
    output(capsys, bench, "elastic", "setup", "--print", str(file))
    asked = json.loads(file.read_text())["requests"]
    assert asked[: len(actions(prefix))] == actions(prefix)
    paths = [each["path"] for each in asked[len(actions(prefix)) :]]
    assert paths == [f"/_security/role/{prefix}-sender", f"/_security/role/{prefix}-setup", "/_security/api_key"]


def test_a_migration_keeps_what_colleagues_have_sent(
    bench: Bench, server: Server, prefix: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output(capsys, bench, "elastic", "setup")
    other = Bench(tmp_path / "other")
    other.submit(values=(1, 2, 3))
    other.run(outcome)
    send_all(other, target(server, prefix))
    other.db.close()
    document(capsys, bench, "elastic", "index")
    kinds = ("trials", "epochs", "configs")
    before = {kind: sorted(map(str, server.documents(f"{prefix}-{kind}"))) for kind in kinds}  # versions, too
    assert {kind: len(found) for kind, found in before.items()} == {"trials": 5, "epochs": 30, "configs": 5}
    counts, over = [], threading.Event()

    def look() -> None:  # as somebody's dashboard does meanwhile
        while not over.is_set():
            counts.append(server.ask("GET", f"/{prefix}-trials/_count")["count"])

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        said = output(capsys, bench, "elastic", "setup", "--migrate")
        over.set()
        looking.result()
    assert set(counts) == {5}, "the alias always led to all of them"
    assert {kind: sorted(map(str, server.documents(f"{prefix}-{kind}"))) for kind in kinds} == before
    assert f"{prefix}-trials-v1 takes nothing any more, and may be deleted" in said
    with pytest.raises(HTTPError, match="403"):
        server.ask("PUT", f"/{prefix}-trials-v1/_doc/late", {})
    for kind in kinds:
        server.ask("DELETE", f"/{prefix}-{kind}-v1")  # its block keeps nobody from that
    output(capsys, bench, "elastic", "setup", "--migrate")
    assert {kind: sorted(map(str, server.documents(f"{prefix}-{kind}"))) for kind in kinds} == before
    assert [each["index_name"] for each in document(capsys, bench, "elastic", "status")["kinds"]] == [
        f"{prefix}-{kind}-v3" for kind in kinds
    ]
    assert server.ask("GET", f"/{prefix}-trials-v2/_alias")[f"{prefix}-trials-v2"]["aliases"] == {}
    bench.submit(values=(3,))
    bench.run(outcome)
    document(capsys, bench, "elastic", "index")
    assert server.count(f"{prefix}-trials-v3") == 6


def test_a_server_that_is_away_is_a_message(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BLUENO_ELASTIC_URL", f"http://127.0.0.1:{free_port()}")
    assert "cannot be reached" in document(capsys, bench, "elastic", "status", code=1)["problem"]
    assert run(["elastic", "index", "--root", str(bench.root)]) == 1
    assert "nothing is lost" in capsys.readouterr().err
    [finding] = [each for each in document(capsys, bench, "doctor")["findings"] if each["topic"] == "elastic"]
    assert finding["state"] == "warning"


def test_keys_come_from_the_environment_or_a_file_and_are_never_shown(tmp_path: Path) -> None:
    settings = Settings(tmp_path, elastic_url="https://127.0.0.1:9200")
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "elastic.json").write_text('{"api_key": "from the file"}')
    (tmp_path / "credentials" / "elastic-setup.json").write_text('{"user": "u", "password": "of setup"}')
    found = target_of(settings, {})
    assert found is not None and found.api_key == "from the file" and "from the file" not in repr(found)
    setup = target_of(settings, {}, setup=True)
    assert setup is not None and (setup.user, setup.password) == ("u", "of setup")
    given = target_of(settings, {"BLUENO_ELASTIC_API_KEY": "given"})
    assert given is not None and given.api_key == "given"
    assert target_of(Settings(tmp_path), {}) is None
    (tmp_path / "credentials" / "elastic.json").write_text('{"key": "mistaken"}')
    with pytest.raises(BluenoError) as wrong:
        target_of(settings, {})
    assert "mistaken" not in wrong.value.message + wrong.value.fix


def test_a_password_in_the_url_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(BluenoError) as wrong:
        load_settings(tmp_path, {"BLUENO_ELASTIC_URL": "https://u:words@127.0.0.1:9200"})
    assert "words" not in wrong.value.message + wrong.value.fix


def test_what_is_not_encrypted_is_said() -> None:
    far = target_of(Settings(Path(), elastic_url="http://elastic.example.org:9200"), {})
    near = target_of(Settings(Path(), elastic_url="http://localhost:9200"), {})
    assert far is not None and "not encrypted" in far.warning
    assert near is not None and near.warning == ""
