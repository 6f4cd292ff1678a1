"""Datasets that several processes build at once: what they share is computed once, the rest at the same time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from blueno.cache.folder import FolderCache
from blueno.cache.manifests import node_key
from blueno.canonical import digest
from blueno.etl.dataset import check_dataset
from blueno.etl.lineage import node_recipe

OWN = """
import os, time
import numpy as np

def say(log, what):
    with open(log, "a") as file:
        file.write(what + chr(10))

def load(log):
    say(log, "load")
    time.sleep(0.5)
    return np.arange(40.0).reshape(20, 2), [0, 1] * 10

def half(x, *, log):
    if len(x) == 20:
        say(log, "half")
        time.sleep(0.5)
    return x / 2

class Meet:
    '''Waits until the other build is at its own step, which it never is unless both are built at once.'''

    def __init__(self, folder, me, other):
        self.me, self.other = os.path.join(folder, me), os.path.join(folder, other)

    def fit(self, x):
        open(self.me, "w").close()
        until = time.monotonic() + 60
        while not os.path.exists(self.other):
            assert time.monotonic() < until, "the other build is not under way"
            time.sleep(0.01)

    def transform(self, x):
        return x
"""
BUILDER = """
import json, sys
from pathlib import Path
from blueno.cache.folder import FolderCache
from blueno.etl.build import build
from blueno.usercode import CodeFolder
report = build(json.loads(sys.argv[2]), FolderCache(Path(sys.argv[1])), CodeFolder(Path(sys.argv[3]), ""))
print(json.dumps(report.computed))
"""
COLUMNS = dict.fromkeys(("target", "features", "drop", "id", "group", "time", "task", "positive", "target_scale"))
SPLIT = {"test": 0.0, "validation": 0.2, "stratify": False, "group": None, "seed": 0, "stop": None}


def recipe(folder: Path, me: str, other: str) -> dict[str, Any]:
    params = {"log": str(folder / "log")}
    source = {"name": "python", "params": {"function": "own.py:load", **params}, "code": "c0de", "fingerprint": None}
    names = {"own.py:half": params, "own.py:Meet": {"folder": str(folder), "me": me, "other": other}}
    steps = [{"name": name, "params": given, "columns": None, "code": "c0de"} for name, given in names.items()]
    return {"columns": COLUMNS, "fold": None, "source": source, "split": SPLIT, "steps": steps}


def test_two_processes_compute_a_shared_prefix_once_and_go_on_at_the_same_time(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    cache = FolderCache(tmp_path / "cache")
    recipes = [recipe(tmp_path, "one", "two"), recipe(tmp_path, "two", "one")]
    commands = [[sys.executable, "-c", BUILDER, cache.root, json.dumps(each), tmp_path] for each in recipes]
    builders = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    outputs = [builder.communicate(timeout=120)[0] for builder in builders]
    assert [builder.returncode for builder in builders] == [0, 0]
    assert (tmp_path / "log").read_text().split() == ["load", "half"]
    ids = [digest(each) for each in recipes]
    nodes = [digest(node_recipe(recipes[0], steps)) for steps in (0, 1)]
    computed = [id for output in outputs for id in json.loads(output)]
    assert sorted(computed) == sorted([*nodes, *ids])
    assert sorted(cache.list("nodes/")) == sorted(map(node_key, nodes))
    assert [check_dataset(id, cache) for id in ids] == [[], []]
