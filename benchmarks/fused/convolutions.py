"""Where fusing stops to pay on a CPU: larger and larger convolutional networks, as packs and by `fit`."""

from __future__ import annotations

import json
from statistics import median
from typing import NamedTuple

from blueno.ml.engines.fused.paying import MOST_FLOPS

from ..commands import SPECS, blueno, run, temporary_root
from ..tables import Table, main

SPEC = SPECS / "fused" / "convolutions.yaml"
TRIALS, ROUNDS = 16, 3


class Net(NamedTuple):
    """A network, and what it looks at."""

    size: int  # of square pictures of 3 channels
    filters: tuple[int, ...]

    def flops(self) -> float:
        """Of its convolutions, for one sample: 3x3, with a pooling by two after each."""
        before = (3, *self.filters)
        return sum(
            2.0 * 9 * (self.size // 2**layer) ** 2 * before[layer] * filters
            for layer, filters in enumerate(self.filters)
        )


NETS = (Net(8, (16, 32)), Net(16, (16, 32)), Net(16, (32, 64)), Net(32, (32, 64)), Net(32, (32, 64, 128)))


def measure(quick: bool) -> Table:
    """Whole sweeps, in turn."""
    nets, rounds = (NETS[:2], 1) if quick else (NETS, ROUNDS)
    wall_s: dict[tuple[Net, str], list[float]] = {(net, engine): [] for net in nets for engine in ("fused", "fit")}
    for _ in range(rounds):
        for net, engine in wall_s:
            wall_s[net, engine].append(_swept(net, engine, quick))
    ratios = {net: median(a / b for a, b in zip(wall_s[net, "fused"], wall_s[net, "fit"], strict=True)) for net in nets}
    return Table(
        "fused.convolutions",
        ["network", "MFLOP a sample", "fused", "fit", "fused to fit", "`auto` takes"],
        [
            [
                f"{'-'.join(map(str, net.filters))} on {net.size}x{net.size}x3",
                f"{net.flops() / 1e6:.1f}",
                f"{median(wall_s[net, 'fused']):.1f} s",
                f"{median(wall_s[net, 'fit']):.1f} s",
                f"{ratio:.2f}",
                "fit" if net.flops() > MOST_FLOPS else "fused",
            ]
            for net, ratio in ratios.items()
        ],
        [
            f"whole sweeps of {TRIALS} trials of 5 epochs, 819 samples in batches of 32, nothing compiled before; `fit`"
            f" on TensorFlow; medians of {rounds}, interleaved"
        ],
        [f"`auto` takes the quicker one: {sum(_chosen_right(net, ratio) for net, ratio in ratios.items())} of"
         f" {len(nets)} times"],
    )  # fmt: skip


def _chosen_right(net: Net, ratio: float) -> bool:
    return (ratio > 1) == (net.flops() > MOST_FLOPS)


def _swept(net: Net, engine: str, quick: bool) -> float:
    """The wall time of a sweep in a project of its own."""
    changes = {"data.source.python.size": net.size, "model.filters": list(net.filters), "seeds": TRIALS}
    if quick:
        changes |= {"seeds": 2, "train.epochs": 1}
    words = [word for path, value in changes.items() for word in ("--set", f"{path}={json.dumps(value)}")]
    with temporary_root() as root:
        compiled = {"JAX_COMPILATION_CACHE_DIR": str(root / "compiled")}
        return run(blueno("sweep", SPEC, "--engine", engine, "--root", root, *words), variables=compiled).wall_s


if __name__ == "__main__":
    main(measure)
