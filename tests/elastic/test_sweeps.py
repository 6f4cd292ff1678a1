"""Sweeps by the real command line, whose results are to be in a real server: it may be away as long as it likes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ..acceptance.project import Project, wait_for
from ..elastic_server import Server
from .proxy import Proxy

SPEC = """\
version: 1
name: jobs
objective: {maximize: score}
model: {function: job.py:train, x: {range: [1, 6, 1]}}
"""
JOB = """\
import os, pathlib, time
def train(trial):
    x = trial.params["x"]
    while not (pathlib.Path(os.environ["GO"]) / str(x)).exists():
        time.sleep(0.02)
    for epoch in (5, 10):
        trial.report(epoch, {"score": x * epoch / 10})
    return {"score": float(x)}
"""


def project(folder: Path, go: int = 0) -> Project:
    """A project of six trials, of which the first `go` may run at once."""
    found = Project(folder)
    found.write(spec_yaml=SPEC, job_py=JOB)
    allow(found, range(1, go + 1))
    return found


def allow(project: Project, trials: Any) -> None:
    for x in trials:
        (project.root / str(x)).write_text("")


def settings(project: Project, url: str, prefix: str) -> dict[str, str]:
    return {"BLUENO_ELASTIC_URL": url, "BLUENO_ELASTIC_PREFIX": prefix, "GO": str(project.root)}


def done(server: Server, prefix: str) -> int:
    return len(server.documents(f"{prefix}-trials", state="succeeded"))


@pytest.mark.slow
def test_a_night_in_which_the_server_dies_again_and_again(tmp_path: Path, own_server: Server) -> None:
    jobs = project(tmp_path / "project")
    where = settings(jobs, own_server.url, "night")
    jobs.run("elastic", "setup", **where)
    sweep = jobs.start("sweep", "spec.yaml", **where)
    wait_for(lambda: len(own_server.documents("night-trials", state="running")) > 0)
    allow(jobs, (1, 2))
    wait_for(lambda: done(own_server, "night") == 2)
    own_server.kill()
    allow(jobs, (3, 4))
    wait_for(lambda: jobs.json("status")["sweeps"][0]["succeeded"] == 4)
    own_server.start()
    wait_for(lambda: done(own_server, "night") == 4)
    own_server.kill()
    allow(jobs, (5, 6))
    _, errors = sweep.communicate(timeout=120)
    assert sweep.returncode == 0, errors
    assert 1 <= errors.count("cannot be reached") <= 2, "said once for each time that it was away"
    assert "Traceback" not in errors
    standing = jobs.json_with(where, "elastic", "status", code=1)
    assert standing["waiting"] >= 2 and standing["problem"]
    own_server.start()
    wait_for(lambda: not jobs.senders())
    jobs.run("elastic", "index", **where)
    assert done(own_server, "night") == 6
    assert own_server.count("night-trials") == 6 and own_server.count("night-configs") == 6
    assert own_server.count("night-epochs") == 12
    assert jobs.json_with(where, "elastic", "status")["waiting"] == 0


def test_a_sweep_does_not_wait_for_a_server_that_hangs(tmp_path: Path, server: Server, prefix: str) -> None:
    jobs = project(tmp_path / "project", go=6)
    proxy = Proxy(server.port)
    proxy.mode = "hang"
    try:
        jobs.run("sweep", "spec.yaml", **settings(jobs, proxy.url, prefix))
        wait_for(lambda: proxy.requests)  # it is asked, and has not answered
        assert jobs.json("status", "jobs")["succeeded"] == 6
    finally:
        proxy.close()


def test_without_settings_nothing_is_sent_nor_imported(tmp_path: Path) -> None:
    jobs = project(tmp_path / "project", go=6)
    jobs.write(sitecustomize_py=(
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        assert not name.startswith(('elasticsearch', 'elastic_transport')), name\n"
        "sys.meta_path.insert(0, Refuse())\n"
    ))  # fmt: skip
    jobs.run("sweep", "spec.yaml", GO=str(jobs.root), PYTHONPATH=str(jobs.root))
    assert not (jobs.root / "data" / "elastic").exists()
