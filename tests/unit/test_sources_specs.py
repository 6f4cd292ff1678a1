"""The example specs of sources run: tables in five formats, arrays, pictures, and what scikit-learn makes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from blueno.cli import run

EXAMPLES = Path(__file__).parents[2] / "specs" / "language"


@pytest.mark.slow
@pytest.mark.parametrize(("name", "trials"), [("readers", 5), ("arrays", 6)])
def test_it_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, trials: int) -> None:
    shutil.copytree(EXAMPLES, tmp_path / "specs")
    command = ["sweep", str(tmp_path / "specs" / f"{name}.yaml"), "--root", str(tmp_path)]
    assert run([*command, "--executor", "inline", "--devices", "cpu", "--json"]) == 0
    ledger = json.loads(capsys.readouterr().out)
    assert (ledger["planned"], ledger["succeeded"]) == (trials, trials)
    assert run(["results", name, "--root", str(tmp_path), "--json"]) == 0
    means = [row["mean"] for row in json.loads(capsys.readouterr().out)["rows"]]
    assert len(set(means)) == 1 if name == "readers" else max(means) == 1.0
