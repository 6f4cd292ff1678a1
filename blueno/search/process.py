"""Proposals made beside the scheduler's loop: `python -P -m blueno.search.process ROOT`.

It reads requests from standard input, JSON lines of `sweep` and `count`, and answers each with a line: `sweep`,
`proposals`, `why`, `error`. It reads the store and writes nothing, and ends with its input.
"""

from __future__ import annotations

import json
import signal
import sqlite3
import sys
import time
import traceback
from contextlib import closing
from pathlib import Path
from typing import Any

from ..errors import BluenoError
from ..store.database import open_store


def main(root: Path) -> None:
    """Answers requests until there are no more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C belongs to the scheduler
    memories: dict[int, Any] = {}
    with closing(open_store(root, time.time(), read_only=True)) as db:
        for line in sys.stdin:
            request = json.loads(line)
            answer = _answer(db, memories, request["sweep"], request["count"])
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()


def _answer(db: sqlite3.Connection, memories: dict[int, Any], sweep: int, count: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"sweep": sweep, "proposals": [], "why": "", "error": ""}
    try:
        from .proposer import propose  # with it comes Optuna, which may not be installed

        answer["proposals"], answer["why"] = propose(db, memories, sweep, count)
    except BluenoError as error:
        answer["error"] = f"{error.message} ({error.fix})" if error.fix else error.message
    except Exception as error:
        memories.pop(sweep, None)
        traceback.print_exc()
        answer["error"] = f"{type(error).__name__}: {error}"
    return answer


if __name__ == "__main__":
    main(Path(sys.argv[1]))
