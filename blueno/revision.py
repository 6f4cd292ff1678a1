"""Which commit of the user's repository a sweep begins at."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TypedDict

TIMEOUT_S = 10.0  # on a slow file system; a sweep can do without


class Revision(TypedDict):
    """A commit, and whether tracked files differ from it; None where git did not say."""

    sha: str
    dirty: bool | None


def revision_of(folder: Path) -> Revision | None:
    """What git says of a folder; None outside of a repository, before its first commit, and without git."""
    sha = _git(folder, "rev-parse", "--verify", "HEAD")
    if not sha:
        return None
    changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    return {"sha": sha, "dirty": None if changed is None else bool(changed)}


def _git(folder: Path, *words: str) -> str | None:
    """What git answers; None when it does not. It takes no lock, so that it disturbs nobody who commits meanwhile."""
    environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, errors="replace", timeout=TIMEOUT_S,
            stdin=subprocess.DEVNULL, env=environment,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None
