"""A search without workers, in a store on disk, and the same with Optuna alone in memory."""

from __future__ import annotations

import json
import sqlite3
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna

from blueno.messages import Message
from blueno.planning import compile_spec
from blueno.planning.describe import about_plan
from blueno.search import study as studies
from blueno.search.proposer import Memory, propose
from blueno.spec import load
from blueno.store import engines, searches, transitions
from blueno.store.database import open_store, transaction
from blueno.store.submit import submit
from blueno.store.transitions import Binding

from .problems import Problem

SPEC = """\
version: 1
name: searched
objective: {{minimize: value}}
search: {{method: {method}, configs: {configs}, seed: {seed}}}
model: {{function: job.py:train, {model}}}
keep: {{logs: none}}
"""


def submitted(text: str, folder: Path) -> tuple[sqlite3.Connection, int]:
    """A store in a folder with the sweep of a spec in it, and the sweep's number."""
    (folder / "job.py").write_text("def train(trial, **rest):\n    return {}\n")
    (folder / "spec.yaml").write_text(text)
    plan = compile_spec(load(folder / "spec.yaml", root=folder), folder)
    db = open_store(folder, time.time())
    return db, submit(db, plan, about_plan(plan), "python", time.time()).sweep


def blueno(problem: Problem, method: str, configs: int, seed: int, at_once: int) -> tuple[float, float]:
    """The best value of a search, and the seconds that proposals and their recording took."""
    with tempfile.TemporaryDirectory() as name:
        db, sweep = submitted(SPEC.format(method=method, configs=configs, seed=seed, model=problem.model), Path(name))
        memories: dict[int, Memory] = {}
        best, spent = float("inf"), 0.0
        while searches.is_open(db, sweep):
            begun = time.process_time()
            proposals, _ = propose(db, memories, sweep, at_once)
            searches.record(db, sweep, proposals, time.time())
            spent += time.process_time() - begun
            best = min([best, *work(db, problem.value)])
        db.close()
        return best, spent


def work(db: sqlite3.Connection, value_of: Callable[[dict[str, Any]], float], most: int = 1000) -> list[float]:
    """Does what waits: the part of workers, which takes as long whoever proposes."""
    row = db.execute("SELECT snapshot, interpreter, resources FROM sweeps").fetchone()
    engines.decide(db, None, row["resources"])
    values = []
    with transaction(db):
        for trial in transitions.claim_trials(db, "w", Binding(*row), most, time.time()):
            value = value_of(json.loads(trial.recipe)["model"])
            transitions.finish(db, succeeded(trial.id, trial.attempt, value), "w", time.time())
            values.append(value)
    return values


def succeeded(trial: str, attempt: int, value: float, duration_s: float = 0.0) -> Message:
    """What a worker says of a trial that went well."""
    result = transitions.failed_result(trial, attempt, {}, time.time(), duration_s)
    return result | {"kind": "result", "state": "succeeded", "metrics": {"value": value}, "error": None}


def alone(problem: Problem, method: str, configs: int, seed: int, at_once: int) -> tuple[float, float]:
    """The same with Optuna alone: a study in memory, asked for `at_once` at a time."""
    sampler = getattr(optuna.samplers, studies.SAMPLERS[method])(seed=seed)
    study = optuna.create_study(sampler=sampler)
    spent = 0.0
    for start in range(0, configs, at_once):
        begun = time.process_time()
        asked = [study.ask() for _ in range(min(at_once, configs - start))]
        params = [problem.suggest(trial) for trial in asked]
        spent += time.process_time() - begun
        values = [problem.value(each) for each in params]
        begun = time.process_time()
        for trial, value in zip(asked, values, strict=True):
            study.tell(trial, value)
        spent += time.process_time() - begun
    return study.best_value, spent
