"""The fused engine on an accelerator: what share of its peak lanes reach, side by side and one after the other, and how
much of the time goes to launching kernels.

It needs JAX and Keras, and none of the peers or TensorFlow. Everything runs in this process; on a CPU it says so.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from ..tables import Table, main
from .flops import epoch_flops

WORKLOADS = ("mlps", "cnns", "gru", "transformer")
QUICK = ("mlps", "gru")
LANES = 64
WIDE = 256  # a GPU may have room for more
EPOCHS = 5  # as long as each pack is trained; the first one is not counted
TRIAL_EPOCHS = 10  # of which trials an hour are told
SET: Mapping[str, Any] = {"train.learning_rate": 0.001, "train.optimizer.adamw.weight_decay": 0.001}
TINY: Mapping[str, Mapping[str, Any]] = {"mlps": {"model.hidden": [8]}, "gru": {"model.units": [4]}}


class Run(NamedTuple):
    """A pack of a workload, trained one way."""

    workload: str
    how: str  # "vmap" or "map"
    lanes: int
    epoch_s: float  # of all lanes, in programs: training, and the validation after it
    steps: int  # an epoch
    flops: float  # of a lane's epoch


def measure(quick: bool) -> Table:
    """Every workload as packs of several widths and ways."""
    os.environ["KERAS_BACKEND"] = "jax"
    peak = peak_flops((256,) if quick else (1024, 4096, 8192))
    with tempfile.TemporaryDirectory(prefix="blueno-benchmark-") as folder:
        runs = [run for name in (QUICK if quick else WORKLOADS) for run in _runs(name, quick, Path(folder) / name)]
    return _table(runs, peak, quick)


def peak_flops(sizes: tuple[int, ...]) -> float:
    """FLOP/s of a large matrix product in float32, with the precision that JAX has it in and that networks have."""
    import jax
    import jax.numpy as jnp

    repeats, best = 8, 0.0

    @jax.jit
    def products(a: Any, b: Any) -> Any:
        return jax.lax.fori_loop(0, repeats, lambda _, x: (x @ b) * 0.5, a)

    for size in sizes:
        a = b = jnp.ones((size, size)) / size
        jax.block_until_ready(products(a, b))
        for _ in range(5):
            begun = time.perf_counter()
            jax.block_until_ready(products(a, b))
            best = max(best, repeats * 2 * size**3 / (time.perf_counter() - begun))
    return best


def _runs(name: str, quick: bool, folder: Path) -> list[Run]:
    """A workload side by side (one lane, as many as usual, more), and one after the other, where any width will do."""
    from blueno.ml.engines.fused.family import open_family
    from blueno.ml.engines.fused.ways import ways_of
    from blueno.ml.train import start

    from . import packed

    widths = (1, 4) if quick else (1, LANES, WIDE)
    own = {
        "train.epochs": 2 if quick else EPOCHS,
        "seeds": max(widths),
        **({"model.dropout": 0.2} if name == "mlps" else {}),
    }
    trials, datasets = packed.prepared(name, {**SET, **own, **(TINY[name] if quick else {})}, folder)
    listed = packed.jobs(trials, datasets, folder / "lanes")
    start(listed[0].recipe["model"], os.cpu_count() or 1)
    [data] = datasets.values()
    counts = len(data.parts["train"]), len(data.parts["validation"])
    steps = -(-counts[0] // trials[0]["train"]["batch_size"])
    flops = epoch_flops(trials[0], data.features.shape[1:], len(data.classes or []), *counts)
    found = []
    with packed.clocking() as clock:
        family = open_family(listed)
        for how, width in (*(("vmap", width) for width in widths), ("map", min(8, *widths[1:]))):
            packed.train(family, listed[:width], ways_of()._replace(how=how))
            epoch_s = median(packed.epochs_in_programs(packed.told(clock)))
            found.append(Run(name, how, width, epoch_s, steps, flops))
            sys.stderr.write(f"  {name}, {width} by {how}: {epoch_s:.3f} s an epoch\n")
    return found


# ---- the table


def lane_s(runs: list[Run]) -> float:
    """What one lane more takes in an epoch, side by side with many: all that computing it costs."""
    one, *_, widest = sorted((run for run in runs if run.how == "vmap"), key=lambda run: run.lanes)
    return max(0.0, (widest.epoch_s - one.epoch_s) / (widest.lanes - one.lanes))


def launching(run: Run, a_lane_s: float) -> float:
    """The share of a run's time that is not for computing lanes: launches, and what else each step costs."""
    return min(1.0, max(0.0, 1 - run.lanes * a_lane_s / run.epoch_s))


def _table(runs: list[Run], peak: float, quick: bool) -> Table:
    import jax

    [device, *_] = jax.devices()
    rows, best = [], {}
    names = list(dict.fromkeys(run.workload for run in runs))
    for name in names:
        own = [run for run in runs if run.workload == name]
        for run in own:
            share = run.lanes * run.flops / run.epoch_s / peak
            an_hour = 3600 * run.lanes / run.epoch_s / TRIAL_EPOCHS
            best[name] = max(best.get(name, 0.0), an_hour)
            rows.append([
                name, run.how, str(run.lanes), f"{run.epoch_s / run.steps * 1e6:,.0f} µs", f"{an_hour:,.0f}",
                f"{share:.2%}", f"{launching(run, lane_s(own)):.0%}",
            ])  # fmt: skip
    on_gpu = jax.default_backend() == "gpu"
    precision = jax.config.jax_default_matmul_precision or "default"
    remarks = [
        f"on {device.device_kind}" if on_gpu else "no GPU was there: what follows is of a CPU",
        "one pack in one process, its compiled programs alone: training and the validation after each epoch, the median"
        f" of {1 if quick else EPOCHS - 1} epochs; the workloads' own data, batches of 32; trials an hour of"
        f" {TRIAL_EPOCHS} epochs",
        f"the roofline: {peak / 1e12:.2f} TFLOP/s, the most in float32 products of large matrices (precision:"
        f" {precision})",
        "launches: the share of the time that is not for computing lanes, which is what another lane adds where many"
        " stand side by side; an estimate, since what it adds need not be the same at all widths",
    ]
    quicker = sum(best[name] == _best(runs, name, "vmap") for name in names)
    targets = [f"on GPUs lanes side by side are quicker, as the engine takes it; in {quicker} of {len(names)}"
               f" workloads ({'met' if quicker == len(names) else 'missed'})"] if on_gpu else []  # fmt: skip
    header = ["workload", "lanes", "how many", "a step", "trials an hour", "of the roofline", "launches"]
    return Table("fused.gpu", header, rows, remarks, targets)


def _best(runs: list[Run], name: str, how: str) -> float:
    """Trials an hour, the most by one way."""
    return max(3600 * run.lanes / run.epoch_s / TRIAL_EPOCHS for run in runs if run.workload == name and run.how == how)


if __name__ == "__main__":
    main(measure)
