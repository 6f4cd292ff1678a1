"""What becomes of an exception: its class, what is shown of it, and which failures are alike."""

from __future__ import annotations

import errno
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blueno.canonical import canonical
from blueno.errors import BluenoError, DataError, MissingLibrary, ModelError, NotFound, TrialFailed
from blueno.usercode import PACKAGE, CodeFolder, load
from blueno.worker.failures import MAX_MESSAGE, MAX_TRACEBACK, describe


@pytest.fixture(autouse=True)
def same_interpreter(tmp_path: Path) -> Iterator[None]:
    """Forgets the user code of a test."""
    path = list(sys.path)
    yield
    sys.path[:] = path
    for name, module in list(sys.modules.items()):
        if name.startswith(PACKAGE) or str(getattr(module, "__file__", "")).startswith(str(tmp_path)):
            del sys.modules[name]


def caught(error: BaseException) -> BaseException:
    """The exception as it is when it was raised here."""
    try:
        raise error
    except BaseException as raised:
        return raised


def from_user(root: Path, text: str, argument: object = None) -> dict[str, Any]:
    """What is described when the user's `run(argument)` raises."""
    root.mkdir(exist_ok=True)
    (root / "job.py").write_text(text)
    run: Any = load("job.py:run", CodeFolder(root, ""))
    try:
        run(argument)
    except BaseException as error:
        return describe(error, root, "model")
    raise AssertionError("it did not raise")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (TrialFailed("this point is bad"), "user_code"),
        (DataError("no column"), "data"),
        (ModelError("no layer"), "model"),
        (NotFound("dataset ab is not in the cache"), "dataset_missing"),
        (BluenoError("there is no file"), "user_code"),
        (MissingLibrary("no xgboost"), "missing_library"),
        (ModuleNotFoundError("No module named 'torch'", name="torch"), "missing_library"),
        (ModuleNotFoundError("No module named 'blueno.ml.x'", name="blueno.ml.x"), "bug"),
        (MemoryError(), "out_of_memory"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "out_of_memory"),
        (RuntimeError("RESOURCE_EXHAUSTED: no room"), "out_of_memory"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk_full"),
        (OSError("Can't write data (errno = 28, error message = 'No space left on device')"), "disk_full"),
        (OSError(errno.EACCES, "Permission denied"), "model"),
        (ValueError("what a library says"), "model"),
        (AssertionError("BUG: cannot happen"), "bug"),
    ],
)
def test_classes(error: BaseException, expected: str) -> None:
    assert describe(caught(error), None, "model")["class"] == expected


def test_out_of_memory_by_the_name_of_its_class() -> None:
    class ResourceExhaustedError(Exception):
        """TensorFlow's, as far as its name goes."""

    class Special(ResourceExhaustedError):
        pass

    assert describe(caught(Special("OOM")), None, "model")["class"] == "out_of_memory"


def test_the_machine_is_blamed_through_other_exceptions() -> None:
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as error:
            raise DataError("cannot write the part") from error
    except DataError as error:
        assert describe(error, None, "data")["class"] == "disk_full"


def test_a_failure_in_our_own_code_is_a_bug() -> None:
    with pytest.raises(TypeError) as raised:
        canonical({1: 2, "a": 3})
    assert describe(raised.value, None, "model")["class"] == "model"  # the last frame is the library's
    with pytest.raises(AttributeError) as raised_by_us:
        load(3, None)  # type: ignore[arg-type]
    assert describe(raised_by_us.value, None, "model")["class"] == "bug"


def test_the_users_frames_are_what_is_shown(tmp_path: Path) -> None:
    described = from_user(tmp_path, "def run(x):\n    return deeper(x)\ndef deeper(x):\n    return 1 / 0\n")
    assert (described["class"], described["type"], described["fix"]) == ("user_code", "ZeroDivisionError", "")
    assert 'File "job.py", line 2, in run' in described["traceback"]
    assert str(tmp_path) not in described["traceback"]


def test_our_frames_are_cut_off(tmp_path: Path) -> None:
    """`load` calls the user's module while it imports it."""
    (tmp_path / "job.py").write_text("1 / 0\n")
    with pytest.raises(ZeroDivisionError) as raised:
        load("job.py:run", CodeFolder(tmp_path, ""))
    trace = raised.value.__traceback__
    assert trace is not None
    described = describe(raised.value.with_traceback(trace.tb_next), tmp_path, "model")
    assert described["class"] == "user_code"
    assert "usercode.py" not in described["traceback"]
    assert described["traceback"].startswith("Traceback (most recent call last):\n")


