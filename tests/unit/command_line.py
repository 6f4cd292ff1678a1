"""The command line as tests of verbs use it: on a bench's project, its output as text or as a document."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from blueno.cache.folder import FolderCache
from blueno.canonical import digest_file
from blueno.cli import run

from .plans import good_result
from .test_scheduler import Bench, bad, good


def output(capsys: pytest.CaptureFixture[str], bench: Bench, *arguments: str, code: int = 0) -> str:
    """What a command prints on standard output."""
    assert run([*arguments, "--root", str(bench.root)]) == code
    return capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str], bench: Bench, *arguments: str, code: int = 0) -> Any:
    """What a command prints with --json."""
    return json.loads(output(capsys, bench, *arguments, "--json", code=code))


def trials(bench: Bench) -> list[str]:
    """Ids of all trials, in the order in which they came to the store."""
    return [row["id"] for row in bench.db.execute("SELECT id FROM trials ORDER BY number")]


def with_model(bench: Bench) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Outcomes of trials that leave a file in models/."""

    def outcome(message: dict[str, Any]) -> dict[str, Any]:
        if message["kind"] == "build":
            return good(message)
        id = message["trial"]
        source = bench.root / "weights"
        source.write_text(id)
        models = FolderCache(bench.root / "models")
        key = f"{id[:2]}/{id}/{message['attempt']}/weights.h5"
        models.put_if_absent(key, source)
        kept = models.get(key)
        told = {"key": key, "sha256": digest_file(kept), "bytes": kept.stat().st_size}
        return {**good_result(id, message["attempt"]), "artefacts": {"weights": told}}

    return outcome


def model_files(bench: Bench) -> list[str]:
    return list(FolderCache(bench.root / "models").list(""))


def failed_sweep(bench: Bench) -> int:
    """Trials 0 to 3: succeeded, user_code, out_of_memory, diverged."""
    sweep = bench.submit(values=(0, 1, 2, 3))

    def outcome(message: dict[str, Any]) -> dict[str, Any]:
        kind = ("", "user_code", "out_of_memory", "diverged")[message["recipe"]["model"]["x"]]
        if kind == "diverged":
            return good_result(message["trial"], message["attempt"], state="diverged")
        return bad(message, kind, kind) if kind else good(message)

    bench.run(outcome)
    return sweep
