"""Which commit a sweep begins at."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from blueno.elastic.documents import Owner, documents
from blueno.revision import revision_of
from blueno.store import outbox
from blueno.store.submit import submit

from .command_line import trials
from .plans import small_plan
from .test_scheduler import Bench, bench

__all__ = ["bench"]


def git(folder: Path, *words: str) -> str:
    who = ["-c", "user.name=somebody", "-c", "user.email=somebody@example.org"]
    answer = subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True, text=True)
    return answer.stdout.strip()


def test_a_commit_and_whether_something_differs_from_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert revision_of(tmp_path) is None
    git(tmp_path, "init", "-q")
    assert revision_of(tmp_path) is None  # nothing is committed yet
    (tmp_path / "model.py").write_text("1")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    sha = git(tmp_path, "rev-parse", "HEAD")
    (tmp_path / "untracked").write_text("1")
    assert revision_of(tmp_path) == {"sha": sha, "dirty": False}
    (tmp_path / "model.py").write_text("2")
    assert revision_of(tmp_path) == {"sha": sha, "dirty": True}
    monkeypatch.setenv("PATH", str(tmp_path))
    assert revision_of(tmp_path) is None  # there is no git


@pytest.mark.parametrize("git_of", [None, {"sha": "ab12", "dirty": True}])
def test_documents_name_the_commit(bench: Bench, git_of: dict[str, object] | None) -> None:
    submit(bench.db, small_plan(values=(1,)), {"git": git_of} if git_of else {}, "python", bench.now)
    made = documents(outbox.part(bench.db, trials(bench)), Owner("s", "o"), str, {})
    [code] = [each.source["code"] for each in made if each.kind == "trials" and each.source]
    assert (code.get("git_sha"), code.get("git_dirty")) == (("ab12", True) if git_of else (None, None))
    assert json.dumps(code)
