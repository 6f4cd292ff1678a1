"""`blueno results`: the table of a sweep, best first: a row a config, over its replicates, or a row a trial."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from ..canonical import short
from ..counting import counted
from ..errors import NotFound
from ..exports import results_csv
from ..fronts import front_text, judged, names_of
from ..narrow import Table, narrowed, terminal_width
from ..origins import search_document, search_text
from ..plots import plots_of, plots_of_sweep, plots_text
from ..progress import say
from ..settings import Settings
from ..spec.metrics import read_name
from ..spec.problems import nearest
from ..store import read
from ..tables import ConfigRow, TrialRow, cell, config_rows, differing, flat, labels, significant, trial_rows
from . import complete, need_store, options, print_json, table

MARKS = ("allowed", "front")  # of a row: only where the sweep has limits, or several objectives


def table_of(
    db: sqlite3.Connection, sweep: read.Sweep, by: str = "config", metrics: Iterable[str] = ()
) -> dict[str, Any]:
    """The document of `results --json`: `sweep`, `name`, `objective`, `by`, `rows` (best first).

    `metrics` are others to show beside the objective. Raises NotFound for one that no trial has.
    """
    found = list(read.rows_of(db, sweep.number))
    deciding = names_of(sweep.plan)
    others = list(dict.fromkeys([*deciding, *(_named(name, found, sweep) for name in metrics)]))
    configs = read.configs_of(db, sweep.number)
    rows: list[ConfigRow] | list[TrialRow] = trial_rows(found, configs, sweep.metric, sweep.direction, others)
    searched: dict[str, Any] = {}
    if by == "config":
        rows = judged(config_rows(found, configs, sweep.metric, sweep.direction, others), sweep.plan, sweep.metric)
        searched = search_document(db, sweep.number, rows, sweep.direction)
    return {
        "sweep": sweep.id,
        "name": sweep.name,
        "objective": {"metric": sweep.metric, "direction": sweep.direction},
        "by": by,
        **{key: sweep.plan[key] for key in ("objectives", "where") if key in sweep.plan},
        **({"search": searched} if searched else {}),
        "rows": [
            {key: value for key, value in row._asdict().items() if value is not None or key not in MARKS}
            for row in rows
        ],
    }


def _named(written: str, rows: list[read.Row], sweep: read.Sweep) -> str:
    """A metric as trials have it: under this very name, or its standard one, of the validation part if none is said."""
    there = dict.fromkeys(name for row in rows for name in row.metrics)
    for name in (written, f"val_{written}", read_name(written).full):
        if name in there:
            return name
    fix = nearest(written, there) if there else "wait until some are done"
    raise NotFound(f"no trial of {sweep.name} has a metric {written}", fix)


def results_text(document: dict[str, Any], top: int | None = None, width: int | None = None) -> str:
    """The table for people, in `width` characters, if not said those of the terminal: only the axes that differ, mean
    and deviation, n/N where some replicates are missing.
    """
    rows, objective = document["rows"], document["objective"]
    flats = [flat(row["params"]) for row in rows]
    paths = differing(flats) if document["by"] == "config" else _differing_configs(rows, flats)
    axes = [[cell(values[path]) if path in values else "-" for path in paths] for values in flats[:top]]
    before, after = (_of_configs if document["by"] == "config" else _of_trials)(rows[:top], objective["metric"])
    head = ["", before[0], *labels(paths), *after[0]]
    lines = [
        [str(number), first, *middle, *last]
        for number, (first, middle, last) in enumerate(zip(before[1:], axes, after[1:], strict=True), 1)
    ]
    words = range(2, 2 + len(paths))
    given = Table(head, lines, 1, words, _others(head, rows))
    fitted = narrowed(given, terminal_width() if width is None else width)
    best = "largest" if objective["direction"] == "maximize" else "smallest"
    text = f"{document['name']}: {objective['metric']}, {best} first\n" + table(fitted.head, fitted.rows, {0})
    hidden = len(rows) - len(lines)
    text += f"\n... and {hidden} more {document['by']}s" if hidden else ""
    text += front_text(document) + search_text(document.get("search", {}))
    text += _mixed(rows) if document["by"] == "config" else ""
    return text + (f"\nno place for {', '.join(fitted.left_out)}: use a wider terminal" if fitted.left_out else "")


def _mixed(rows: list[dict[str, Any]]) -> str:
    """Which configs were trained by several engines: the spread of such a one is not that of chance alone."""
    mixed = [row for row in rows if len(row["engines"]) > 1]
    if not mixed:
        return ""
    engines = " and ".join(sorted({engine for row in mixed for engine in row["engines"]}))
    first = ", ".join(short(row["config_id"]) for row in mixed[:3]) + (", ..." if len(mixed) > 3 else "")
    return f"\n{counted(len(mixed), 'config')} mixed of replicates that {engines} trained: {first}"


def _others(head: list[str], rows: list[dict[str, Any]]) -> range:
    """The columns of metrics beside the objective, which stand last but for the count of replicates."""
    names = list(rows[0]["metrics"]) if rows else []
    end = len(head) - (head[-1] != names[-1]) if names else 0
    return range(end - len(names), end)


def _differing_configs(rows: list[dict[str, Any]], flats: list[dict[str, Any]]) -> list[str]:
    """The paths that tell the configs of trials apart, of which each counts once."""
    return differing(list({row["config_id"]: values for row, values in zip(rows, flats, strict=True)}.values()))


def _of_configs(rows: list[dict[str, Any]], metric: str) -> tuple[list[str], list[list[str]]]:
    """What stands before and after the axes, heads first."""
    configs = [ConfigRow(**row) for row in rows]
    others = list(configs[0].metrics) if configs else []
    incomplete = any(row.replicates < row.planned for row in configs)
    after = [[metric, *others, *(["n"] if incomplete else [])]]
    for row in configs:
        spreads = [(row.mean, row.std), *((row.metrics[name]["mean"], row.metrics[name]["std"]) for name in others)]
        counts = [f"{row.replicates}/{row.planned}"] if incomplete else []
        after.append([*("-" if mean is None else significant(mean, std) for mean, std in spreads), *counts])
    marks = ["*" if row.front else "" for row in configs]
    return ["config", *(short(row.config_id) + mark for row, mark in zip(configs, marks, strict=True))], after


def _of_trials(rows: list[dict[str, Any]], metric: str) -> tuple[list[str], list[list[str]]]:
    trials = [TrialRow(**row) for row in rows]
    others = list(trials[0].metrics) if trials else []
    replicate = [name for name in ("seed", "fold") if len({getattr(row, name) for row in trials}) > 1]
    states = ["state"] if any(row.state != "succeeded" for row in trials) else []
    after = [[*replicate, *states, metric, *others]]
    for row in trials:
        facts = [cell(getattr(row, name)) for name in (*replicate, *states)]
        after.append([*facts, *map(_number, (row.value, *row.metrics.values()))])
    return ["trial", *(short(row.id) for row in trials)], after


def _number(value: float | None) -> str:
    return "-" if value is None else significant(value, None)


def best_trials(db: sqlite3.Connection, sweep: read.Sweep) -> list[str]:
    """The trials of the best config that have a value. Raises NotFound when no config has one."""
    rows = config_rows(
        read.rows_of(db, sweep.number),
        read.configs_of(db, sweep.number),
        sweep.metric,
        sweep.direction,
        names_of(sweep.plan),
    )
    if not rows or rows[0].mean is None:
        raise NotFound(f"no trial of {sweep.name} has a {sweep.metric} yet", "wait until one is done")
    best = judged(rows, sweep.plan, sweep.metric)[0]
    return [trial for trial, state in zip(best.trials, best.states, strict=True) if state == "succeeded"]


def _plots(db: sqlite3.Connection, root: Path, sweep: read.Sweep, folder: Path) -> list[dict[str, Any]]:
    """Pictures of the sweep, if it has several objectives or searches, and of the best config's trials, each in its own
    folder.
    """
    document = table_of(db, sweep)
    whole = [plots_of_sweep(document, folder)] if document.keys() & {"objectives", "search"} else []
    return [*whole, *(plots_of(db, root, trial, folder / short(trial)) for trial in best_trials(db, sweep))]


def _feed(db: sqlite3.Connection, root: Path, sweep: read.Sweep, names: tuple[str, ...]) -> None:
    """Makes the views of a sweep in other tools anew."""
    from ..sinks import feed, open_sinks

    count = feed(db, root, sweep, open_sinks(dict.fromkeys(names), root))
    say(f"{counted(count, 'trial')} written for {', '.join(dict.fromkeys(names))} below {root / 'logs'}")


@click.command("results")
@click.argument("sweep", required=False, shell_complete=complete.sweeps)
@click.option("--by", type=click.Choice(["config", "trial"]), default="config", help="One row a config, or a trial.")
@click.option("--metrics", metavar="NAME,...", help="Other metrics beside the objective.")
@click.option("--top", type=click.IntRange(1), help="Only the best N.")
@click.option("--csv", "as_csv", is_flag=True, help="All rows and parameters as CSV.")
@click.option(
    "--plots",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Draw the best config's trials, the front, and the search.",
)
@click.option("--sink", "sinks", multiple=True, metavar="NAME", help="Show its trials in tensorboard or mlflow, too.")
@options
def command(
    settings: Settings,
    as_json: bool,
    sweep: str | None,
    by: str,
    metrics: str | None,
    top: int | None,
    as_csv: bool,
    plots: Path | None,
    sinks: tuple[str, ...],
) -> int:
    """The table of SWEEP (a name, the beginning of an id, or nothing for the latest), best first."""
    db = need_store(settings.root)
    found = read.find_sweep(db, sweep)
    names = [name.strip() for name in (metrics or "").split(",") if name.strip()]
    document = table_of(db, found, by, names)
    if sinks:
        _feed(db, settings.root, found, sinks)
    drawn = _plots(db, settings.root, found, plots) if plots else []
    if as_csv:
        click.echo(results_csv({**document, "rows": document["rows"][:top]}), nl=False)
    elif as_json:
        print_json({**document, "rows": document["rows"][:top], **({"plots": drawn} if drawn else {})})
    else:
        click.echo("\n\n".join(filter(None, [results_text(document, top), plots_text(drawn)])))
    return 0
