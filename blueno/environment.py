"""What a worker's process is told by its environment before anything heavy is imported, and what it says of it."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from .executors import Slot

THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
    "TF_NUM_INTEROP_THREADS",
)
ONE_THREAD = ("--xla_cpu_multi_thread_eigen=false", "intra_op_parallelism_threads=1")
BACKEND_OF_FIT = "BLUENO_KERAS_BACKEND_OF_FIT"  # what workers of packs are told, whose own is JAX
LIBRARIES = (  # whose version may change a result's last bits
    "numpy", "pandas", "scipy", "scikit-learn", "skops", "keras", "tensorflow", "tensorflow-cpu", "jax", "torch",
    "xgboost", "xgboost-cpu", "lightgbm",
)  # fmt: skip


def variables(slot: Slot, before: Mapping[str, str]) -> dict[str, str]:
    """The environment of a worker on `slot`: `before`, held to the slot's threads and device."""
    told = dict(before) | dict.fromkeys(THREADS, str(slot.threads)) | {"CUDA_VISIBLE_DEVICES": slot.device}
    told.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    told.setdefault("PYTHONHASHSEED", "0")  # the order of a set in user code is the same in each worker
    if slot.device:
        told.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")  # else the first worker on a GPU takes all of its memory
        told.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
    return told


def fused(slot: Slot, before: Mapping[str, str]) -> dict[str, str]:
    """What a worker that trains packs is told beyond `variables`: JAX, one thread a core, and where what was compiled
    is kept: a folder of the user's own, since programs are loaded from it, and this machine's, whose instructions they
    are made of.
    """
    told = dict(before) | {
        BACKEND_OF_FIT: before.get("KERAS_BACKEND", "tensorflow"),
        "KERAS_BACKEND": "jax",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    own = told.get("XDG_CACHE_HOME") or os.path.join(told.get("HOME") or os.path.expanduser("~"), ".cache")
    told.setdefault("JAX_COMPILATION_CACHE_DIR", os.path.join(own, "blueno", "jax", platform.node()))
    if slot.device and slot.share < 1:
        told.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", f"{0.9 * slot.share:.2f}")  # else each may take 0.75
    if slot.kind == "cpu":
        told["JAX_PLATFORMS"] = "cpu"
        told["XLA_FLAGS"] = " ".join(filter(None, [told.get("XLA_FLAGS"), *(ONE_THREAD if slot.threads == 1 else ())]))
    return told


def facts(slot: Slot, executor: str) -> dict[str, Any]:
    """Versions, machine and slot, as they are recorded with results. Imports none of the libraries."""
    from . import __version__

    return {
        "blueno": __version__,
        "python": platform.python_version(),
        "interpreter": sys.executable,
        "platform": platform.platform(),
        "host": platform.node(),
        "executor": executor,
        "slot": slot.name,
        "threads": slot.threads,
        "device": slot.device or "cpu",
        **({"gpu": slot.gpu, "gpu_memory_bytes": slot.gpu_bytes or None} if slot.gpu else {}),
        "backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
        "libraries": {name: found for name in LIBRARIES if (found := _version(name))},
    }


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
