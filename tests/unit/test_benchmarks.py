from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import all as benchmarks
from benchmarks.commands import CommandFailed, Run, interleaved, python, run
from benchmarks.small_mlps import Size
from benchmarks.tables import Table, markdown, processor
from tests.gcs_server import BINARIES, server_binary

ROOT = Path(__file__).parent.parent.parent
TABLE = Table("start", ["process", "wall"], [["a", "1 ms"]], ["a remark"], ["quick; it is (met)"])


def test_a_process_is_measured_with_what_it_started() -> None:
    busy = "import time\nwhile time.process_time() < 0.2: pass\nprint('through')"
    found = run(python("-c", f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {busy!r}], check=True)"))
    assert found.output == "through\n"
    assert found.cpu_s >= 0.2 and found.wall_s >= 0.2


def test_a_command_that_fails_says_what_it_said() -> None:
    with pytest.raises(CommandFailed, match="exited 7:\nno luck"):
        run(python("-c", "print('no luck'); raise SystemExit(7)"))


def test_a_watch_sees_the_process_while_it_lives() -> None:
    seen: list[int] = []
    run(python("-c", "import time; time.sleep(0.3)"), lambda process: seen.append(process.memory_info().rss))
    assert seen and max(seen) > 10**6


def test_arms_run_in_turns() -> None:
    order: list[str] = []

    def arm(name: str) -> Run:
        order.append(name)
        return Run(float(len(order)), 0.0, "")

    runs = interleaved({"a": lambda: arm("a"), "b": lambda: arm("b")}, 2)
    assert order == ["a", "b", "a", "b"]
    assert [each.wall_s for each in runs["b"]] == [2.0, 4.0]


def test_the_rates_are_those_of_the_spec() -> None:
    pairs = Size(rates=3, seeds=2, epochs=1, sample=1).pairs()
    assert pairs == ["0.0001:0", "0.0001:1", "0.001:0", "0.001:1", "0.01:0", "0.01:1"]


def test_tiny_sizes_say_nothing_of_targets() -> None:
    lines = markdown(TABLE).splitlines()
    assert lines[:4] == ["`python -m benchmarks.start`", "", "| process | wall |", "| --- | ---: |"]
    assert "- target: quick; it is (met)" in lines
    assert "target" not in markdown(TABLE, quick=True)


def test_the_processor_is_named(tmp_path: Path) -> None:
    facts = tmp_path / "cpuinfo"
    facts.write_text("processor\t: 0\nmodel name\t: Difference Engine\n")
    assert processor(facts) == "Difference Engine"
    assert processor(tmp_path / "missing")


def test_a_table_replaces_the_one_that_is_there(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text("before\n<!-- begin a -->\nold\n<!-- end a -->\nafter\n")
    benchmarks.write("a", "new\n", document)
    assert document.read_text() == "before\n<!-- begin a -->\nnew\n<!-- end a -->\nafter\n"
    with pytest.raises(ValueError, match="begin b"):
        benchmarks.write("b", "new\n", document)


def test_the_document_has_a_place_for_each_benchmark() -> None:
    text = (ROOT / "docs" / "performance.md").read_text()
    for name in benchmarks.EVERY:
        assert benchmarks.replaced(text, name, "") != ""


@pytest.mark.slow
@pytest.mark.parametrize("name", benchmarks.NAMES + benchmarks.ON_OPTUNA + benchmarks.ON_GCS)
def test_each_benchmark_runs_in_a_tiny_size(name: str) -> None:
    if name in benchmarks.ON_OPTUNA:
        pytest.importorskip("optuna")
    if name in benchmarks.ON_GCS:
        server_binary()
    command = [sys.executable, "-m", f"benchmarks.{name}", "--quick"]
    there = {"XDG_CACHE_HOME": str(BINARIES.parents[2])}  # the server that is built already
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env={**os.environ, **there})
    assert ended.returncode == 0, ended.stderr
    lines = ended.stdout.splitlines()
    assert lines[0] == f"`python -m benchmarks.{name} --quick`"
    assert sum(line.startswith("| ") for line in lines) >= 4  # a header, its rule, and two rows or more


def test_an_unknown_benchmark_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        benchmarks.main(["nonsense"])
    assert "there are: start, plan" in capsys.readouterr().err
