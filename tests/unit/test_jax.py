"""The tests of tests/jax, in a process where Keras runs on JAX."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("jax")

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "tests" / "jax"
AS_A_WORKER = {
    "KERAS_BACKEND": "jax",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}


@pytest.mark.slow
@pytest.mark.timeout(2400)
@pytest.mark.parametrize("file", sorted(FOLDER.glob("test_*.py")), ids=lambda file: file.stem)
def test_what_needs_keras_on_jax(file: Path) -> None:
    command = [sys.executable, "-m", "pytest", str(file), "-p", "no:xdist"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | AS_A_WORKER, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    passed = re.search(r"(\d+) passed", said)
    assert passed and int(passed[1]) >= written(file), said
    assert "skipped" not in said, said


def written(file: Path) -> int:
    """How many test functions there are; each runs at least once."""
    return len(re.findall(r"^def test_", file.read_text(), re.MULTILINE))
