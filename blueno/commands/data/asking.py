"""What removes something shows it first and asks. Without a terminal it needs `--yes`; with `--json` it only shows."""

from __future__ import annotations

import sys

import click

from ...errors import BluenoError


def agreed(as_json: bool, yes: bool, question: str, again: str) -> bool:
    """Whether to go on. Raises BluenoError where nobody can be asked; `again` is the command that does not ask."""
    if yes or as_json:
        return yes
    if not sys.stdin.isatty():
        raise BluenoError("nothing is removed without a yes", f"run: {again}")
    return click.confirm(question, default=False)
