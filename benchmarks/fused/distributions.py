"""Whether the fused engine's trials end like those of `fit` over many seeds: tests of equal distributions for six
networks, and how small a difference these would have found.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import blueno as api
from blueno.store.database import open_store

from ..commands import SPECS, blueno, run, temporary_root
from ..tables import Table, main

ALPHA, POWER = 0.05, 0.80
SEEDS = 32
FIT_FROM = 100  # the seeds of `fit` begin here: the samples have nothing in common
MOST = 8.0  # deviations: no larger shift is looked for
ORDERS, DRAWS = 9_999, 2_000  # permutations of a test, and experiments that power is computed from


class Pair(NamedTuple):
    """A network that both engines train."""

    title: str
    spec: str
    model: Mapping[str, Any]


PAIRS = (
    Pair("mlp", "digits", {"architecture": "mlp", "hidden": [32, 32]}),
    Pair("cnn, dropout", "digits", {"architecture": "cnn", "filters": [8, 16], "dropout": 0.3}),
    Pair("resnet, batch norm", "digits", {"architecture": "resnet", "filters": [4, 8], "blocks": 1}),
    Pair("gru, dropout", "sequences", {"architecture": "gru", "units": [16], "dropout": 0.2}),
    Pair("lstm", "sequences", {"architecture": "lstm", "units": [16]}),
    Pair("transformer, dropout", "sequences",
         {"architecture": "transformer", "width": 32, "depth": 1, "heads": 4, "hidden": 64, "dropout": 0.1}),
)  # fmt: skip


class Found(NamedTuple):
    """What the two samples of a pair say."""

    fused: np.ndarray  # (seeds,) the validation loss after the last epoch
    fit: np.ndarray
    mean_p: float  # of a permutation test of equal means, two-sided
    shape_p: float  # of Kolmogorov and Smirnov's test, two-sided
    shift: float  # of the mean, in deviations over seeds, that the first test finds with POWER at ALPHA
    strict_shift: float  # the same at ALPHA divided by the number of pairs, where Holm begins


def measure(quick: bool) -> Table:
    """Every pair by both engines, from the command line, each sweep in a project of its own."""
    pairs, seeds = (PAIRS[:2], 4) if quick else (PAIRS, SEEDS)
    changes = {"train.epochs": 1} if quick else {}
    found, spent_s = [], {"fused": 0.0, "fit": 0.0}
    with temporary_root() as folder:
        for pair in pairs:
            samples = {}
            for engine, first in (("fused", 0), ("fit", FIT_FROM)):
                begun = time.perf_counter()
                samples[engine] = losses(pair, engine, range(first, first + seeds), changes, folder)
                spent_s[engine] += time.perf_counter() - begun
            found.append(compared(samples["fused"], samples["fit"], len(pairs)))
    return _table(pairs, found, seeds, spent_s)


def losses(
    pair: Pair, engine: str, seeds: Sequence[int], changes: Mapping[str, Any], folder: Path
) -> np.ndarray:  # fmt: skip
    """The validation loss after the last epoch, of each seed."""
    root = folder / f"{PAIRS.index(pair)}-{engine}"
    given = {"model": pair.model, "seeds": list(seeds), **changes}
    words = [word for path, value in given.items() for word in ("--set", f"{path}={json.dumps(value)}")]
    command = blueno("sweep", SPECS / "fused" / f"{pair.spec}.yaml", "--engine", engine, "--root", root, *words)
    own = {
        "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0", "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }  # fmt: skip
    root.mkdir()
    run(command, variables=own)
    last = api.results(root=root).history().groupby("trial")["val_loss"].last()
    with closing(open_store(root, time.time(), read_only=True)) as db:
        engines = {row["engine"] for row in db.execute("SELECT engine FROM results")}
    if engines != {engine} or len(last) != len(seeds):
        raise RuntimeError(f"{pair.title}: {len(last)} of {len(seeds)} trials by {engine}, by {engines}")
    return last.to_numpy(float)


# ---- statistics


def compared(fused: np.ndarray, fit: np.ndarray, pairs: int) -> Found:
    """Both tests of two samples, and the shifts of the mean that the first would have found."""
    from scipy import stats

    orders = _orders(len(fused), len(fit), ORDERS)
    mean_p = float(_p_values(np.concatenate([fused, fit])[:, None], orders)[0])
    shape_p = float(stats.ks_2samp(fused, fit, method="exact").pvalue)
    shifts = [detectable_shift(fused, fit, alpha) for alpha in (ALPHA, ALPHA / pairs)]
    return Found(fused, fit, mean_p, shape_p, *shifts)


def detectable_shift(one: np.ndarray, other: np.ndarray, alpha: float, draws: int = DRAWS) -> float:
    """The smallest shift of the mean, in deviations over seeds, that the permutation test finds with POWER at `alpha`;
    infinite where it finds none, as with very few seeds.

    Experiments are drawn, with replacement, from both samples less their means; a shift is added to one half.
    """
    random = np.random.default_rng(0)
    pool = np.concatenate([one - one.mean(), other - other.mean()]) / deviation(one, other)
    drawn = random.choice(pool, (len(one) + len(other), draws))
    orders = _orders(len(one), len(other), 1999)
    in_first = (np.arange(len(drawn)) < len(one))[:, None]

    def is_found(shift: float) -> bool:
        return bool((_p_values(drawn + shift * in_first, orders) <= alpha).mean() >= POWER)

    low, high = 0.0, MOST
    if not is_found(high):
        return math.inf
    while high - low > 0.01:
        shift = (low + high) / 2
        low, high = (low, shift) if is_found(shift) else (shift, high)
    return high


def deviation(one: np.ndarray, other: np.ndarray) -> float:
    """The deviation over seeds, of both samples together, each about its own mean."""
    return float(np.sqrt((one.var(ddof=1) + other.var(ddof=1)) / 2)) or 1.0


def _orders(one: int, other: int, count: int) -> np.ndarray:
    """(count, one + other): in each row the weights whose sum is the difference of the means of a random division."""
    weights = np.concatenate([np.full(one, 1 / one), np.full(other, -1 / other)])
    return np.random.default_rng(1).permuted(np.tile(weights, (count, 1)), axis=1)


def _p_values(experiments: np.ndarray, orders: np.ndarray) -> np.ndarray:
    """Of each column, its first half against its second: how often a random division differs as much."""
    half = len(experiments) // 2
    seen = np.abs(experiments[:half].mean(axis=0) - experiments[half:].mean(axis=0))
    as_much = np.abs(orders @ experiments) >= seen - 1e-12
    return (1 + as_much.sum(axis=0)) / (1 + len(orders))


def holm(p_values: Sequence[float]) -> list[float]:
    """Corrected for how many they are, by Holm (1979)."""
    order = np.argsort(p_values)
    scaled = np.array(p_values)[order] * np.arange(len(p_values), 0, -1)
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(1, np.maximum.accumulate(scaled))
    return corrected.tolist()


# ---- the table


def _table(pairs: Sequence[Pair], found: Sequence[Found], seeds: int, spent_s: Mapping[str, float]) -> Table:
    means, shapes = holm([each.mean_p for each in found]), holm([each.shape_p for each in found])
    rows = [
        [pair.title, _spread(each.fused), _spread(each.fit), f"{each.mean_p:.3f}", f"{mean:.3f}",
         f"{each.shape_p:.3f}", f"{shape:.3f}", _shift(each, each.shift), _shift(each, each.strict_shift)]
        for pair, each, mean, shape in zip(pairs, found, means, shapes, strict=True)
    ]  # fmt: skip
    least = min(means + shapes)
    remarks = [
        f"validation loss after the last epoch, mean ± deviation over {seeds} seeds; `fit` on Keras's JAX backend with"
        " other seeds, so that the samples are independent",
        f"p: a permutation test of the mean ({ORDERS:,} divisions), and Kolmogorov and Smirnov's exact test, two-sided;"
        f" Holm: each test's values corrected for the {len(pairs)} networks",
        f"would be found: the smallest shift of the mean that the permutation test finds with {POWER:.0%} power at"
        f" {ALPHA}, and at {ALPHA}/{len(pairs)}, where Holm begins: in the loss's units (in deviations over seeds),"
        f" from {DRAWS:,} experiments drawn from both samples",
        f"all sweeps by fused took {spent_s['fused']:.0f} s, by fit {spent_s['fit']:.0f} s, with start and compilation",
    ]
    state = "met" if least > ALPHA else "missed"
    targets = [f"no difference at {ALPHA} after Holm; the smallest value is {least:.3f} ({state})"]
    header = ["network", "fused", "fit", "p, mean", "Holm", "p, KS", "Holm", f"found at {ALPHA}", "found after Holm"]
    return Table("fused.distributions", header, rows, remarks, targets)


def _spread(sample: np.ndarray) -> str:
    return f"{sample.mean():.4f} ± {sample.std(ddof=1):.4f}"


def _shift(found: Found, shift: float) -> str:
    return "none" if math.isinf(shift) else f"{shift * deviation(found.fused, found.fit):.4f} ({shift:.2f})"


if __name__ == "__main__":
    main(measure)
