"""The peers' own virtual environment, made once from benchmarks/peers.txt, below build/."""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path

from ..commands import REPOSITORY

PINNED = REPOSITORY / "benchmarks" / "peers.txt"
FOLDER = REPOSITORY / "build" / "peers"
COMPILED = FOLDER / "compiled"  # JAX's persistent compilation cache, so that no peer compiles what it did before

OURS_COMPILED = FOLDER / "compiled-ours"  # made by our workers, which use no folder that others may write to


def peers_python() -> Path:
    """The peers' interpreter, installed first if it is not there or was made from other versions: minutes, once."""
    python, made_from = FOLDER / "bin" / "python", FOLDER / "made-from.txt"
    if not made_from.exists() or made_from.read_text() != PINNED.read_text():
        sys.stderr.write(f"  installing the peers into {FOLDER.relative_to(REPOSITORY)}\n")
        venv.create(FOLDER, clear=True, with_pip=True)
        _install(python, "-r", PINNED)
        _install(python, "--no-deps", "-e", REPOSITORY)  # for its networks, which the peers train
        made_from.write_text(PINNED.read_text())
    return python


def _install(python: Path, *what: str | Path) -> None:
    subprocess.run([python, "-m", "pip", "install", "-qq", "--disable-pip-version-check", *what], check=True)


def variables(backend: str, one_thread: bool) -> dict[str, str]:
    """What a peer's process finds in its environment: Keras's backend, and what keeps it from being slow or loud."""
    single = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    return {
        "KERAS_BACKEND": backend,
        "JAX_PLATFORMS": "cpu",
        "JAX_COMPILATION_CACHE_DIR": str(COMPILED),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "TF_CPP_MIN_LOG_LEVEL": "2",
        **({"XLA_FLAGS": single, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"} if one_thread else {}),
    }
