"""`blueno elastic dashboards`: the file, and the import into what speaks Kibana's one endpoint (no Kibana: it cannot
run here).
"""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path

import pytest

from blueno.cli import run
from blueno.elastic.kibana.bundle import bundle
from blueno.elastic.kibana.saved import saved
from blueno.elastic.kibana.upload import Place, checked, unsafe, upload
from blueno.errors import BluenoError

from . import kibana_data as data
from .kibana_endpoint import endpoint, kept
from .kibana_rules import problems

KEY = "not-a-real-key"


def test_importing_twice_leaves_one_of_each() -> None:
    objects = bundle("blueno", [data.facts()])
    with endpoint() as kibana:
        assert upload(Place(kibana.url), objects) == len(objects)
        first = dict(kibana.objects)
        assert upload(Place(kibana.url), objects) == len(objects)
        assert kibana.objects == first
        assert len(first) == len(objects)
        upload(Place(kibana.url), bundle("blueno", [data.facts("minimize", "val_mae")]))
        assert set(kibana.objects) == set(first)
        assert kibana.objects != first


def test_the_request_is_the_one_that_kibana_takes() -> None:
    with endpoint() as kibana:
        upload(Place(f"{kibana.url}/s/team"), bundle("blueno", []))
        [request] = kibana.requests
        assert request["path"] == "/s/team/api/saved_objects/_import?overwrite=true"
        assert request["kbn-xsrf"]
        assert "authorization" not in request


def test_keys() -> None:
    pair = "Basic " + base64.b64encode(b"ada:no password").decode()
    for header, place in ((f"ApiKey {KEY}", {"api_key": KEY}), (pair, {"user": "ada", "password": "no password"})):
        with endpoint(header) as kibana:
            assert upload(Place(kibana.url, **place), bundle("blueno", []))
            with pytest.raises(BluenoError, match="does not know the key") as caught:
                upload(Place(kibana.url, api_key="another"), bundle("blueno", []))
            assert "another" not in str(caught.value) + caught.value.fix
    assert KEY not in repr(Place("http://localhost:5601", api_key=KEY))


def test_what_it_does_not_take_is_named() -> None:
    lost = saved("dashboard", "d", {"title": "d"}, [{"type": "index-pattern", "id": "gone", "name": "n"}])
    with endpoint() as kibana, pytest.raises(BluenoError, match="dashboard d: missing_references index-pattern gone"):
        upload(Place(kibana.url), [lost])


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((403, {}, b'{"message": "Unable to bulk_create dashboard"}'), r"may not import saved objects \(403: Unable"),
        ((404, {}, b"<html>"), "no Kibana at this address"),
        ((413, {}, b""), "no file as large"),
        (
            (503, {}, b'{"message": "Kibana server is not ready yet"}'),
            "it refuses .503: Kibana server is not ready yet",
        ),
        ((200, {}, b"<html>hello</html>"), "is no Kibana"),
        ((200, {}, b"[]"), "is no Kibana"),
        ((302, {"Location": "/login"}, b""), "leads elsewhere: /login"),
    ],
)
def test_other_answers(answer: tuple[int, dict[str, str], bytes], words: str) -> None:
    with endpoint() as kibana:
        kibana.answers.append(answer)
        with pytest.raises(BluenoError, match=words):
            upload(Place(kibana.url, api_key=KEY), bundle("blueno", []))
        assert len(kibana.requests) == 1, "the key was carried elsewhere"


def test_nobody_there() -> None:
    with endpoint() as kibana:
        url = kibana.url
    with pytest.raises(BluenoError, match="cannot be reached"):
        upload(Place(url), bundle("blueno", []))


def test_addresses() -> None:
    assert checked("https://kibana.example.org/s/team/") == "https://kibana.example.org/s/team"
    for wrong in (
        "kibana.example.org",
        "ftp://kibana.example.org",
        "https://",
        "https://kibana.example.org/?x=1",
        "https://[::1",
    ):
        with pytest.raises(BluenoError, match="no address"):
            checked(wrong)
    for wrong in ("https://ada:no-password@kibana.example.org", "https://ada:no/password@kibana.example.org"):
        with pytest.raises(BluenoError, match="holds a user") as caught:
            checked(wrong)
        assert "password@" not in str(caught.value)
    assert "no-password" not in str(caught.value)
    assert "not encrypted" in unsafe("http://kibana.example.org")
    assert not unsafe("http://127.0.0.1:5601") + unsafe("http://localhost:5601") + unsafe("https://kibana.example.org")


def test_the_endpoint_refuses_what_kibana_refuses() -> None:
    objects = bundle("blueno", [])
    there = {(each["type"], each["id"]): each for each in objects}
    assert kept(dict(there), objects, False)["errors"][0]["error"]["type"] == "conflict"


# ---- the command


def test_without_a_store_the_general_ones_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["elastic", "dashboards", "--root", str(tmp_path)]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert lines == bundle("blueno", [])
    assert problems(lines, "blueno") == []
    file = tmp_path / "d.ndjson"
    assert run(["elastic", "dashboards", "--root", str(tmp_path), "--out", str(file)]) == 0
    assert [json.loads(line) for line in file.read_text().splitlines()] == lines
    assert "4 dashboards are in" in capsys.readouterr().out
    assert [each for each in tmp_path.iterdir() if "ndjson" in each.name] == [file]


def test_a_terminal_gets_a_word_instead_of_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert run(["elastic", "dashboards", "--root", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert not told.out and "--out FILE" in told.err and "--import URL" in told.err
    assert run(["elastic", "dashboards", "--root", str(tmp_path), "--json"]) == 0
    assert run(["elastic", "dashboards", "--root", str(tmp_path), "--out", str(tmp_path / "d.ndjson")]) == 0


def test_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["elastic", "dashboards", "--root", str(tmp_path), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["sweep"], len(told["dashboards"]), told["saved"]) == (None, 4, bundle("blueno", []))


def test_import_from_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLUENO_KIBANA_API_KEY", KEY)
    with endpoint(f"ApiKey {KEY}") as kibana:
        assert run(["elastic", "dashboards", "--root", str(tmp_path), "--import", kibana.url, "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert told["imported"] == told["objects"] == len(kibana.objects)
        monkeypatch.delenv("BLUENO_KIBANA_API_KEY")
        assert run(["elastic", "dashboards", "--root", str(tmp_path), "--import", kibana.url]) == 1
        assert "credentials/kibana.json" in capsys.readouterr().err
        (tmp_path / "credentials").mkdir()
        (tmp_path / "credentials" / "kibana.json").write_text(json.dumps({"api_key": KEY}))
        assert run(["elastic", "dashboards", "--root", str(tmp_path), "--import", kibana.url]) == 0
        assert KEY not in capsys.readouterr().out


def test_an_administrator_gets_them_with_all_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "all.json"
    assert run(["elastic", "setup", "--root", str(tmp_path), "--print", str(file)]) == 0
    assert json.loads(file.read_text())["kibana"] == bundle("blueno", [])


def test_wrong_use(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = ["elastic", "dashboards", "--root", str(tmp_path)]
    assert run([*root, "--out", "x", "--import", "http://localhost:1"]) == 2
    assert run([*root, "--sweep", "digits"]) == 1
    assert "nothing was swept yet" in capsys.readouterr().err
    assert run([*root, "--out", str(tmp_path / "no" / "f")]) == 1
    assert "there is no folder" in capsys.readouterr().err
