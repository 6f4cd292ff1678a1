"""The tab key: a real bash completes verbs, options, sweeps and trials of a real store."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.project import JOB, JOBS, Project

ASKED = """
eval "$(blueno --completion bash)"
COMP_WORDS=({words}) COMP_CWORD={last}
_blueno_completion blueno
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def completed(root: Path, *words: str) -> list[str]:
    """What bash offers for the last of the words of a command line."""
    line = " ".join(f"'{word}'" for word in ("blueno", *words))
    asked = ASKED.format(words=line, last=len(words))
    found = subprocess.run(
        ["bash", "--norc", "-c", asked], capture_output=True, text=True, check=True, cwd=root,
        env={**os.environ, "BLUENO_ROOT": str(root), "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert not found.stderr, found.stderr
    return found.stdout.split()


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = Project(tmp_path_factory.mktemp("swept"))
    project.write(jobs_yaml=JOBS, job_py=JOB)
    project.run("sweep", "jobs.yaml", "--executor", "inline")
    return project


@pytest.mark.slow
def test_verbs_options_sweeps_and_trials(swept: Project) -> None:
    assert completed(swept.root, "fail") == ["failures"]
    assert "--json" in completed(swept.root, "results", "--")
    assert completed(swept.root, "results", "j") == ["jobs"]
    id = swept.json("results")["rows"][0]["trials"][0]
    assert completed(swept.root, "show", id[:10]) == [id[:16]]
    assert completed(swept.root, "retry", "jo") == ["jobs"]


@pytest.mark.slow
def test_without_a_store_nothing_is_offered_and_nothing_said(tmp_path: Path) -> None:
    assert completed(tmp_path, "results", "") == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_for_each_shell(shell: str) -> None:
    made = subprocess.run(
        [sys.executable, "-m", "blueno", "--completion", shell], capture_output=True, text=True, check=True
    )
    assert "_BLUENO_COMPLETE" in made.stdout and "blueno" in made.stdout
