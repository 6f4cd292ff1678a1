"""A loop around `Model.fit`: `python -m benchmarks.fused.peers.loop FOLDER [NUMBER ...]`, all if none is named."""

from __future__ import annotations

import sys
from pathlib import Path

from .training import train, trials_in


def main(folder: Path, numbers: list[int]) -> None:
    for number in numbers or range(len(trials_in(folder))):
        train(folder, number)


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(each) for each in sys.argv[2:]])
