"""`blueno schema`: what editors and people can look up about the language."""

from __future__ import annotations

from typing import Any

import click

from ..spec.metrics import METRICS
from ..spec.schema import schema
from . import print_json, table


def metrics() -> list[dict[str, Any]]:
    """Every metric by its standard name, with the direction that is better, its task, and its other names."""
    return [
        {"name": name, "direction": each.direction, "task": each.task or "any", "aliases": list(each.aliases)}
        for name, each in METRICS.items()
    ]


def metrics_text() -> str:
    """The metrics as a table."""
    rows = [[each["name"], each["direction"], each["task"], ", ".join(each["aliases"])] for each in metrics()]
    return (
        table(["metric", "better", "task", "also called"], rows) + "\n\nIn a spec with val_ or train_ before the name."
    )


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
