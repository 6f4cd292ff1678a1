"""docs/notebook.ipynb runs from top to bottom, and shows what it showed when it was written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from .documents import DOCS


def texts(notebook: Any) -> dict[int, str]:
    """What each cell shows as its value, as text."""
    shown = {}
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", ()):
            if output["output_type"] == "execute_result":
                shown[number] = output["data"]["text/plain"]
    return shown


@pytest.mark.slow
def test_the_notebook_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BLUENO_ROOT", str(tmp_path))
    written = nbformat.read(DOCS / "notebook.ipynb", as_version=4)
    before = texts(written)
    NotebookClient(written, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    after = texts(written)
    assert after.keys() == before.keys()
    assert [name for name in after if "True" in before[name] and after[name] != before[name]] == []
    ledger = next(text for text in after.values() if "planned" in text)
    assert "'succeeded': 12" in ledger and ledger in before.values()
