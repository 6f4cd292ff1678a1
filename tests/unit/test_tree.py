"""The digest of a syntax tree: what counts, what does not, and that every Python agrees."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from blueno.planning import tree
from blueno.planning.tree import tree_digest

# Everything that Pythons are known to parse differently, as far as 3.11 can parse it at all.
HARD = (
    r'''
"""Docstring."""
from __future__ import annotations
import a.b as c
from .. import d
from . import (e, f as g)

@decorated(1, *args, key=None, **more)
class A(B, metaclass=M):
    """Docstring."""
    x: int = 1
    y: "str"
    def f(self, a, /, b: int = -1, *rest, c=1e999, d, **k) -> None:
        """Docstring."""
        global z
        return
    async def g(self):
        async with a as b, c: pass
        async for x in y: await z
        yield [i async for i in j if k]

text = f"a{b!r:>{width}}" "c" f"{d=}" f"{e:%Y-%m}" f"" f"{{}}" + f"{f'{nested}'}" + f"{x:{y}{z}}"
text = f"{x:{y}}" u"unicode" "\N{BULLET}" "🫨", b"\xff" rb"\d", "\ud800"
numbers = [0x10, 1_000, 1.0, 1e-7, 1j, -1, True, None, ..., 0o17]
long = 0x1'''
    + "0" * 5000
    + r"""
def generic(x):
    def only(): "docstring"
    match x:
        case {"a": 1, **rest}: ...
        case [1, *_, None] | A(x=3) as whole if whole: ...
        case _: pass
    try:
        with (open(a) as b, open(c) as d): ...
    except* ValueError as error: raise X from error
    else: del a, b[1:2, ::3]
    finally: (walrus := 1)
    lambda a, *b, c=1, **d: a if b else not c
    return {**a, "b": [*c], **{}}, {x for x in y}, (yield), x[1], a @ b, a < b <= c is not d
"""
)
GOLDEN = "c1405693891e4da12ab896e07a51b8b598dccfb4997f0d580d016c476c038bfd"


def digest(text: str) -> str:
    return tree_digest(ast.parse(text))


def test_the_digest_never_changes() -> None:
    assert digest(HARD) == GOLDEN


def other_pythons() -> list[str]:
    """Those that OTHER_PYTHONS names, those on the path, and those installed beside the one that runs."""
    named = [each for each in os.environ.get("OTHER_PYTHONS", "").split(os.pathsep) if each]
    for name in ("python3.11", "python3.12", "python3.13", "python3.14"):
        named += [name, *map(str, sorted(Path(sys.base_prefix).parent.glob(f"*/bin/{name}")))]
    return named


def answers(python: str) -> bool:
    """Whether it is a Python that runs at all; a version manager's stand-in may be there for one that is not."""
    path = shutil.which(python)
    return bool(path) and subprocess.run([path, "-c", "import ast"], capture_output=True).returncode == 0


@pytest.mark.parametrize("python", other_pythons())
def test_every_python_agrees(python: str, tmp_path: Path) -> None:
    if not answers(python):
        pytest.skip(f"no {python} here")
    file = tmp_path / "hard.py"
    file.write_text(HARD, encoding="utf-8")
    code = (
        "import ast, importlib.util, pathlib, sys\n"
        "spec = importlib.util.spec_from_file_location('tree', sys.argv[1])\n"
        "tree = importlib.util.module_from_spec(spec); spec.loader.exec_module(tree)\n"
        "print(tree.tree_digest(ast.parse(pathlib.Path(sys.argv[2]).read_bytes())))"
    )
    command = [shutil.which(python) or python, "-c", code, tree.__file__, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == GOLDEN


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "# comment\nx   =  (1)\n"),
        ("def f(): return 1", 'def f():\n    """Docstring."""\n    return 1  # why'),
        ("class A:\n    x = 1", "class A:\n    x = 1\n    'what x is'\n"),
        ("x = 'a' 'b'", 'x = "ab"'),
        ("x = 16", "x = 0x10"),
        ("x = f'{a}' 'b' 'c'", "x = f'{a}bc'"),
    ],
)
def test_what_changes_nothing(one: str, other: str) -> None:
    assert digest(one) == digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 1.0"),
        ("x = 1", "x = True"),
        ("x = 'a'", "x = b'a'"),
        ("x = None", "x = 'None'"),
        ("f(None)", "f()"),
        ("return_ = [1, [2]]", "return_ = [[1], 2]"),
        ("def f(a, b=1): ...", "def f(a=1, b=1): ..."),
        ("def f(a, *, b): ...", "def f(a, b): ..."),
        ("def f(a: int): ...", "def f(a: float): ..."),
        ("import a.b", "from a import b"),
        ("from . import a", "from .. import a"),
        ("f'{a!r}'", "f'{a!s}'"),
        ("f'{a}b'", "f'b{a}'"),
        ("a = 1\nb = 2", "b = 2\na = 1"),
        ("if a:\n    b\nelse:\n    c", "if a:\n    b\n    c"),
        ("x = a < b", "x = a > b"),
        ("x = {**a}", "x = {None: a}"),
        ("async def f(): ...", "def f(): ..."),
        ("x = ')'", "x = '('"),
    ],
)
def test_what_changes_something(one: str, other: str) -> None:
    assert digest(one) != digest(other)


def test_deeply_nested_code_is_no_problem() -> None:
    node: ast.expr = ast.Constant(1)
    for _ in range(20_000):
        node = ast.UnaryOp(ast.USub(), node)
    assert len(tree_digest(node)) == 64
