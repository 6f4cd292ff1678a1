"""A workload's command: the arms in turn, round after round, and the table of what they took."""

from __future__ import annotations

import argparse
import math
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import mean
from typing import Any, NamedTuple

import yaml

from ..commands import SPECS, run
from ..tables import Table, markdown
from .arms import ARMS, SCRIPTS, Work
from .environment import peers_python, variables
from .estimate import Timing, middle
from .flops import epoch_flops
from .trials import Recipe, planned, prepare, recipes, sample

HEADER = [
    "arm",
    "a trial",
    "CPU a trial",
    "trials an hour",
    "time, to ours",
    "start-up",
    "of the roofline",
    "outside programs",
    "lane waste",
    "accuracy",
]
FEW = ("ours", "ray-jax", "optuna-jax", "fit-jax", "fit-tensorflow", "loops-jax")
PEERS = (*FEW, "ray-tensorflow", "optuna-jobs-jax", "keras-tuner-jax", "loops-tensorflow")
PROCESSES = ("process-jax", "processes-jax")
WARM_UP = ("fit-jax", "optuna-jobs-jax")  # not timed: what JAX compiles with all threads, and with one


class Workload(NamedTuple):
    """What one command compares."""

    name: str  # of its module, and of its spec in benchmarks/specs/fused
    title: str  # what is trained
    arms: tuple[str, ...]  # keys of ARMS
    tiny: Mapping[str, Any]  # overrides that make it quick to try
    targets: Callable[[Mapping[str, Timing]], list[str]]  # what should hold of the medians, arm by arm


class Options(NamedTuple):
    """What the command line may change."""

    quick: bool = False
    rounds: int = 3
    sample: int = 32
    arms: tuple[str, ...] = ()  # none: the workload's
    overrides: Mapping[str, Any] = {}


QUICK = Options(quick=True, rounds=1, sample=2)


class Limit(NamedTuple):
    """The FLOP roofline."""

    peak: float  # FLOP/s of all cores
    an_epoch: float  # FLOPs of a trial's epoch, the mean over trials

    def share(self, timing: Timing, trials: int, epochs: float) -> float:
        """The share of the peak that an arm reached over its whole time."""
        return self.an_epoch * epochs * trials / timing.total_s / self.peak


def measure(workload: Workload, quick: bool) -> Table:
    """The workload in its own size, or tiny."""
    return measured(workload, QUICK if quick else Options())


def measured(workload: Workload, options: Options) -> Table:
    """The workload as the options say."""
    spec = SPECS / "fused" / f"{workload.name}.yaml"
    overrides = {**(workload.tiny if options.quick else {}), **options.overrides}
    names = options.arms or workload.arms
    with tempfile.TemporaryDirectory(prefix="blueno-benchmark-") as folder:
        plan = planned(spec, overrides, Path(folder))
        trials = recipes(plan)
        datasets = prepare(plan, Path(folder))
        some = sample(trials, options.sample)
        work = Work(spec, overrides, trials, some, datasets, peers_python(), Path(folder))
        if not options.quick:
            for name in (*WARM_UP, *({"ours-warm"} & set(names))):
                ARMS[name].run(work)
        timings = _interleaved(names, work, options.rounds)
        limit = Limit(_peak(work), mean(_an_epoch(trial, work) for trial in trials))
    return _table(workload, options, work, timings, limit)


def _interleaved(names: tuple[str, ...], work: Work, rounds: int) -> dict[str, list[Timing]]:
    found: dict[str, list[Timing]] = {name: [] for name in names}
    for number in range(rounds):
        for name in names:
            timing = ARMS[name].run(work)
            found[name].append(timing)
            sys.stderr.write(f"  round {number + 1} of {rounds}, {name}: {timing}\n")
    return found


def _peak(work: Work) -> float:
    return float(run([work.python, "-m", f"{SCRIPTS}.peak"], variables=variables("jax", one_thread=True)).output)


def _an_epoch(trial: Recipe, work: Work) -> float:
    data = work.datasets[trial["dataset"]]
    classes = len(data.classes or [])
    counts = len(data.parts["train"]), len(data.parts["validation"])
    return epoch_flops(trial, data.features.shape[1:], classes, *counts)


# ---- the table


def _table(
    workload: Workload, options: Options, work: Work, timings: Mapping[str, list[Timing]], limit: Limit
) -> Table:
    medians = {name: middle(each) for name, each in timings.items()}
    ours_s = medians["ours"].total_s if "ours" in medians else math.nan
    epochs = _epochs(medians, work)
    rows = [_row(name, timing, ours_s, len(work.trials), limit, epochs) for name, timing in medians.items()]
    remarks = [
        f"{len(work.trials):,} {workload.title}; AdamW, batches of 32; medians of {options.rounds}, interleaved",
        f"peers train {len(work.sample)} of the {len(work.trials):,} trials, drawn with a fixed seed, and a process for"
        " each fewer; all is told for all trials, with their start-up, until each slot has done a trial, counted once",
        "whole processes: ours from the command to its end, outputs included; peers, which keep only histories and find"
        " their data prepared, from their start to the last result; the accuracy is that after the last epoch",
        f"the roofline: {limit.an_epoch * epochs / 1e9:.2f} GFLOP a trial (matrix products and AdamW, by hand) and"
        f" {limit.peak / 1e9:.0f} GFLOP/s, the cores' best in matrix products, is"
        f" {3600 * limit.peak / limit.an_epoch / epochs:,.0f} trials an hour at most",
        *_told_options(options),
        "ours compiles anew each time, unless its row says otherwise; what peers compile was compiled before",
        "outside programs: the share of the cores' time in which no compiled program trains or scores, importing and"
        " compiling included; lane waste: the share of lanes' epochs that was computed for places without a trial",
    ]
    return Table(f"fused.{workload.name}", HEADER, rows, remarks + _of_epochs(medians), workload.targets(medians))


