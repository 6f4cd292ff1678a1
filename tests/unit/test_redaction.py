"""Secrets planted everywhere are found by none of the documents."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from blueno.elastic.documents import Owner, documents, live_documents
from blueno.redaction import MARK, looks_secret, redacted, redactor
from blueno.store import outbox, transitions
from blueno.store.database import reading, transaction

from .plans import failure, good_result
from .test_scheduler import Bench

# Made of plain words, so that no scanner takes one for a real key.
SECRET = "plain-words/that:are+no key%"
PASSWORD = "only-a-word-in-a-url"
ENVIRONMENT = {
    "TEAM_API_KEY": SECRET, "DATABASE_URL": f"postgresql://somebody:{PASSWORD}@db.example.org/x",
    "HOME": "/home/somebody", "PWD": "/home/somebody/project", "LANG": "C.UTF-8", "KEYBOARD": "us-layout",
}  # fmt: skip


def test_a_secret_that_is_no_utf_8_is_taken_out() -> None:
    secret = os.fsdecode(b"abc\xffdefg")
    assert secret not in redactor({"X_TOKEN": secret})(f"a text with {secret}")


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "project")
    yield bench
    bench.db.close()


def test_a_secret_that_is_planted_everywhere_is_in_no_document(bench: Bench) -> None:
    url = f"https://somebody:{PASSWORD}@registry.example.org/simple"
    planted = f"{SECRET} and {url} and {SECRET!r}"
    sweep = bench.submit(values=(1, 2), name=f"sweep {SECRET}", tags=[planted])
    error = {**failure(), "message": planted, "traceback": f"File x\n  connect({url!r}, {SECRET!r})\n{planted}"}

    def outcome(message: dict[str, object]) -> dict[str, object]:
        failed = message["recipe"]["model"]["x"] == 1  # type: ignore[index]
        more = {"state": "failed", "error": error} if failed else {"metrics": {"val_score": 1.0, SECRET: 2.0}}
        history = {f"val_{SECRET}": [1.0], "val_score": [1.0]}
        result = good_result(str(message["trial"]), 1)
        return {**result, "log": planted * 3, "notes": [planted], "history": history, **more}

    bench.run(outcome)
    with transaction(bench.db):
        params = {
            "model": {"x": SECRET, SECRET: planted, "deep": [{"er": planted}]},
            "preprocess": [{planted: {"a": url}}],
        }
        bench.db.execute("UPDATE sweep_configs SET params = ?", (json.dumps(params),))
        facts = {"host": planted, "libraries": {"a": planted}, "device": SECRET}
        bench.db.execute("UPDATE environments SET facts = ?", (json.dumps(facts),))
        bench.db.execute(
            "UPDATE datasets SET recipe = ?", (json.dumps({"source": {"name": url}, "split": {"x": url}}),)
        )
    redact, unmade = redactor(ENVIRONMENT), dict[str, str]()
    with reading(bench.db):
        part = outbox.part(bench.db, [row["id"] for row in bench.db.execute("SELECT id FROM trials")])
    found = list(documents(part, Owner("store", SECRET), redact, unmade))
    assert not unmade
    note = {"metrics": {SECRET: 1.0}, "attempt": 1, "at": "now", "epoch": 1}
    found += live_documents(note, next(each.source for each in found if each.kind == "trials") or {}, 1, redact)
    text = json.dumps([each.source for each in found])
    assert MARK in text and {each.kind for each in found} == {"trials", "epochs", "configs"}
    for form in (SECRET, json.dumps(SECRET)[1:-1], PASSWORD):
        assert form not in text
    assert sweep


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Basic c29tZXRoaW5nLWxvbmc=",
        "{'api_key': 'something-long'}",
        "https://host/path?access_token=something-long&x=1",
        "password=something-long",
        "curl -H 'Authorization: Bearer something-long'",
        "git+ssh://something-long@host/repo",
        "Driver={ODBC Driver 18};UID=sa;PWD=something-long;Encrypt=yes",
        "Driver={ODBC Driver 18};UID=sa;PWD=/something-long",
        "user=x pass=something-long",
        "$ fetch --user x --password something-long --to here",
        "['fetch', '--api-key', 'something-long', 'x']",
        "$ fetch --db-password 'words and something-long' x",
        "Cookie: sessionid=something-long; csrf=something-long",
        "{'Set-Cookie': 'sessionid=something-long; Path=/'}",
        "curl -H 'Cookie: sessionid=something-long' x",
        '{"password": "my something-long phrase"}',
        '{\\"password\\": \\"my something-long phrase\\", \\"x\\": 1}',
        "password='hunt something-long'",
        "password='hunt er something-long",
        'password="hunt\\"something-long"',
        "password=ab,something-long",
        "postgres://u:pa/something-long@host/db",
        "secret: 'my something-long'",
    ],
)
def test_what_has_the_shape_of_a_secret_is_taken_out(text: str) -> None:
    left = redactor({})(text)
    assert MARK in left and "something-long" not in left and "c29tZX" not in left


@pytest.mark.parametrize(
    "text",
    [
        "epoch 3: val_loss=0.25, tokens: 512",
        "see https://example.org/@somebody",
        "num_tokens=2048",
        "key: value",
        "a@b.org",
        "bypass=everything, compass: north, pass: 3",
        "PWD=/home/somebody-else",
        "http://host:9200/path and a@b.org",
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert redactor(ENVIRONMENT)(text) == text


@pytest.mark.parametrize("name", ["password", "secret", "api_key", "PWD", "--password", "pass"])
def test_only_a_token_may_be_a_number(name: str) -> None:
    join = " " if name.startswith("-") else "="
    assert redactor({})(f"a {name}{join}12345678, b") == f"a {name}{join}{MARK}, b"
    assert redactor({})("max_token=2048 --max-token 2048") == "max_token=2048 --max-token 2048"


def test_what_stands_beside_a_secret_stays() -> None:
    text = """{"password": "a b", "user": "x"} password='c d' UID=sa;PWD=ab; x"""
    left = f"""{{"password": "{MARK}", "user": "x"}} password='{MARK}' UID=sa;PWD={MARK}; x"""
    assert redactor({})(text) == left and redactor({})(left) == left


def test_a_password_with_a_slash_in_a_variable_is_known_everywhere() -> None:
    assert redactor({"DB": "postgres://u:pa/ss1word@host/db"})("it was pa/ss1word") == f"it was {MARK}"


def test_texts_are_shortened_after_secrets_are_taken_out(bench: Bench) -> None:
    """What is left out in the middle may hold the word by which a secret is known."""
    lines = "\n".join(f"Line{number:02}OfTheKey" + "x" * 40 for number in range(1000))
    key = f"-----BEGIN PRIVATE KEY-----\n{lines}\n-----END PRIVATE KEY-----"
    planted = f"{'before ' * 8000}\n{key}\nafter"
    bench.submit(values=(1,))
    error = {**failure(), "message": planted, "traceback": planted}
    bench.run(
        lambda message: {**good_result(message["trial"], 1), "state": "failed", "error": error, "log": planted * 3}
    )
    with reading(bench.db):
        part = outbox.part(bench.db, [row["id"] for row in bench.db.execute("SELECT id FROM trials")])
    found = next(documents(part, Owner("store", "me"), redactor({}), {})).source or {}
    assert "OfTheKey" not in json.dumps(found) and MARK in found["log"]
    assert len(found["log"]) < 101_000 and len(found["error"]["message"]) < 21_000


def test_the_end_of_a_key_is_taken_out_where_its_beginning_is_not_shown() -> None:
    text = (
        "[... 9 characters left out ...]\nab" + "Line/OfTheKey+x=\n" * 5 + "Ab=\n-----END RSA PRIVATE KEY-----\nafter"
    )
    left = redactor({})(text)
    assert "OfTheKey" not in left and left.endswith("after")


def test_a_long_text_is_quick() -> None:
    """A pattern that went back and forth over these would never come to an end."""
    for piece in ("-", "--a", "password ", "://a:", "x" * 60 + "\n", "\\", "pwd='\\"):
        text = piece * (20_000 // len(piece))
        assert redactor({})(text + "-----END -----BEGIN token cookie key ? & ://")


def test_names_of_variables() -> None:
    secret = ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "MYSQL_PWD", "dbpassword", "OPENAI_APIKEY", "SENTRY_DSN")
    assert all(map(looks_secret, secret))
    assert not any(map(looks_secret, ("PWD", "OLDPWD", "PATH", "AUTHOR", "KEYBOARD", "TOKENIZERS_PARALLELISM")))


def test_structures_are_walked() -> None:
    assert redacted({"a": [{"b": SECRET}], SECRET: 1}, redactor(ENVIRONMENT)) == {"a": [{"b": MARK}], MARK: 1}
    assert transitions.unpack(transitions.pack(SECRET)) == SECRET
