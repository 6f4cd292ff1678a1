"""What the shared cache costs a sweep: the same one with the setting and without."""

from __future__ import annotations

from pathlib import Path

from ..commands import blueno, interleaved, median_cpu_s, median_wall_s, run, temporary_root
from ..tables import Table, main, met
from .server import served

TARGET = 1.02
SPEC = """\
version: 1
name: grid
objective: {{maximize: val_accuracy}}
data: {{source: {{sklearn: digits}}, split: {{test: 0.2, validation: 0.2}}}}
preprocess:
  - clip: {{high: {{grid: [8, 12, 16]}}}}
  - pca: {{components: {{grid: [4, 8, 16]}}}}
model:
  estimator: sklearn.svm:SVC
  C: {{logspace: [1e-2, 100, {count}]}}
"""


def measure(quick: bool) -> Table:
    """`blueno sweep` of a grid over nine preparations in a new root each time, whole processes."""
    rounds, count = (1, 2) if quick else (7, 36)
    with served() as (server, folder):
        spec = folder / "grid.yaml"
        spec.write_text(SPEC.format(count=count))
        made = iter(range(10**6))

        def once(name: str) -> object:
            bucket = f"bucket-{next(made)}"  # empty each time, so that all is built and sent
            server.make_bucket(bucket)
            variables = {"BLUENO_CACHE": f"gs://{bucket}" if name == "with" else ""}
            with temporary_root() as root:
                return run(blueno("sweep", spec, "--root", Path(root)), variables=variables)

        runs = interleaved({name: lambda name=name: once(name) for name in ("without", "with")}, rounds)
    rows = [[name, f"{median_wall_s(each):.2f} s", f"{median_cpu_s(each):.2f} s"] for name, each in runs.items()]
    ratio = median_wall_s(runs["with"]) / median_wall_s(runs["without"])
    return Table(
        "gcs.sweep",
        ["cache", "wall", "CPU of the sweep"],
        rows,
        [
            f"{9 * count} trials over 9 preparations, all built and sent; medians of {rounds}, interleaved",
            "what sends runs beside the sweep, on the same cores, and may end after it",
        ],
        [f"at most {TARGET - 1:.0%} longer; it is {ratio - 1:+.1%} ({met(ratio, TARGET)})"],
    )


if __name__ == "__main__":
    main(measure)
