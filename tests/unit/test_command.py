"""Commands: what a program is told, what it says, how it ends."""

from __future__ import annotations

import json
import math
import os
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from blueno.errors import ModelError
from blueno.ml.job import Job, Outcome
from blueno.ml.program import ProgramFailed, options, words_of
from blueno.ml.train import train
from blueno.usercode import CodeFolder
from blueno.worker.failures import describe
from tests.acceptance.project import wait_for

from .ml_jobs import blobs, job, quiet

SAY = """
import json, os, sys, time
trial = json.load(open(os.environ["BLUENO_TRIAL"]))
def say(**metrics):
    with open(os.environ["BLUENO_METRICS"], "a") as file:
        file.write(json.dumps(metrics) + "\\n")
"""


def command_job(folder: Path, text: str, data: Any = None, **changes: Any) -> Job:
    """A job whose program is `text`, after the definition of `say(**metrics)`."""
    code = folder / "code"
    code.mkdir(parents=True, exist_ok=True)
    (code / "job.py").write_text(SAY + text)
    model = {"command": "$BLUENO_PYTHON job.py", **changes.pop("params", {})}
    return job(folder / "job", data, model, code=CodeFolder(code, ""), **changes)


def run(folder: Path, text: str, *arguments: Any, **changes: Any) -> Outcome:
    return train(command_job(folder, text, *arguments, **changes), quiet)


# ---- what it is told


def test_parameters_are_words() -> None:
    given = {"rate": 1e-5, "flags": [True, None], "empty": {}, "deep": {"er": {"x": -1}, "none": None}, "text": "a b"}
    assert options(given) == [
        "--rate", "1e-05", "--flags", "[true, null]", "--empty", "{}", "--deep.er.x", "-1", "--text", "a b",
    ]  # fmt: skip


def test_it_gets_words_and_the_trial_and_leaves_files(tmp_path: Path) -> None:
    text = """
assert sys.argv[1:] == ["--rate", "0.1", "--uses", "clashes"], sys.argv
assert trial["params"] == {"rate": 0.1, "nothing": None, "uses": "clashes"}
assert (trial["seed"], trial["fold"], trial["threads"], trial["data"]) == (4, 2, 3, None)
assert os.environ["OMP_NUM_THREADS"] == "3"
open(os.path.join(trial["folder"], "model.bin"), "w").write("model")
open("beside.txt", "w").write("gone afterwards")
say(val_accuracy=0.5)
"""
    params = {"rate": 0.1, "nothing": None, "params": {"uses": "clashes"}}
    outcome = run(tmp_path, text, params=params, seed=4, fold=2, threads=3)
    assert (outcome.state, outcome.engine, outcome.metrics) == ("succeeded", "command", {"val_accuracy": 0.5})
    assert {name: path.read_text() for name, path in outcome.artefacts.items()} == {"model.bin": "model"}
    assert [path.name for path in (tmp_path / "code").iterdir()] == ["job.py"]  # the snapshot is as it was


def test_its_arrays_are_those_of_its_parts_and_never_the_test_part(tmp_path: Path) -> None:
    text = """
import numpy as np
data = trial["data"]
assert (data["classes"], data["task"], data["positive"], data["target_scale"]) == ([0, 1], "binary", 1, None)
sizes = {part: len(np.load(data[part]["target"])) for part in ("train", "validation")}
assert data["stop"] is None and "test" not in data
assert np.load(data["train"]["features"]).shape == (10, 2) and np.load(data["validation"]["ids"])[-1] == "s14"
everything = [np.load(os.path.join(os.path.dirname(data["train"]["ids"]), each)) for each in os.listdir(
    os.path.dirname(data["train"]["ids"])) if each.endswith("ids.npy")]
say(val_accuracy=1, train=sizes["train"], validation=sizes["validation"], ids=sum(map(len, everything)))
"""
    data = blobs()
    parts = {"train": np.arange(10), "validation": np.arange(10, 15), "test": np.arange(15, 120)}
    outcome = run(tmp_path, text, data._replace(parts=parts))
    assert outcome.metrics == {"val_accuracy": 1.0, "train": 10.0, "validation": 5.0, "ids": 15.0}