def test_a_message_of_ours_needs_no_traceback() -> None:
    with pytest.raises(BluenoError) as raised:
        load("nothing", None)
    trace = raised.value.__traceback__
    assert trace is not None
    described = describe(raised.value.with_traceback(trace.tb_next), None, "model")
    assert described["traceback"] == "blueno.errors.BluenoError: 'nothing' names no code\n"
    assert described["fix"] == "write file.py:name or package.module:name"


def test_a_syntax_error_shows_its_line(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text("def run(:\n")
    with pytest.raises(SyntaxError) as raised:
        load("job.py:run", CodeFolder(tmp_path, ""))
    described = describe(raised.value, tmp_path, "model")
    assert 'File "job.py", line 1' in described["traceback"]
    assert "def run(:" in described["traceback"]


ALIKE = """
def run(x):
    raise ValueError(f"shape {x} of 'layer_{x}' at 0x{abs(hash(x)):x} is wrong")
"""


def test_alike_whatever_the_numbers(tmp_path: Path) -> None:
    groups = {from_user(tmp_path / "a", ALIKE, argument)["group"] for argument in (1, 22, 3.5, 1e-7)}
    assert len(groups) == 1


def test_alike_wherever_the_lines_stand(tmp_path: Path) -> None:
    first = from_user(tmp_path / "a", ALIKE, 1)
    second = from_user(tmp_path / "b", "# a comment moves every line\n" + ALIKE, 1)
    assert first["group"] == second["group"]


@pytest.mark.parametrize(
    "text",
    [
        "def run(x):\n    raise TypeError(f\"shape {x} of 'layer_{x}' is wrong\")\n",
        "def run(x):\n    raise ValueError('another thing')\n",
        'def run(x):\n    deeper(x)\ndef deeper(x):\n    raise ValueError(f"shape {x} is wrong")\n',
    ],
)
def test_not_alike(tmp_path: Path, text: str) -> None:
    assert from_user(tmp_path / "a", ALIKE, 1)["group"] != from_user(tmp_path / "b", text, 1)["group"]


def test_what_is_too_long_is_cut(tmp_path: Path) -> None:
    described = from_user(tmp_path, "def run(x):\n    raise ValueError('x' * 5_000_000)\n")
    assert len(described["message"]) == MAX_MESSAGE
    assert len(described["traceback"]) < MAX_TRACEBACK + 100


def test_an_exception_that_cannot_speak(tmp_path: Path) -> None:
    text = "class Bad(Exception):\n    def __str__(self): raise RuntimeError\ndef run(x):\n    raise Bad\n"
    described = from_user(tmp_path, text)
    assert (described["type"], described["message"]) == ("Bad", "<its message could not be made>")


def test_endless_recursion(tmp_path: Path) -> None:
    described = from_user(tmp_path, "def run(x):\n    return run(x)\n")
    assert (described["class"], described["type"]) == ("user_code", "RecursionError")


def test_an_exception_that_is_its_own_cause(tmp_path: Path) -> None:
    text = "def run(x):\n    error = ValueError('a')\n    error.__cause__ = error\n    raise error\n"
    assert from_user(tmp_path, text)["class"] == "user_code"


@pytest.mark.parametrize("statement", ["raise KeyboardInterrupt", "raise SystemExit(3)", "raise BaseException('odd')"])
def test_whatever_user_code_raises(tmp_path: Path, statement: str) -> None:
    assert from_user(tmp_path, f"def run(x):\n    {statement}\n")["class"] == "user_code"


def test_our_frames_are_left_out_wherever_they_are(tmp_path: Path) -> None:
    """User code that calls ours, which raises: only the user's frame is shown."""
    text = "from blueno.usercode import load\ndef run(x):\n    load('nothing', None)\n"
    described = from_user(tmp_path, text)
    assert 'File "job.py", line 3, in run' in described["traceback"]
    assert "usercode.py" not in described["traceback"]


def test_what_a_message_of_ours_was_made_of_is_left_out() -> None:
    try:
        try:
            int("x")
        except ValueError as error:
            raise ModelError("the weights cannot be fetched", "fetch them elsewhere") from error
    except ModelError as raised:
        assert describe(raised, None, "model")["traceback"] == (
            "blueno.errors.ModelError: the weights cannot be fetched\n"
        )
