"""Runs the benchmarks and writes what they found into docs/performance.md, each between its own markers.

`python -m benchmarks.all [--quick] [NAME ...]`; with --quick the tables are printed and the document stays as it is.
Those that install other people's tools first, or need JAX, Optuna or a server of Google's protocol, and take long, run
only when they are named.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

from .commands import REPOSITORY
from .tables import markdown

NAMES = ("start", "plan", "again", "table", "find", "overhead", "metrics", "memory", "images", "small_mlps")
WITH_PEERS = (
    "fused.mlps", "fused.cnns", "fused.gru", "fused.transformer", "fused.shapes", "fused.ragged", "fused.preparations",
)  # fmt: skip
ON_JAX = ("fused.convolutions", "fused.one_lane", "fused.soak", "fused.distributions", "fused.gpu")
ON_GCS = ("gcs.transfer", "gcs.sweep", "gcs.opening")
ON_ELASTIC = ("elastic.index", "elastic.sweeps")
ON_OPTUNA = ("search.cost", "search.quality", "search.waiting")
SEARCHES_WITH_PEERS = ("search.digits",)
NAMED = WITH_PEERS + ON_JAX + ON_GCS + ON_ELASTIC + ON_OPTUNA + SEARCHES_WITH_PEERS
EVERY = NAMES + NAMED
DOCUMENT = REPOSITORY / "docs" / "performance.md"


def replaced(document: str, name: str, text: str) -> str:
    """The document with `text` between the markers of `name`. Raises ValueError when they are not there."""
    begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
    before, found, rest = document.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise ValueError(f"the document has no markers {begin.strip()} and {end}")
    return f"{before}{begin}{text}{end}{after}"


def write(name: str, text: str, document: Path) -> None:
    """Puts one table into the document."""
    document.write_text(replaced(document.read_text(), name, text))


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="tiny sizes, one round; nothing is written")
    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help=f"of {', '.join(NAMES)}, which run if none is given, and {', '.join(NAMED)}",
    )
    options = parser.parse_args(arguments)
    if unknown := set(options.names) - {*EVERY}:
        parser.error(f"no benchmark is called {', '.join(sorted(unknown))}; there are: {', '.join(EVERY)}")
    for name in options.names or NAMES:
        sys.stderr.write(f"{name}\n")
        text = markdown(import_module(f".{name}", __package__).measure(options.quick), options.quick)
        print(text)
        if not options.quick:
            write(name, text, DOCUMENT)


if __name__ == "__main__":
    main(sys.argv[1:])
