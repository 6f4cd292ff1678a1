"""Writes docs/cli.md from the commands themselves: `python -m tests.write_cli_docs`. A test compares."""

from __future__ import annotations

import inspect
from pathlib import Path

import click

from blueno.cli import VERBS, WORDS, blueno

PAGE = Path(__file__).parent.parent / "docs" / "cli.md"

HEAD = """\
# The commands

Written by `python -m tests.write_cli_docs` from the commands' own help, which `blueno VERB --help` shows, too.

Everything a project makes lies below its root: the nearest folder upwards with a `blueno.toml`, else the current one;
`--root` and `BLUENO_ROOT` override. SWEEP is a name, the beginning of an id, or nothing for the latest sweep; TRIAL is
the beginning of an id. Each verb does the same when it is called twice. With `--json` it prints one JSON document on
standard output, errors included: `{"errors": [{"file", "line", "column", "path", "message", "fix"}]}`. Progress goes to
standard error. Where a sweep runs, and on what, is said by [settings](settings.md).

| exit code | meaning |
| --- | --- |
| 0 | done |
| 1 | something that you can fix: the message says how |
| 2 | wrong usage: an unknown verb or option |
| 3 | a bug in Blueno: the message names a log to report it with |
| 4 | it ran, but some trials failed or diverged (with `try`: would fail) |
| 130 | interrupted; nothing is lost |
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for group in dict.fromkeys(verb.group for verb in VERBS.values()):
        parts.append(f"## {group}\n")
        parts += [section(name) for name, verb in VERBS.items() if verb.group == group]
    return "\n".join([*parts, other_words()])


def section(name: str) -> str:
    """What there is to say about a verb."""
    context = click.Context(blueno, info_name="blueno")
    command = blueno.get_command(context, name)
    assert command is not None, f"BUG: the verb {name} has no command"
    if isinstance(command, click.Group):
        members = [
            described(f"{name} {each}", command.get_command(context, each), "####")
            for each in command.list_commands(context)
        ]
        return "\n".join([f"### {name}\n\n{command.help}\n", *members])
    return described(name, command, "###")


def described(name: str, command: click.Command | None, level: str) -> str:
    """What a command does, and its options."""
    assert command is not None, f"BUG: there is no command {name}"
    usage = " ".join(["blueno", name, *command.collect_usage_pieces(click.Context(command))])
    rows = [option_row(each) for each in command.params if isinstance(each, click.Option) and not each.hidden]
    text = "\n\n".join(paragraph(each) for each in inspect.cleandoc(command.help or "").split("\n\n"))
    return f"{level} {name}\n\n    {usage}\n\n{text}\n\n| option | |\n| --- | --- |\n" + "".join(rows)


def paragraph(text: str) -> str:
    """Text as it is, lines after a \\b as code."""
    if not text.startswith("\b"):
        return text
    return "\n".join(f"    {line}" for line in text.splitlines()[1:])


def option_row(option: click.Option) -> str:
    """One line of a verb's table."""
    names = ", ".join([*option.opts, *option.secondary_opts])
    again = " (may be repeated)" if option.multiple else ""
    return f"| `{names}{value(option)}` | {option.help or ''}{again} |\n"


def value(option: click.Option) -> str:
    """What follows an option."""
    if option.is_flag:
        return ""
    if isinstance(option.type, click.Choice):
        return " " + "\\|".join(option.type.choices)  # a bare | would end the table's cell
    if isinstance(option.type, click.types.IntParamType):
        return " N"
    return f" {option.metavar or option.type.name.upper()}"


def other_words() -> str:
    """What people type who come from elsewhere."""
    verbs: dict[str, list[str]] = {}
    for word, verb in WORDS.items():
        verbs.setdefault(verb, []).append(word)
    rows = "".join(f"| {', '.join(words)} | `{verb}` |\n" for verb, words in verbs.items())
    return f"## Other words\n\nWhoever types one of these is told the verb.\n\n| word | verb |\n| --- | --- |\n{rows}"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
