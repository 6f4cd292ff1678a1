"""A verb that is a group of verbs, each in a module of its own, which is imported when it is used."""

from __future__ import annotations

from importlib import import_module
from keyword import iskeyword

import click


class Group(click.Group):
    """The verbs in `verbs` (name -> what it does): modules of `package`, each with a click command called `command`."""

    def __init__(self, name: str, package: str, verbs: dict[str, str], help: str) -> None:
        super().__init__(name, help=help, no_args_is_help=True)
        self.package, self.verbs = package, verbs

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.verbs)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in self.verbs:
            return None
        module = f"{name}_" if iskeyword(name) else name
        command: click.Command = import_module(f".{module}", self.package).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Verbs"):
            formatter.write_dl(list(self.verbs.items()))
