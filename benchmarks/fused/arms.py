"""The arms: Blueno's engine, other people's tools and loops, and the loop by hand in JAX. Each gives a Timing."""

from __future__ import annotations

import json
import math
import os
import shutil
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import blueno as api
from blueno.etl.dataset import Dataset

from ..commands import blueno, run
from .clock import CLOCK, in_programs_s, lane_waste, read_clock
from .environment import OURS_COMPILED, variables
from .estimate import Timing, extrapolated, read_done
from .trials import Recipe, hand_over

CORES = os.cpu_count() or 1
SCRIPTS = "benchmarks.fused.peers"
PROCESSES = 6  # as many trials are trained in a process each: they cost the same


class Work(NamedTuple):
    """What all arms have before them."""

    spec: Path
    overrides: Mapping[str, Any]
    trials: list[Recipe]  # all of them
    sample: list[Recipe]  # those that peers train
    datasets: dict[str, Dataset]
    python: Path  # the peers'
    folder: Path  # for what arms leave behind


class Arm(NamedTuple):
    """How one of them is called in tables, and how it is run."""

    title: str
    run: Callable[[Work], Timing]
    group: str  # "ours", "peer", "loop" (of `Model.fit`), "process" (one a trial) or "ceiling"


def peer(module: str, arguments: tuple[str, ...], backend: str, slots: int, work: Work) -> Timing:
    """A script of peers/ on the sample, with as many slots as that; timed from its start to its last result."""
    folder = _fresh(work, work.sample)
    command = [work.python, "-m", f"{SCRIPTS}.{module}", folder, *arguments]
    begun = time.time()
    run(command, variables=variables(backend, one_thread=slots > 1))
    return extrapolated(begun, read_done(folder), slots, len(work.trials))


def loops(backend: str, processes: int, work: Work) -> Timing:
    """A loop around `Model.fit` in each of several processes, each over its share of the sample, on one thread."""
    folder = _fresh(work, work.sample)
    shares = [range(len(work.sample))[number::processes] for number in range(processes)]
    commands = [[work.python, "-m", f"{SCRIPTS}.loop", folder, *map(str, share)] for share in shares if share]
    begun = time.time()
    with ThreadPoolExecutor(processes) as pool:
        list(pool.map(partial(run, variables=variables(backend, one_thread=True)), commands))
    return extrapolated(begun, read_done(folder), len(commands), len(work.trials))


def process_each(backend: str, at_a_time: int, work: Work) -> Timing:
    """A process for each of a few trials, so many at a time. Nothing of it is start-up that is counted once."""
    some = work.sample[:PROCESSES]
    folder = _fresh(work, some)
    own = variables(backend, one_thread=at_a_time > 1)
    commands = [[work.python, "-m", f"{SCRIPTS}.loop", folder, str(number)] for number in range(len(some))]
    begun = time.perf_counter()
    with ThreadPoolExecutor(at_a_time) as pool:
        runs = list(pool.map(partial(run, variables=own), commands))
    each_s = (time.perf_counter() - begun) / len(some)
    told = extrapolated(0.0, read_done(folder), at_a_time, len(work.trials))
    cpu_s = mean(each.cpu_s for each in runs)
    return told._replace(start_s=0.0, each_s=each_s, total_s=each_s * len(work.trials), cpu_s=cpu_s)


def by_hand(width: int, how: str, mask: str, work: Work) -> Timing:
    """All trials by plain JAX, a pinned process a core; timed from start to end."""
    folder = _fresh(work, work.trials)
    command = [work.python, "-m", f"{SCRIPTS}.jax_by_hand", folder, str(width), how, mask]
    found = run(command, variables=variables("jax", one_thread=True))
    training_s = mean(each["train_s"] for each in json.loads(found.output.splitlines()[-1]))
    each_s, cpu_s = found.wall_s / len(work.trials), found.cpu_s / len(work.trials)
    return Timing(0.0, each_s, found.wall_s, cpu_s, math.nan, math.nan, training_s)


def ours(compiled: Path | None, work: Work) -> Timing:
    """All trials by `blueno sweep`, in a project of its own; timed from start to end. What is compiled is kept in
    `compiled`, or (None) in the project, which is new each time.
    """
    root, clock = work.folder / "project", work.folder / "clock"
    for folder in (root, clock):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
    own = {CLOCK: str(clock), "JAX_COMPILATION_CACHE_DIR": str(compiled or root / "compiled")}
    changes = [word for path, value in work.overrides.items() for word in ("--set", f"{path}={json.dumps(value)}")]
    found = run(blueno("sweep", work.spec, "--engine", "fused", "--root", root, *changes), variables=own)
    each_s, cpu_s = found.wall_s / len(work.trials), found.cpu_s / len(work.trials)
    ran = read_clock(clock)
    return Timing(0.0, each_s, found.wall_s, cpu_s, *_learned(root), in_programs_s(ran, CORES), lane_waste(ran))


def _learned(root: Path) -> tuple[float, float]:
    """The mean accuracy after the last epoch, and how many epochs ran."""
    epochs = api.results(root=root).history().groupby("trial")
    return float(epochs["val_accuracy"].last().mean()), float(epochs.size().mean())


def _fresh(work: Work, trials: list[Recipe]) -> Path:
    folder = work.folder / "peer"
    shutil.rmtree(folder, ignore_errors=True)
    hand_over(trials, work.datasets, folder)
    return folder


def _arms() -> dict[str, Arm]:
    found = {"ours": Arm("blueno sweep --engine fused", partial(ours, None), "ours")}
    for backend, on in {"jax": "JAX", "tensorflow": "TensorFlow"}.items():
        for name, arm in _peers(backend, CORES).items():
            found[f"{name}-{backend}"] = arm._replace(title=f"{arm.title}, {on}")
    for mask, title in {"threefry": "its own masks", "hashed": "hashed masks"}.items():
        found[f"by-hand-{mask}"] = Arm(f"by hand in JAX, {title}", partial(by_hand, 64, "vmap", mask), "ceiling")
    warm = Arm("blueno sweep --engine fused, compiled before", partial(ours, OURS_COMPILED), "ours")
    return found | {"ours-warm": warm}


def _peers(backend: str, slots: int) -> dict[str, Arm]:
    one, all_slots = ("1",), (str(slots),)
    return {
        "ray": Arm(f"Ray Tune, {slots} reused actors", partial(peer, "ray_tune", all_slots, backend, slots), "peer"),
        "optuna": Arm("Optuna", partial(peer, "optuna_loop", one, backend, 1), "peer"),
        "optuna-jobs": Arm(
            f"Optuna, `n_jobs={slots}`", partial(peer, "optuna_loop", all_slots, backend, slots), "peer"
        ),
        "keras-tuner": Arm("KerasTuner", partial(peer, "keras_tuner_grid", (), backend, 1), "peer"),
        "fit": Arm("a loop around `Model.fit`", partial(peer, "loop", (), backend, 1), "loop"),
        "loops": Arm(f"a loop in each of {slots} processes", partial(loops, backend, slots), "loop"),
        "process": Arm("a process for each", partial(process_each, backend, 1), "process"),
        "processes": Arm(f"a process for each, {slots} at a time", partial(process_each, backend, slots), "process"),
    }


ARMS = _arms()
