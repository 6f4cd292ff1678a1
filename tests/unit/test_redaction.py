"""Secrets planted everywhere are found by none of the documents."""

from __future__ import annotations

import json
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
    ],
)
def test_ordinary_words_stay(text: str) -> None:
    assert redactor(ENVIRONMENT)(text) == text


def test_names_of_variables() -> None:
    secret = ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "MYSQL_PWD", "dbpassword", "OPENAI_APIKEY", "SENTRY_DSN")
    assert all(map(looks_secret, secret))
    assert not any(map(looks_secret, ("PWD", "OLDPWD", "PATH", "AUTHOR", "KEYBOARD", "TOKENIZERS_PARALLELISM")))


def test_structures_are_walked() -> None:
    assert redacted({"a": [{"b": SECRET}], SECRET: 1}, redactor(ENVIRONMENT)) == {"a": [{"b": MARK}], MARK: 1}
    assert transitions.unpack(transitions.pack(SECRET)) == SECRET
