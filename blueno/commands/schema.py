"""`blueno schema`: what editors and people can look up about the language."""

from __future__ import annotations

from typing import Any

import click

from ..spec.language import REQUIRED
from ..spec.metrics import ANY_CLASSES, METRICS, TASKS
from ..spec.schema import schema
from ..spec.types import Type, text, words
from . import print_json, table


def metrics() -> list[dict[str, Any]]:
    """Every metric by its standard name: the direction that is better, its tasks, its parameters, its other names."""
    return [
        {
            "name": name,
            "direction": each.direction,
            "tasks": list(each.tasks),
            "parameters": {key: _takes(*parameter) for key, parameter in each.parameters.items()},
            "aliases": list(each.aliases),
        }
        for name, each in METRICS.items()
    ]


def _takes(type: Type, default: Any) -> str:
    if default is REQUIRED:
        return f"{words(type)}; required"
    return words(type) if default is None else f"{words(type)}; {text(default)} if not said"


def metrics_text() -> str:
    """The metrics as a table, what they are also called below it."""
    rows = [
        [each["name"], each["direction"], _tasks(each["tasks"]), ", ".join(each["parameters"])] for each in metrics()
    ]
    known = table(["metric", "better", "tasks", "parameters"], rows)
    others = [f"  {each['name']}: {', '.join(each['aliases'])}" for each in metrics() if each["aliases"]]
    note = "In a spec with val_ or train_ before the name. `--json` says what the parameters take."
    return "\n".join([known, "", "Also called", *others, "", note])


def _tasks(tasks: list[str]) -> str:
    """The tasks as people say them."""
    if len(tasks) == len(TASKS):
        return "any"
    return "classification" if tuple(tasks) == ANY_CLASSES else ", ".join(tasks)


@click.command("schema")
@click.option("--metrics", "list_metrics", is_flag=True, help="The names of metrics instead.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output, as the schema always is.")
def command(list_metrics: bool, as_json: bool) -> int:
    """JSON Schema of a spec, for editors.

    \b
    blueno schema > blueno.schema.json
    and as the first line of a spec:
    # yaml-language-server: $schema=../blueno.schema.json
    """
    if not list_metrics:
        print_json(schema())
    elif as_json:
        print_json({"metrics": metrics()})
    else:
        click.echo(metrics_text())
    return 0
