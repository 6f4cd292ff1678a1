"""`blueno doctor`: is everything here that a sweep needs, and which settings are in force."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

import click

from ..checks import Finding, examine
from ..settings import TYPES, Settings, origins
from . import options, print_json

MARKS = {"ok": "  ", "warning": "? ", "problem": "! "}


def settings_in_force(settings: Settings, environment: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Each setting with its `value` and where it comes `from`."""
    places = origins(settings.root, environment)
    return {name: {"value": getattr(settings, name), "from": places[name]} for name in TYPES}


def doctor_text(findings: list[Finding], in_force: dict[str, dict[str, Any]]) -> str:
    """A line for each finding, problems marked, and one for each setting."""
    lines = []
    for finding in findings:
        lines.append(f"{MARKS[finding.state]}{finding.topic:<10} {finding.text}")
        lines += [f"{'':<13}fix: {finding.fix}"] if finding.fix else []
    lines += [
        f"  {'setting':<10} {name} = {setting['value']!r} ({setting['from']})" for name, setting in in_force.items()
    ]
    return "\n".join([*lines, "", verdict(findings)])


def verdict(findings: list[Finding]) -> str:
    """How it stands, in one line."""
    problems = sum(finding.state == "problem" for finding in findings)
    warnings = sum(finding.state == "warning" for finding in findings)
    if problems:
        return f"{problems} of these prevent sweeping (marked !)"
    return f"ready to sweep, but see the {warnings} marked ?" if warnings else "ready to sweep"


@click.command("doctor")
@options
def command(settings: Settings, as_json: bool) -> int:
    """Check versions, devices, memory, disk, store and settings. Exit code 1 if something prevents sweeping."""
    findings, in_force = examine(settings), settings_in_force(settings, os.environ)
    prevented = any(finding.state == "problem" for finding in findings)
    if as_json:
        found = [finding._asdict() for finding in findings]
        print_json({"ok": not prevented, "root": str(settings.root), "findings": found, "settings": in_force})
    else:
        click.echo(doctor_text(findings, in_force))
    return 1 if prevented else 0
