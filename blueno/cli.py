"""The command line: which verbs there are, and what becomes of errors. A verb's module is imported when it is used.

Exit codes: 0 done, 1 the user can fix it, 2 wrong usage, 3 a bug (a log is left), 4 ran but some trials failed,
130 interrupted.
"""

from __future__ import annotations

import errno
import json
import os
import sys
import traceback
from difflib import get_close_matches
from importlib import import_module
from typing import Any, NamedTuple, NoReturn

import click

from . import __version__
from .errors import BluenoError, SpecErrors


class Verb(NamedTuple):
    module: str  # in blueno/commands; the click command in it is called `command`
    help: str
    group: str


VERBS = {
    "init": Verb("init", "Make a small project that sweeps as it is.", "Begin"),
    "plan": Verb("plan", "Say what would run, and what is there already.", "Begin"),
    "try": Verb("try_", "Two minutes before going home: what would fail tonight fails now.", "Begin"),
    "sweep": Verb("sweep", "Run a spec: every trial that has no result yet.", "Begin"),
    "status": Verb("status", "The ledger of a sweep, or of all.", "Follow"),
    "watch": Verb("watch", "A live table of what runs.", "Follow"),
    "stop": Verb("stop", "Take back what waits; what runs may end.", "Follow"),
    "retry": Verb("retry", "Queue again what failed or diverged.", "Follow"),
    "rm": Verb("rm", "Forget a sweep, with what no other sweep uses.", "Follow"),
    "results": Verb("results", "The table of a sweep, best config first.", "Read"),
    "find": Verb("find", "Trials of all sweeps, by a query.", "Read"),
    "show": Verb("show", "Everything about one trial.", "Read"),
    "logs": Verb("logs", "The log of a trial.", "Read"),
    "debug": Verb("debug", "Run just this trial again, here and now.", "Read"),
    "failures": Verb("failures", "Failures of a sweep by cause.", "Read"),
    "why": Verb("why", "What an id is made of, and what changed since the nearest other one.", "Read"),
    "model": Verb("model", "What trials left: bring it back from the shared cache.", "Read"),
    "data": Verb("data", "Prepared datasets: list, look, remove, keep to a size, compare.", "Care"),
    "verify": Verb("verify", "Check the ledger and every checksum.", "Care"),
    "elastic": Verb("elastic", "Results in Elasticsearch: setup status index rebuild dashboards import.", "Care"),
    "doctor": Verb("doctor", "Check devices, versions, disk and settings.", "Care"),
    "schema": Verb("schema", "JSON Schema of a spec, for editors.", "Care"),
}
HIDDEN = {"schedule": Verb("schedule", "The loop without a terminal (what --detach starts).", "")}

DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
NO_RIGHTS = {errno.EROFS, errno.EACCES, errno.EPERM}

# What people type who come from elsewhere.
WORDS = {
    "run": "sweep", "start": "sweep", "train": "sweep", "launch": "sweep", "submit": "sweep", "tune": "sweep",
    "resume": "sweep", "check": "plan", "validate": "plan", "lint": "plan", "preview": "plan", "dry-run": "plan",
    "expand": "plan", "test": "try", "smoke": "try", "new": "init", "create": "init", "list": "status", "ls": "status",
    "ps": "status", "queue": "status", "top": "watch", "monitor": "watch", "kill": "stop", "cancel": "stop",
    "abort": "stop", "pause": "stop", "rerun": "retry", "requeue": "retry", "delete": "rm", "remove": "rm",
    "clean": "rm", "table": "results", "best": "results", "leaderboard": "results", "report": "results",
    "search": "find", "query": "find", "filter": "find", "where": "find", "info": "show", "inspect": "show",
    "describe": "show", "log": "logs", "tail": "logs", "errors": "failures",
    "datasets": "data", "cache": "data", "prune": "data", "gc": "data", "sync": "data",
    "explain": "why", "diff": "why", "pdb": "debug", "reproduce": "debug", "fsck": "verify", "health": "doctor",
}  # fmt: skip


