"""The command line as a whole: its verbs, exit codes and errors, and what it does not import."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import click
import pytest

from blueno import cli
from blueno.cli import HIDDEN, VERBS, WORDS, Verb, run
from blueno.commands.data import VERBS as DATA_VERBS
from blueno.commands.elastic import VERBS as ELASTIC_VERBS
from blueno.commands.model import VERBS as MODEL_VERBS
from blueno.errors import BluenoError, Problem, SpecErrors
from blueno.settings import TYPES
from tests.write_cli_docs import PAGE, page

HEAVY = {"numpy", "pandas", "sklearn", "scipy", "keras", "tensorflow", "jax", "torch", "skops", "psutil"}
DOCS = PAGE.parent


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], list[str]]:
    """Adds a verb that does what a test says, and returns the words that call it."""

    def add(action: Callable[[], object]) -> list[str]:
        module = ModuleType("blueno.commands.example")
        module.command = click.Command("example", callback=action)  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(HIDDEN, "example", Verb("example", "", ""))
        return ["example"]

    return add


def raising(error: BaseException) -> Callable[[], object]:
    def action() -> object:
        raise error

    return action


# ---- exit codes


def test_done(verb: Callable[..., list[str]]) -> None:
    assert run(verb(lambda: None)) == 0
    assert run(["--help"]) == 0
    assert run(["--version"]) == 0


def test_a_verb_says_how_it_ended(verb: Callable[..., list[str]]) -> None:
    assert run(verb(lambda: 4)) == 4


def test_what_the_user_can_fix(verb: Callable[..., list[str]], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(verb(raising(BluenoError("it is broken", "mend it")))) == 1
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "blueno: it is broken\n  fix: mend it\n")


@pytest.fixture
def log_of_a_bug(
    verb: Callable[..., list[str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[Exception], tuple[str, Path]]:
    """What is said of an error that nobody expected, and the log of it."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    def left(error: Exception) -> tuple[str, Path]:
        assert run(verb(raising(error))) == 3
        [log] = tmp_path.glob("blueno-bug-*.log")
        return capsys.readouterr().err, log

    return left


def test_a_bug_leaves_a_log(log_of_a_bug: Callable[[Exception], tuple[str, Path]]) -> None:
    said, log = log_of_a_bug(RuntimeError("never"))
    assert said.startswith("blueno: this is a bug in Blueno: RuntimeError: never\n")
    assert str(log) in said
    assert "Traceback" in log.read_text()
    assert "Traceback" not in said


