"""A pack of one lane against a loop that is written by hand in JAX for this one network, on one core."""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from ..commands import python, run
from ..tables import Table, main
from .environment import variables

OVER = 1.10  # our programs' time to that of the loop by hand
ROUNDS, EPOCHS = 31, 20
SET = {"model.dropout": 0.2, "train.optimizer.adamw.weight_decay": 0.001, "train.learning_rate": 0.001, "seeds": 1}


class Spent(NamedTuple):
    """Seconds an epoch, in each round."""

    by_hand: list[float]
    programs: list[float]
    whole: list[float]


def measure(quick: bool) -> Table:
    """The process that trains is one of its own, on JAX and pinned to a core."""
    rounds, epochs = (2, 3) if quick else (ROUNDS, EPOCHS)
    command = python("-m", "benchmarks.fused.one_lane", "--inside", str(rounds), str(epochs))
    output = run(command, variables=variables("jax", one_thread=True)).output
    return _table(Spent(**json.loads(output.splitlines()[-1])), rounds, epochs)


def _table(spent: Spent, rounds: int, epochs: int) -> Table:
    titles = ("by hand in JAX, hashed masks", "a pack of one lane, its programs", "a pack of one lane, whole epochs")
    ratios = [median(a / b for a, b in zip(each, spent.by_hand, strict=True)) for each in spent]
    rows = [
        [title, f"{median(each) * 1e3:.2f} ms", f"{ratio:.2f}"]
        for title, each, ratio in zip(titles, spent, ratios, strict=True)
    ]
    over = ratios[1]
    return Table(
        "fused.one_lane",
        ["training", "an epoch", "to by hand"],
        rows,
        [
            "one perceptron 64-64 with dropout on scikit-learn's digits, AdamW, batches of 32, validation after each"
            f" epoch; {epochs} epochs, medians of {rounds} rounds, interleaved in one process on one core; compiled"
            " before",
            "by hand: one program for the whole training, which draws the order of batches as well; ours: a program for"
            " an epoch and one for the validation, with masks by the same kind of hash",
            "whole epochs have all that rules, metrics and the order of batches take beside the programs, some of which"
            " lanes of a wider pack share; of ours the first epoch is left out",
        ],
        [f"at most {OVER - 1:.0%} over the loop by hand in programs; it is {over - 1:+.0%}"
         f" ({'met' if over <= OVER else 'missed'}); whole epochs: {ratios[2] - 1:+.0%}"],
    )  # fmt: skip


# ---- in the process that trains


def inside(rounds: int, epochs: int) -> Spent:
    """Both, in turn, everything compiled before."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    from blueno.ml.engines.fused.family import open_family
    from blueno.ml.engines.fused.ways import ways_of
    from blueno.ml.train import start

    from . import packed
    from .trials import hand_over

    with tempfile.TemporaryDirectory() as name, packed.clocking() as clock:
        folder = Path(name)
        trials, datasets = packed.prepared("mlps", SET | {"train.epochs": epochs + 1}, folder)
        hand_over(trials, datasets, folder / "peer")
        lanes = packed.jobs(trials, datasets, folder / "lanes")
        start(lanes[0].recipe["model"], 1)
        ways, clocked = ways_of("cpu"), open_family(lanes)
        packed.train(clocked, lanes, ways)
        packed.told(clock)
        clock_variable = os.environ.pop(packed.CLOCK)
        silent = open_family(lanes)  # telling takes time, too
        packed.train(silent, lanes, ways)
        os.environ[packed.CLOCK] = clock_variable
        by_hand = _by_hand(folder / "peer", epochs)
        spent = Spent([], [], [])
        for _ in range(rounds):
            begun = time.perf_counter()
            by_hand()
            spent.by_hand.append((time.perf_counter() - begun) / epochs)
            packed.train(clocked, lanes, ways)
            spent.programs.append(median(packed.epochs_in_programs(packed.told(clock))))
            spent.whole.append(median(packed.train(silent, lanes, ways)))
    return spent


def _by_hand(folder: Path, epochs: int) -> Callable[[], Any]:
    """The compiled training of the list's only trial, as a function that waits for its end."""
    import jax

    from .peers import jax_by_hand as hand
    from .peers.training import data_in, trials_in

    [trial] = trials_in(folder)
    data = hand.flat(data_in(folder, trial["dataset"]))
    shape = hand.shape_of(trial, data)._replace(epochs=epochs)
    lane = jax.tree.map(lambda each: each[0], hand.lanes([trial], 1))
    program = jax.jit(partial(hand.trained, shape, hand.hashed)).lower(lane, data).compile()
    jax.block_until_ready(program(lane, data))
    return lambda: jax.block_until_ready(program(lane, data))


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--inside", nargs=2, type=int)
    numbers = parser.parse_known_args()[0].inside
    if numbers:
        print(json.dumps(inside(*numbers)._asdict()))
    else:
        main(measure)
