"""`blueno elastic status`: how the index stands, and what waits here."""

from __future__ import annotations

import time

import click

from ...counting import counted
from ...elastic.standing import Standing, standing
from ...settings import Settings
from .. import options, print_json
from .places import place


@click.command("status")
@options
def command(settings: Settings, as_json: bool) -> int:
    """Whether it can be reached, what it holds, what waits here, what was set aside. Exit code 1 if all is not well."""
    found = standing(settings, place(settings), time.time())
    if as_json:
        print_json(found.document())
    else:
        click.echo(status_text(found))
    return 0 if found.well else 1


def status_text(found: Standing) -> str:
    """How it stands, a line for each thing."""
    lines = [f"{found.place}, prefix {found.prefix}"]
    lines.append(f"cannot be used now: {found.problem}" if found.problem else f"reached: version {found.version}")
    lines += [
        f"{each.kind}: {each.documents} documents in {each.index_name}"
        if each.index_name
        else f"{each.kind}: not set up (blueno elastic setup)"
        for each in found.kinds
    ]
    lines += [
        f"{each.index_name} lacks {', '.join(each.lacking + each.other)}: blueno elastic setup"
        + (" --migrate" if each.other else "")
        for each in found.kinds
        if each.lacking or each.other
    ]
    since = f", the oldest since {found.oldest}" if found.oldest else ""
    lines.append(f"{counted(found.waiting, 'trial')} wait here to be sent{since}" if found.waiting else "nothing waits")
    if found.waits_for:
        lines.append(f"why they wait, when it was last tried: {found.waits_for}")
    if found.refused:
        lines.append(f"{len(found.refused)} documents were set aside, since they can never be taken:")
        lines += [f"  {each.kind} {each.id} ({each.at}): {each.reason}" for each in found.refused[:20]]
        lines += ["  ..."] if len(found.refused) > 20 else []
    return "\n".join(lines)
