"""A search without workers, in a store on disk, and the same with Optuna alone in memory."""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import optuna

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


def blueno(problem: Problem, method: str, configs: int, seed: int, at_once: int) -> tuple[float, float]:
    """The best value of a search, and the seconds that proposals and their recording took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "job.py").write_text("def train(trial, **rest):\n    return {}\n")
        text = SPEC.format(method=method, configs=configs, seed=seed, model=problem.model)
        (folder / "spec.yaml").write_text(text)
        plan = compile_spec(load(folder / "spec.yaml", root=folder), folder)
        db = open_store(folder, time.time())
        sweep = submit(db, plan, about_plan(plan), "python", time.time()).sweep
        memories: dict[int, Memory] = {}
        best, spent = float("inf"), 0.0
        while searches.is_open(db, sweep):
            begun = time.process_time()
            proposals, _ = propose(db, memories, sweep, at_once)
            searches.record(db, sweep, proposals, time.time())
            spent += time.process_time() - begun
            best = min([best, *_work(db, problem)])
        db.close()
        return best, spent


def _work(db: Any, problem: Problem) -> list[float]:
    """Does what waits: the part of workers, which takes as long whoever proposes."""
    row = db.execute("SELECT snapshot, interpreter, resources FROM sweeps").fetchone()
    engines.decide(db, None, row["resources"])
    values = []
    with transaction(db):
        for trial in transitions.claim_trials(db, "w", Binding(*row), 1000, time.time()):
            value = problem.value(json.loads(trial.recipe)["model"])
            result = transitions.failed_result(trial.id, trial.attempt, {}, time.time())
            result |= {"state": "succeeded", "metrics": {"value": value}, "error": None}
            transitions.finish(db, result, "w", time.time())
            values.append(value)
    return values


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
