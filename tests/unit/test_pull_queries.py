"""From a query to models: `blueno model pull 'QUERY'`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from blueno.cli import run
from blueno.commands.model.asked import first

from .command_line import trials
from .test_keep import leaves_files
from .test_published_trials import Machine
from .test_scheduler import Bench, bench

__all__ = ["bench"]


def pulled(bench: Bench, capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["model", "pull", *words, "--json", "--root", str(bench.root)]) == code
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_a_query_brings_the_models_of_its_trials(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1, 2, 3), keep={"weights": "best 2", "predictions": "none"})
    bench.run(leaves_files(bench))
    bench.steps(1)
    first, second, third = trials(bench)
    found = pulled(bench, capsys, "score >= 2", "--sort", "score")
    assert [each["trial"] for each in found["trials"]] == [third, second] and found["without"] == []
    assert [file["name"] for each in found["trials"] for file in each["files"]] == ["weights", "weights"]
    assert all(Path(file["path"]).is_file() for each in found["trials"] for file in each["files"])
    found = pulled(bench, capsys, "score exists", "--sort", "score", "--top", "1")
    assert [each["trial"] for each in found["trials"]] == [third]
    found = pulled(bench, capsys, "hp.x < 3", "--to", str(bench.root / "to"))
    assert [each["trial"] for each in found["trials"]] == [second]
    [without] = found["without"]
    assert without["trial"] == first and "has left no files" in without["why"]
    assert (bench.root / "to" / second[:16] / "weights.bin").read_text() == second
    assert pulled(bench, capsys, "hp.x = 1", code=1)["trials"] == []
    assert run(["model", "pull", "hp.x <= 2", "--root", str(bench.root)]) == 0
    assert f"trial {first[:16]}: no model; trial {first[:16]} has left no files" in capsys.readouterr().out


def test_a_word_is_an_id_or_a_query(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1,))
    bench.run(leaves_files(bench))
    [trial] = trials(bench)
    for word in (trial, trial[:12].upper(), f"trial = {trial[:12]}"):
        assert [each["trial"] for each in pulled(bench, capsys, word)["trials"]] == [trial]
    root = ["--root", str(bench.root)]
    for words, code, told in (
        (["hp.x >"], 1, "query:1:7"),
        (["hp.x = 7"], 1, "no trial is so"),
        (["digits"], 1, "digits exists"),
        (["hp.x = 1", trial], 2, "not both"),
        (["3f2z"], 2, "neither an id of a trial"),
        ([""], 2, "is empty"),
        (["hp.x", "=", "1"], 2, "one QUERY in quotes"),
        ([trial, "--top", "3"], 2, "for a QUERY"),
    ):
        capsys.readouterr()
        assert run(["model", "pull", *words, *root]) == code
        assert told in capsys.readouterr().err


def test_what_is_here_comes_without_a_bucket_and_the_rest_is_named(
    bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.submit(values=(1, 2, 3), keep={"weights": "all", "predictions": "all"})
    bench.run(leaves_files(bench))
    first, second, third = trials(bench)
    shutil.rmtree(bench.root / "models" / first[:2] / first)
    lost = next((bench.root / "models" / second[:2] / second).rglob("weights.bin"))
    lost.unlink()
    found = pulled(bench, capsys, "score exists", "--to", str(bench.root / "to"), code=1)
    files = {each["trial"]: {file["name"]: file for file in each["files"]} for each in found["trials"]}
    assert set(files) == {second, third}
    assert [file["came_from"] for file in files[third].values()] == ["here", "here"]
    assert files[second]["predictions"]["came_from"] == "here"
    assert "can only be in the shared cache" in files[second]["weights"]["problem"]
    [without] = found["without"]
    assert without["trial"] == first and "gs://bucket/prefix" in without["why"]
    query = f"trial in ({first[:16]}, {third[:16]})"
    assert [each["trial"] for each in pulled(bench, capsys, query, code=1)["trials"]] == [third]


def test_the_first_trials_are_counted_once_each() -> None:
    assert first(["a", "a", "b", "a", "c"], 2) == ["a", "b"]
    assert first(["a", "a", "b"], None) == ["a", "b"]


def test_models_of_a_query_come_from_the_bucket(
    bench: Bench, bucket: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.submit(values=(1, 2), keep={"weights": "best 1", "predictions": "none"})
    bench.scheduler.publish = "all"
    bench.run(leaves_files(bench))
    bench.steps(1)
    machine = Machine(bench.root, bucket)
    machine.send()
    machine.close()
    shutil.rmtree(bench.root / "models")
    monkeypatch.setenv("BLUENO_CACHE", machine.settings.cache)
    first, second = trials(bench)
    found = pulled(bench, capsys, "state = succeeded")
    assert [(each["trial"], each["files"][0]["came_from"]) for each in found["trials"]] == [(second, "cache")]
    [without] = found["without"]
    assert without["trial"] == first and "the shared cache has nothing" in without["why"]