def test_its_own_modules_are_found_from_the_specs_folder_and_the_root(tmp_path: Path) -> None:
    code = tmp_path / "code"
    (code / "specs").mkdir(parents=True)
    (code / "shared.py").write_text("VALUE = 0.75\n")
    (code / "specs" / "job.py").write_text(SAY + "import shared\nsay(val_accuracy=shared.VALUE)\n")
    model = {"command": "$BLUENO_PYTHON job.py"}
    outcome = train(job(tmp_path / "job", None, model, code=CodeFolder(code, "specs")), quiet)
    assert outcome.metrics == {"val_accuracy": 0.75}


def test_a_script_runs_by_its_first_line(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "train.sh").write_text('#!/bin/sh\necho "{\\"val_accuracy\\": $2}" >> "$BLUENO_METRICS"\n')
    model = {"command": "./train.sh", "value": 0.25}
    outcome = train(job(tmp_path / "job", None, model, code=CodeFolder(code, "")), quiet)
    assert outcome.metrics == {"val_accuracy": 0.25}


def test_the_first_word_may_be_a_variable_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nowhere = CodeFolder(tmp_path, "")
    monkeypatch.setenv("MY_PROGRAM", "env -i sh")
    assert words_of("$MY_PROGRAM train.sh $HOME", nowhere)[1:] == ["-i", "sh", "train.sh", "$HOME"]
    with pytest.raises(ModelError, match="no NOT_SET, which the command's"):
        words_of("$NOT_SET/bin/python train.py", nowhere)
    with pytest.raises(ModelError, match="there is no program 'no-such-program'"):
        words_of("no-such-program train.py", nowhere)


# ---- what it says


def test_epochs_are_heard_while_it_runs(tmp_path: Path) -> None:
    text = f"""
for epoch in (1, 2, 3):
    say(epoch=epoch, val_accuracy=epoch / 10, loss=1 / epoch)
    while not os.path.exists({str(tmp_path)!r} + f"/heard-{{epoch}}"):
        time.sleep(0.01)
say(val_accuracy=0.9)
"""
    heard = []

    def listen(epoch: int, epochs: int, metrics: dict[str, float]) -> bool:
        heard.append((epoch, epochs, metrics["val_accuracy"]))
        (tmp_path / f"heard-{epoch}").touch()
        return False

    outcome = train(command_job(tmp_path, text, params={"epochs": 3}), listen)
    assert heard == [(1, 3, 0.1), (2, 3, 0.2), (3, 3, 0.3)]
    assert outcome.metrics == {"val_accuracy": 0.9, "loss": 1 / 3}
    assert outcome.history == {"val_accuracy": [0.1, 0.2, 0.3], "loss": [1.0, 0.5, 1 / 3]}
    assert outcome.epoch == 3


def test_lines_of_one_epoch_are_one_and_the_last_newline_may_lack(tmp_path: Path) -> None:
    text = """
say(epoch=1, val_accuracy=0.1)
say(epoch=1, loss=2)
with open(os.environ["BLUENO_METRICS"], "a") as file:
    file.write('\\n{"epoch": 2, "val_accuracy": 0.2}')
"""
    outcome = run(tmp_path, text)
    assert outcome.metrics == {"val_accuracy": 0.2, "loss": 2.0}
    assert outcome.history["val_accuracy"] == [0.1, 0.2]
    assert np.array_equal(outcome.history["loss"], [2.0, np.nan], equal_nan=True)


