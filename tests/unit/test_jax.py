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
@pytest.mark.timeout(1200)
def test_what_needs_keras_on_jax() -> None:
    command = [sys.executable, "-m", "pytest", "tests/jax", "-q", "-p", "no:xdist"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | AS_A_WORKER, capture_output=True, text=True)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    passed = re.search(r"(\d+) passed", said)
    assert passed and int(passed[1]) >= written(), said
    assert "skipped" not in said, said


def written() -> int:
    """How many test functions there are; each runs at least once."""
    return sum(
        len(re.findall(r"^def test_", path.read_text(), re.MULTILINE)) for path in sorted(FOLDER.glob("test_*.py"))
    )