def _of_epochs(medians: Mapping[str, Timing]) -> list[str]:
    """How many epochs trials ran, where that was not the same: then a peer's sample may not be like all trials."""
    seen = {name: timing.epochs for name, timing in medians.items() if not math.isnan(timing.epochs)}
    peers = [epochs for name, epochs in seen.items() if name != "ours"]
    if not peers or "ours" not in seen or {*peers} == {seen["ours"]}:
        return []
    return [
        f"epochs a trial: ours {seen['ours']:.1f} of all trials, peers {min(peers):.1f} to {max(peers):.1f} of those"
        " that they train; times are as measured, not by the epoch"
    ]


def _told_options(options: Options) -> list[str]:
    """How to run it alike, where that is not as usual."""
    usual = QUICK if options.quick else Options()
    words = [f"--{name} {getattr(options, name)}" for name in ("rounds", "sample")
             if getattr(options, name) != getattr(usual, name)]  # fmt: skip
    words += [f"--arms {','.join(options.arms)}"] if options.arms else []
    words += [f"--set {path}={value}" for path, value in options.overrides.items()]
    return [f"run with `{' '.join(words)}`"] if words else []


def _epochs(medians: Mapping[str, Timing], work: Work) -> float:
    """How many epochs a trial runs; where it stops early, what was seen of it."""
    seen = [timing.epochs for name, timing in medians.items() if not math.isnan(timing.epochs)]
    return seen[0] if seen else float(mean(trial["train"]["epochs"] for trial in work.trials))


def _row(name: str, timing: Timing, ours_s: float, trials: int, limit: Limit, epochs: float) -> list[str]:
    a_trial_s = timing.total_s / trials
    return [
        ARMS[name].title,
        _seconds(a_trial_s),
        _seconds(timing.cpu_s),
        f"{3600 / a_trial_s:,.0f}",
        _told(timing.total_s / ours_s, ".1f"),
        f"{timing.start_s:.1f} s" if timing.start_s else "",
        _told(limit.share(timing, trials, epochs if math.isnan(timing.epochs) else timing.epochs), ".1%"),
        _told(1 - timing.in_programs_s / timing.total_s, ".0%"),
        _told(timing.waste, ".0%"),
        _told(timing.accuracy, ".3f"),
    ]


def _seconds(value: float) -> str:
    if math.isnan(value):
        return ""
    return f"{value * 1000:.1f} ms" if value < 1 else f"{value:.2f} s"


def _told(value: float, form: str) -> str:
    return "" if math.isnan(value) else format(value, form)


# ---- what targets ask


def times_best(medians: Mapping[str, Timing], groups: tuple[str, ...], least: float, aim: float | None = None) -> str:
    """Whether ours is that many times as quick as the quickest of the arms of some groups."""
    title, times = _best(medians, groups)
    state = "not measured" if math.isnan(times) else "met" if times >= least else "missed"
    aimed = f" (aim: {aim:.0f})" if aim else ""
    return f"{least:.0f} times{aimed} the trials an hour of {title}; it is {times:.1f} times ({state})"


def _best(medians: Mapping[str, Timing], groups: tuple[str, ...]) -> tuple[str, float]:
    """The quickest of some groups, and how many times its time is ours."""
    seconds = {name: timing.total_s for name, timing in medians.items() if ARMS[name].group in groups}
    if not seconds or "ours" not in medians:
        return " and ".join(groups), math.nan
    best = min(seconds, key=seconds.__getitem__)
    return ARMS[best].title, seconds[best] / medians["ours"].total_s


def waste_below(medians: Mapping[str, Timing], most: float) -> str:
    """Whether our lanes compute for trials."""
    waste = medians["ours"].waste if "ours" in medians else math.nan
    state = "not measured" if math.isnan(waste) else "met" if waste <= most else "missed"
    return f"at most {most:.0%} of lanes' epochs for no trial; it is {_told(waste, '.1%') or 'not known'} ({state})"


# ---- the command line


def main(workload: Workload) -> None:
    """`python -m benchmarks.fused.NAME`."""
    options = _options(sys.argv[1:])
    print(markdown(measured(workload, options), options.quick), end="")


def _options(arguments: list[str]) -> Options:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one round: whether it works, not how fast")
    parser.add_argument("--rounds", type=int, help="how often each arm runs: 3, or 1 if quick")
    parser.add_argument("--sample", type=int, help="how many trials a peer trains: 32, or 2 if quick")
    parser.add_argument("--arms", default="", help=f"separated by commas, of {', '.join(ARMS)}")
    parser.add_argument("--set", action="append", default=[], metavar="PATH=VALUE", help="change the spec: seeds=2")
    given = parser.parse_args(arguments)
    arms = tuple(filter(None, given.arms.split(",")))
    if unknown := set(arms) - set(ARMS):
        parser.error(f"no arm is called {', '.join(sorted(unknown))}; there are: {', '.join(ARMS)}")
    overrides = {path: yaml.safe_load(value) for path, _, value in (each.partition("=") for each in given.set)}
    usual = QUICK if given.quick else Options()
    return Options(given.quick, given.rounds or usual.rounds, given.sample or usual.sample, arms, overrides)