class Verbs(click.Group):
    """The verbs above, imported one at a time."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        verb = VERBS.get(name) or HIDDEN.get(name)
        if verb is None:
            return None
        command: click.Command = import_module(f".commands.{verb.module}", __package__).command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in VERBS and name not in HIDDEN and not name.startswith("-"):
            raise click.UsageError(unknown_verb(name), ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        for group in dict.fromkeys(verb.group for verb in VERBS.values()):
            with formatter.section(group):
                formatter.write_dl([(name, verb.help) for name, verb in VERBS.items() if verb.group == group])


def unknown_verb(name: str) -> str:
    """What to say about a word that is no verb."""
    word = WORDS.get(name.lstrip("-"))
    if word is None:
        near = get_close_matches(name, [*VERBS, *WORDS], 1)
        word = WORDS.get(near[0], near[0]) if near else None
    answer = f"write `blueno {word}`" if word else f"verbs: {', '.join(VERBS)}"
    return f"there is no verb {name!r}: {answer}"


def print_completion(context: click.Context, parameter: click.Parameter, shell: str | None) -> None:
    """What `--completion` does."""
    if shell is not None:
        from .commands.complete import script

        click.echo(script(shell, context.command))
        context.exit()


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="blueno")
@click.option(
    "--completion", type=click.Choice(["bash", "zsh", "fish"]), is_eager=True, expose_value=False,
    callback=print_completion, help="Print what a shell runs to complete: eval \"$(blueno --completion bash)\"",
)  # fmt: skip
def blueno() -> None:
    """Blueno mass-produces machine-learning experiments.

    \b
    blueno init my-project     make a project
    blueno plan SPEC           say what would run
    blueno sweep SPEC          run it
    blueno results             the table, best first
    """


def main(arguments: list[str] | None = None) -> NoReturn:
    """Runs the command line and exits. The only place that catches everything."""
    arguments = sys.argv[1:] if arguments is None else arguments
    sys.exit(run(arguments))


def run(arguments: list[str]) -> int:
    """Runs the command line and returns its exit code."""
    if sys.platform == "win32":
        click.echo("blueno: Windows has no file locks that a crash frees\n  fix: run it inside WSL2", err=True)
        return 1
    as_json = "--json" in arguments
    open_streams()
    try:
        code = blueno.main(arguments, prog_name="blueno", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.exceptions.Exit as exit:
        return exit.exit_code
    except click.UsageError as error:
        error.show()
        return 2
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted", err=True)
        return 130
    except (BrokenPipeError, SystemExit):  # click makes the one of the other
        return unread()
    except BluenoError as error:
        return explain(error, as_json)
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.EIO and error.filename is None:
            return unread()  # the terminal is gone
        known = of_the_machine(error)
        return explain(known, as_json) if known else report_bug(arguments)


def open_streams() -> None:
    """Opens standard streams that whoever started us had closed (`2>&-`), so that no other file takes their place."""
    while (fd := os.open(os.devnull, os.O_RDWR)) < 3:
        os.set_inheritable(fd, True)
    os.close(fd)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)


def unread() -> int:
    """The exit code when nobody reads our output any more; what is still on its way there goes nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in (1, 2):
        os.dup2(nowhere, number)
    return 0


def of_the_machine(error: Exception) -> BluenoError | None:
    """A full disk, missing rights and the like, which may come from anywhere, as what the user can do about them."""
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        where = f" ({error.filename})" if error.filename else ""
        return BluenoError(f"the disk is full{where}", "free some space and run the command again")
    if isinstance(error, OSError) and error.errno in NO_RIGHTS:
        fix = "check the rights of the folder, or choose another --root"
        return BluenoError(f"{error.filename or 'a file'}: {error.strerror}", fix)
    if type(error).__module__ == "sqlite3":  # not imported for a question of its type
        from .store.database import explained

        return explained(error, "the store")  # type: ignore[arg-type]
    return None


def explain(error: BluenoError, as_json: bool) -> int:
    """Prints what the user can fix: for people on standard error, with --json as one document on standard output."""
    if as_json:
        click.echo(json.dumps({"errors": problems(error)}, indent=2))
    if isinstance(error, SpecErrors):
        click.echo(str(error), err=True)
    else:
        click.echo(f"blueno: {error.message}" + (f"\n  fix: {error.fix}" if error.fix else ""), err=True)
    return 1


def problems(error: BluenoError) -> list[dict[str, Any]]:
    """An error as records with file, line, column, path, message and fix."""
    if isinstance(error, SpecErrors):
        names = ("file", "line", "column", "path", "message", "fix")
        return [{name: getattr(problem, name) for name in names} for problem in error.problems]
    return [{"file": None, "line": None, "column": None, "path": None, "message": error.message, "fix": error.fix}]


def report_bug(arguments: list[str]) -> int:
    """Leaves a log that can be pasted into an issue: versions, platform, the trace."""
    import platform
    import tempfile

    from .redaction import redactor

    text = "\n".join(
        [
            f"blueno {__version__}, Python {platform.python_version()}, {platform.platform()}",
            f"blueno {' '.join(arguments)}",
            "",
            traceback.format_exc(),
        ]
    )
    text = redactor(os.environ)(text)
    last = text.strip().splitlines()[-1]
    try:
        with tempfile.NamedTemporaryFile("wb", prefix="blueno-bug-", suffix=".log", delete=False) as file:
            file.write(text.encode(errors="backslashreplace"))
        what = file.name
    except OSError:  # nowhere to leave it
        what = f"this:\n{text}"
    click.echo(f"blueno: this is a bug in Blueno: {last}\n  fix: please report it with {what}", err=True)
    return 3
