"""`blueno elastic ...` and what `doctor` says of it, against the real server."""

from __future__ import annotations

import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.error import HTTPError

import pytest

from blueno.cli import run
from blueno.companion import ELASTIC, Companion
from blueno.elastic.access import target_of
from blueno.elastic.client import connect
from blueno.elastic.templates import actions
from blueno.errors import BluenoError
from blueno.settings import Settings, load_settings

from ..acceptance.project import wait_for
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
    (tmp_path / "credentials" / "elastic.json").write_text('{"api_key": "of-the-file"}')
    (tmp_path / "credentials" / "elastic-setup.json").write_text('{"user": "u", "password": "of setup"}')
    found = target_of(settings, {})
    assert found is not None and found.api_key == "of-the-file" and "of-the-file" not in repr(found)
    setup = target_of(settings, {}, setup=True)
    assert setup is not None and (setup.user, setup.password) == ("u", "of setup")
    given = target_of(settings, {"BLUENO_ELASTIC_API_KEY": "given\r\n"})
    assert given is not None and given.api_key == "given"
    assert target_of(Settings(tmp_path), {}) is None
    (tmp_path / "credentials" / "elastic.json").write_text('{"key": "mistaken"}')
    with pytest.raises(BluenoError) as wrong:
        target_of(settings, {})
    assert "mistaken" not in wrong.value.message + wrong.value.fix


@pytest.mark.parametrize(
    "written",
    [
        '{"api_key": "bad\\nlittle-words"}', '{"api_key": "“little-words”"}', '{"api_key": "little words"}',
        '{"api_key": "\'little-words\'"}', '{"api_key": ["little", "words"]}', '{"user": "little-words"}',
        '{"user": "little:words", "password": "p"}', '{"user": "u", "password": "little\\u0000words"}',
        '{"api_key": " "}', "{}",
    ],
)  # fmt: skip
def test_what_can_be_no_key_is_refused_and_not_shown(
    bench: Bench, written: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = bench.root / "credentials"
    folder.mkdir()
    (folder / "elastic.json").write_text(written, encoding="utf-8")
    assert run(["elastic", "status", "--root", str(bench.root)]) == 1
    said = capsys.readouterr().err
    assert str(folder / "elastic.json") in said and "fix: " in said and "little" not in said and "bug" not in said
    for name, value in json.loads(written).items():
        if isinstance(value, str) and "\0" not in value and value.strip():
            monkeypatch.setenv(f"BLUENO_ELASTIC_{name.upper()}", value)
            assert run(["elastic", "status", "--root", str(bench.root)]) == 1
            said = capsys.readouterr().err
            assert "BLUENO_ELASTIC_*" in said and "little" not in said


@pytest.mark.parametrize("prefix_of_mine", ["", "*", "Team", "a,b", "-a", "a b"])
def test_a_prefix_that_no_index_can_have_is_refused(tmp_path: Path, prefix_of_mine: str) -> None:
    with pytest.raises(BluenoError, match=r"BLUENO_ELASTIC_PREFIX: elastic_prefix is .*begin no index"):
        load_settings(tmp_path, {"BLUENO_ELASTIC_PREFIX": prefix_of_mine})


def test_a_password_may_have_any_letters(tmp_path: Path) -> None:
    given = {"BLUENO_ELASTIC_USER": "u", "BLUENO_ELASTIC_PASSWORD": " pä€ss\n"}
    found = target_of(Settings(tmp_path, elastic_url="https://[::1]:9200"), given)
    assert found is not None and found.password == " pä€ss"
    with closing(connect(found)) as client:
        assert b64decode(client._headers["authorization"].removeprefix("Basic ")).decode() == "u: pä€ss"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"elastic_url": "https://host:port"}, "elastic_url is"),
        ({"elastic_url": "https://host:99999"}, "elastic_url is"),
        ({"elastic_url": "https://[::1"}, "elastic_url is"),
        ({"elastic_url": "http://host:9200", "elastic_fingerprint": "0" * 64}, "are for https"),
        ({"elastic_url": "https://host:9200", "elastic_fingerprint": "0" * 63}, "expected the certificate's SHA-256"),
        ({"elastic_url": "https://host:9200", "elastic_ca": "none.pem"}, "there is no file none.pem"),
        ({"elastic_url": "https://host:9200", "elastic_ca": "empty.pem"}, "there is no certificate in empty.pem"),
    ],
)
def test_settings_that_cannot_be_say_which(tmp_path: Path, given: dict[str, str], message: str) -> None:
    (tmp_path / "empty.pem").touch()
    with pytest.raises(BluenoError, match=message) as wrong:
        target_of(Settings(tmp_path, **given), {})
    assert wrong.value.fix


def test_what_is_printed_for_an_administrator_needs_its_folder(
    bench: Bench, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["elastic", "setup", "--print", str(tmp_path / "none" / "file.json"), "--root", str(bench.root)]
    assert run(command) == 1 and "there is no folder" in capsys.readouterr().err
    assert run([*command, "--migrate"]) == 2 and "use one of them" in capsys.readouterr().err


def test_a_process_that_is_well_says_nothing(
    bench: Bench, server: Server, prefix: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output(capsys, bench, "elastic", "setup")
    said: list[str] = []
    companion = Companion(load_settings(bench.root), ELASTIC, said.append)
    wait_for(lambda: server.count(f"{prefix}-trials") == 2)
    companion.close(60)
    assert said == []


class Elsewhere(BaseHTTPRequestHandler):
    """A web server that is no Elasticsearch."""

    body, kind = b"<h1>not here</h1>", "text/html"

    def do_GET(self) -> None:
        self.send_response(404)
        self.send_header("Content-Type", self.kind)
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    do_PUT = do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


class Kibana(Elsewhere):
    body, kind = b'{"statusCode": 404, "error": "Not Found", "message": "Not Found"}', "application/json"


@pytest.mark.parametrize("handler", [Elsewhere, Kibana])
def test_another_server_is_told_from_an_index_that_is_not_set_up(
    bench: Bench, handler: type[Elsewhere], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as other:
        threading.Thread(target=other.serve_forever).start()
        monkeypatch.setenv("BLUENO_ELASTIC_URL", f"http://127.0.0.1:{other.server_port}")
        try:
            assert "no Elasticsearch (Kibana" in document(capsys, bench, "elastic", "status", code=1)["problem"]
            assert run(["elastic", "setup", "--root", str(bench.root)]) == 1
            said = capsys.readouterr().err
            assert "no Elasticsearch (Kibana" in said and "h1" not in said
        finally:
            other.shutdown()


def test_https_to_a_server_of_http_is_told(
    bench: Bench, server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("BLUENO_ELASTIC_URL", server.url.replace("http:", "https:"))
    assert "speaks http, not https" in document(capsys, bench, "elastic", "status", code=1)["problem"]


def test_a_password_in_the_url_is_refused_and_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(BluenoError) as wrong:
        load_settings(tmp_path, {"BLUENO_ELASTIC_URL": "https://u:words@127.0.0.1:9200"})
    assert "words" not in wrong.value.message + wrong.value.fix


def test_what_is_not_encrypted_is_said() -> None:
    far = target_of(Settings(Path(), elastic_url="http://elastic.example.org:9200"), {})
    near = target_of(Settings(Path(), elastic_url="http://localhost:9200"), {})
    assert far is not None and "not encrypted" in far.warning
    assert near is not None and near.warning == ""