def test_a_bug_s_log_holds_no_secret(
    log_of_a_bug: Callable[[Exception], tuple[str, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BLUENO_ELASTIC_API_KEY", "little-words")
    said, log = log_of_a_bug(ValueError("a header with little-words"))
    assert "little-words" not in said + log.read_text()


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_interrupted(verb: Callable[..., list[str]], error: BaseException, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(verb(raising(error))) == 130
    assert capsys.readouterr().err.strip() == "interrupted"


def test_a_reader_that_is_gone_is_no_error(tmp_path: Path) -> None:
    command = f"{sys.executable} -m blueno schema --metrics | true"
    ended = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [["no-such-verb"], ["status", "--no-such-option"], ["plan"], ["plan", "a", "b"]])
def test_wrong_usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(arguments) == 2
    assert capsys.readouterr().err


# ---- words that are no verbs


@pytest.mark.parametrize(("word", "verb_name"), WORDS.items())
def test_words_from_elsewhere_are_answered(word: str, verb_name: str) -> None:
    assert verb_name in VERBS
    assert word not in VERBS
    assert cli.unknown_verb(word) == f"there is no verb {word!r}: write `blueno {verb_name}`"


def test_what_an_unknown_verb_gets(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["statsu"]) == 2
    assert "there is no verb 'statsu': write `blueno status`" in capsys.readouterr().err
    assert run(["xyzzy"]) == 2
    assert "verbs: init, plan, try, sweep" in capsys.readouterr().err


def test_dry_run_is_a_plan(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["sweep", "a.yaml", "--dry-run", "--root", str(tmp_path)]) == 2
    assert "write `blueno plan a.yaml`" in capsys.readouterr().err


# ---- errors as JSON


def test_an_error_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["results", "--json", "--root", str(tmp_path)]) == 1
    [error] = json.loads(capsys.readouterr().out)["errors"]
    assert list(error) == ["file", "line", "column", "path", "message", "fix"]
    assert "nothing was swept yet" in error["message"]


def test_all_problems_of_a_spec_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    first = Problem("a.yaml", 2, 1, "name", "expected a slug", "write letters")
    second = Problem("a.yaml", 3, 7, "seeds", "expected a count", "", "seeds: x")
    assert cli.explain(SpecErrors([second, first]), as_json=True) == 1
    captured = capsys.readouterr()
    errors = json.loads(captured.out)["errors"]
    assert [(error["line"], error["column"], error["path"]) for error in errors] == [(2, 1, "name"), (3, 7, "seeds")]
    assert captured.err.splitlines()[0] == "a.yaml:2:1: name: expected a slug"


# ---- help and documentation


GROUPS = {"data": DATA_VERBS, "elastic": ELASTIC_VERBS, "model": MODEL_VERBS}
COMMANDS = [words for name in VERBS for words in ([name, each] if each else [name] for each in GROUPS.get(name, [""]))]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_each_verb_has_help_and_speaks_json(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    name = " ".join(words)
    assert run([*words, "--help"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Usage: blueno {name} ")
    assert "--json" in said
    assert (GROUPS[words[0]][words[1]] if len(words) > 1 else VERBS[name].help).endswith(".")


def test_help_names_every_verb_but_hidden_ones(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(f"\n  {name} " in said for name in VERBS)
    assert not any(f"\n  {name} " in said for name in HIDDEN)


def test_the_page_of_commands_is_what_the_commands_say() -> None:
    assert PAGE.read_text() == page(), "run `python -m tests.write_cli_docs`"


def test_every_setting_is_documented() -> None:
    text = (DOCS / "settings.md").read_text()
    assert [name for name in TYPES if f"| `{name}` |" not in text] == []


# ---- what is not imported


@pytest.mark.parametrize("arguments", [["--help"], ["status", "--help"], ["sweep", "--help"], ["try", "--help"]])
def test_starting_imports_nothing_heavy(arguments: list[str]) -> None:
    allowed = {"psutil"} if arguments[0] in ("sweep", "try") else set()  # devices, and what a dead scheduler left
    program = f"import sys; from blueno.cli import run; run({arguments!r}); print(*sys.modules, file=sys.stderr)"
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={**os.environ, "COLUMNS": "80"}
    )
    assert {name.partition(".")[0] for name in ended.stderr.split()} & (HEAVY - allowed) == set()


def test_asking_for_help_imports_no_verb() -> None:
    program = "import sys; from blueno.cli import run; run(['--help']); print(*sys.modules, file=sys.stderr)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    ours = {name for name in ended.stderr.split() if name.startswith("blueno")}
    assert ours == {"blueno", "blueno.cli", "blueno.errors"}


def test_as_a_module() -> None:
    ended = subprocess.run([sys.executable, "-m", "blueno", "--version"], capture_output=True, text=True, check=True)
    assert ended.stdout.startswith("blueno, version ")


def test_every_package_is_installed() -> None:
    """What setuptools installs when it is no editable install."""
    root = Path(__file__).parents[2]
    listed = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    there = {
        path.parent.relative_to(root) for top in ("blueno", "etl", "ml") for path in (root / top).rglob("__init__.py")
    }
    names = {".".join(each.parts if each.parts[0] == "blueno" else ("blueno", *each.parts)) for each in there}
    assert sorted(listed) == sorted(names)