@pytest.mark.parametrize("value", ["float('nan')", "None", "float('inf')"])
def test_a_final_value_that_is_no_number_is_divergence(tmp_path: Path, value: str) -> None:
    outcome = run(tmp_path, f"say(epoch=1, val_accuracy=0.5, loss={value})")
    assert (outcome.state, outcome.metrics.keys()) == ("diverged", {"val_accuracy", "loss"})
    assert outcome.metrics["val_accuracy"] == 0.5 and not math.isfinite(outcome.metrics["loss"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("epoch 1: 0.9", "line 2 of its metrics: a JSON object of numbers was expected, found 'epoch 1: 0.9'"),
        ("[1]", "a JSON object of numbers was expected"),
        ('{"epoch": 0}', "epoch was expected to be a whole number, counted from 1"),
        ('{"epoch": 1.5}', "epoch was expected to be a whole number"),
        ('{"epoch": 1, "val_accuracy": "high"}', "val_accuracy was expected to be a number"),
        ('{"val_accuracy": true}', "val_accuracy was expected to be a number"),
        ("[" * 60_000, "a JSON object of numbers was expected"),
        ("x" * 70_000, "line 2 of its metrics has more than 65536 bytes"),
        ("x" * 700_000, "line 2 of its metrics has more than 65536 bytes"),
        ("\x1b[2J", r"found '\x1b[2J'"),
    ],
)
def test_a_wrong_line_says_which_and_what_was_expected(tmp_path: Path, line: str, message: str) -> None:
    text = f"""
say(epoch=1, val_accuracy=0.5)
with open(os.environ["BLUENO_METRICS"], "a") as file:
    file.write({line!r} + "\\n")
time.sleep(60)
"""
    began = time.monotonic()
    with pytest.raises(ModelError) as caught:
        run(tmp_path, text)
    assert message in caught.value.message
    assert '{"epoch": 1, "val_accuracy": 0.9}' in caught.value.fix
    assert time.monotonic() - began < 30  # it was not waited for


@pytest.mark.parametrize(
    "how", ["open(path, 'w').write(line)", "open(path + '2', 'w').write(line); os.replace(path + '2', path)"]
)
def test_metrics_that_are_not_appended_are_refused(tmp_path: Path, how: str) -> None:
    text = f"""
path = os.environ["BLUENO_METRICS"]
say(epoch=1, val_accuracy=0.5)
time.sleep(1)
line = '{{"epoch": 2, "val_accuracy": 0.6}}\\n'
{how}
time.sleep(60)
"""
    began = time.monotonic()
    with pytest.raises(ModelError, match="written anew") as caught:
        run(tmp_path, text)
    assert "append" in caught.value.fix and time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("text", "has"),
    [("say(epoch=1, val_acuracy=1); time.sleep(60)", "val_acuracy"), ("say(loss=1)", "loss"), ("", "none")],
)
def test_the_objective_must_be_in_the_first_line(tmp_path: Path, text: str, has: str) -> None:
    with pytest.raises(ModelError, match=f"no metric 'val_accuracy'; it has {has}"):
        run(tmp_path, text)


# ---- how it ends


