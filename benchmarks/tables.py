"""What a benchmark found, as Markdown, with the date, the machine and the versions that it was found on."""

from __future__ import annotations

import argparse
import os
import platform
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

import psutil

LIBRARIES = ("blueno", "keras", "jax", "optuna", "tensorflow-cpu", "tensorflow", "numpy", "scikit-learn")


class Table(NamedTuple):
    """The figure of one script."""

    name: str  # of the script: `python -m benchmarks.NAME`
    header: list[str]
    rows: list[list[str]]
    remarks: list[str]  # what was compared, medians of how many
    targets: list[str]  # and whether they are met; tiny sizes say nothing about them


Measure = Callable[[bool], Table]  # whether to be quick -> the figure


def markdown(table: Table, quick: bool = False) -> str:
    """The table with its command, its remarks, and where it was measured."""
    command = f"python -m benchmarks.{table.name}" + (" --quick" if quick else "")
    lines = [
        f"`{command}`",
        "",
        _row(table.header),
        _row(["---"] + ["---:"] * (len(table.header) - 1)),
        *(_row(cells) for cells in table.rows),
        "",
        *(f"- {remark}" for remark in table.remarks),
        *(
            ["- tiny sizes: this says that it works, not how fast"]
            if quick
            else map("- target: {}".format, table.targets)
        ),
        f"- {where()}",
    ]
    return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def where() -> str:
    """Date, machine and versions, in one line. The load says how busy the machine is beside."""
    date = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime())
    memory_gib = psutil.virtual_memory().total / 1024**3
    found = [f"{name} {number}" for name in LIBRARIES if (number := _version(name))]
    return (
        f"{date}; {processor()}, {os.cpu_count()} cores, {memory_gib:.0f} GiB, load {os.getloadavg()[0]:.1f};"
        f" Python {platform.python_version()}, {', '.join(found)}"
    )


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


def processor(facts: Path = Path("/proc/cpuinfo")) -> str:
    """The processor's model as Linux names it, elsewhere its kind."""
    if facts.exists():
        for line in facts.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()


def met(value: float, target: float) -> str:
    """Whether a figure that should be small is small enough."""
    return "met" if value <= target else "missed"


def main(measure: Measure) -> None:
    """The command line of a script."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one round: whether it works, not how fast")
    quick = parser.parse_args().quick
    print(markdown(measure(quick), quick), end="")
