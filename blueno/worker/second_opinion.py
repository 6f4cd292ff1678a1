"""What `fit` would say of models that a worker of the engine `fused` cannot build on JAX: it may run on another backend
of Keras, on which they work. They are built once more, in a process of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..environment import BACKEND_OF_FIT
from ..messages import Message

TIME_S = 300.0


def is_due() -> bool:
    """Whether this worker's backend is another than that of `fit`."""
    return os.environ.get(BACKEND_OF_FIT, "jax") != "jax"


def broken_elsewhere(
    root: Path, project: Path, threads: int, message: Message, models: Mapping[str, Any]
) -> dict[str, Any]:
    """Of the models, those that cannot be built on the backend of `fit` either, each with its Error from there; none if
    that cannot be told: the trials themselves will.
    """
    told = {
        "root": str(root),
        "project": str(project),
        "threads": threads,
        "message": {**message, "models": list(models)},
    }
    variables = os.environ | {"KERAS_BACKEND": os.environ[BACKEND_OF_FIT]}
    command = [sys.executable, "-P", "-m", "blueno.worker.second_opinion"]
    try:
        done = subprocess.run(
            command,
            input=json.dumps(told),
            stdout=subprocess.PIPE,
            text=True,
            env=variables,
            timeout=TIME_S,
            check=True,
        )
        found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (subprocess.SubprocessError, OSError, ValueError, IndexError):
        return {}
    return found


def main() -> None:
    """Reads what is to be built, and says on the last line of standard output what cannot be."""
    from .work import broken_models, open_worker

    told = json.load(sys.stdin)
    root, project = Path(told["root"]), Path(told["project"])
    worker = open_worker("second-opinion", root, told["threads"], redirect=False, project=project)
    found = broken_models(worker, told["message"])
    print("\n" + json.dumps(found))


if __name__ == "__main__":
    main()