def test_a_failure_is_its_last_line_and_alike_failures_are_one_group(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    said = []
    for width in (3, 17):
        with pytest.raises(ProgramFailed) as caught:
            run(
                tmp_path / str(width),
                f"print('at', {width}, time.time(), file=sys.stderr)\nraise ValueError('width {width}')",
            )
        said.append(describe(caught.value, None, "model"))
    assert said[0]["message"] == "$BLUENO_PYTHON job.py ended with exit code 1: ValueError: width 3"
    assert said[0]["class"] == "user_code"
    assert said[0]["group"] == said[1]["group"]
    assert "raise ValueError" in said[0]["traceback"]
    assert "Traceback" in capfd.readouterr().err  # and all of it is in the log


@pytest.mark.parametrize(
    ("text", "kind", "message"),
    [
        ("os.kill(os.getpid(), 11)", "user_code", "was killed by SIGSEGV"),
        ("os.kill(os.getpid(), 9)", "out_of_memory", "as the kernel does when memory runs out"),
        ("sys.exit('RuntimeError: CUDA out of memory. Tried to allocate')", "out_of_memory", "CUDA out of memory"),
        ("sys.exit('OSError: [Errno 28] No space left on device')", "disk_full", "No space left"),
        ("sys.exit(3)", "user_code", "ended with exit code 3"),
        (
            "say(epoch=1, val_accuracy=1); open(os.environ['BLUENO_METRICS'], 'a').write('{'); sys.exit(3)",
            "user_code",
            "3",
        ),
    ],
)
def test_why_it_failed(tmp_path: Path, text: str, kind: str, message: str) -> None:
    with pytest.raises((ProgramFailed, MemoryError, OSError)) as caught:
        run(tmp_path, text)
    described = describe(caught.value, None, "model")
    assert described["class"] == kind
    assert message in described["message"]


def test_a_module_that_its_environment_lacks_says_how_to_name_another(tmp_path: Path) -> None:
    with pytest.raises(ProgramFailed, match="No module named 'no_such_library'") as caught:
        run(tmp_path, "import no_such_library")
    assert "$MY_PYTHON" in caught.value.fix


def test_told_to_stop_it_may_save_what_it_has(tmp_path: Path) -> None:
    text = """
import signal
def leave(*_):
    say(val_accuracy=0.75)
    sys.exit(1)
signal.signal(signal.SIGTERM, leave)
for epoch in range(1, 1000):
    say(epoch=epoch, val_accuracy=0.5)
    time.sleep(0.05)
"""
    outcome = train(command_job(tmp_path, text), lambda epoch, *_: epoch == 3)
    assert outcome.metrics == {"val_accuracy": 0.75}
    assert outcome.epoch < 1000


def test_told_to_stop_what_it_started_may_save_what_it_has_as_well(tmp_path: Path) -> None:
    child = """
import os, signal, sys, time
def leave(*_):
    time.sleep(1)
    open(sys.argv[1], "w").close()
    sys.exit()
signal.signal(signal.SIGTERM, leave)
print("ready", flush=True)
time.sleep(1000)
"""
    text = f"""
import subprocess
words = [sys.executable, "-c", {child!r}, os.path.join(trial["folder"], "saved")]
subprocess.Popen(words, stdout=subprocess.PIPE).stdout.readline()
say(epoch=1, val_accuracy=0.5)
time.sleep(1000)
"""
    outcome = train(command_job(tmp_path, text), lambda *_: True)
    assert list(outcome.artefacts) == ["saved"]


def test_told_to_stop_nothing_that_it_started_is_left(tmp_path: Path) -> None:
    text = """
import subprocess
child = subprocess.Popen(["sleep", "1000"])
say(epoch=1, val_accuracy=0.5, child=child.pid)
time.sleep(1000)
"""
    outcome = train(command_job(tmp_path, text), lambda *_: True)
    assert wait_for(lambda: is_gone(int(outcome.metrics["child"])), 10)


def is_gone(pid: int) -> bool:
    """Whether a process has ended, even if nobody has taken its exit status."""
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_one_that_closed_its_errors_or_left_a_child_with_them_is_waited_for_and_no_longer(tmp_path: Path) -> None:
    text = """
import subprocess
child = subprocess.Popen(["sleep", "1000"])
os.close(2)
time.sleep(0.3)
say(val_accuracy=0.5, child=child.pid)
"""
    began = time.monotonic()
    outcome = run(tmp_path, text)
    os.kill(int(outcome.metrics["child"]), signal.SIGKILL)
    assert time.monotonic() - began < 30


def test_an_attempt_goes_on_where_one_that_was_killed_left_off(tmp_path: Path) -> None:
    text = """
saved = os.path.join(trial["checkpoint"], "epoch")
done = int(open(saved).read()) if os.path.exists(saved) else 0
for epoch in range(done + 1, 6):
    say(epoch=epoch, val_accuracy=epoch / 10)
    if epoch == 4 and not done:
        with open(os.environ["BLUENO_METRICS"], "a") as file:
            file.write('{"epoch": 5, "val_acc')
        os.kill(os.getpid(), 9)
    open(saved, "w").write(str(epoch - 1))
"""
    surviving = tmp_path / "surviving"
    with pytest.raises(MemoryError):
        run(tmp_path / "1", text, checkpoint=surviving)
    outcome = run(tmp_path / "2", text, checkpoint=surviving)
    assert outcome.history == {"val_accuracy": [0.1, 0.2, 0.3, 0.4, 0.5]}
    assert json.loads((surviving / "reported.jsonl").read_text().splitlines()[-1]) == {"epoch": 5, "val_accuracy": 0.5}
