"""Writes all golden files; the diff is to be reviewed, since a changed id is a trial that runs again."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from blueno.planning.code import builtin_versions

from .plans import GOLDEN, SPECS, compiled, golden_file, plan_text


def main() -> None:
    """Writes them."""
    with tempfile.TemporaryDirectory() as scratch:
        for spec in SPECS:
            golden_file(spec).write_text(plan_text(compiled(spec, Path(scratch))), encoding="utf-8")
    versions = json.dumps(builtin_versions(), indent=1, sort_keys=True)
    (GOLDEN / "versions.json").write_text(versions + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
