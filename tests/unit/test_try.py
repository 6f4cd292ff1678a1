"""`blueno try`: what it tries, what it finds, and that it leaves nothing behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from blueno.cli import run
from blueno.commands.try_ import Kind, Tried, choose, closing_text, place, tried_text
from blueno.planning import Plan, compile_spec
from blueno.spec import load

JOBS = """\
version: 1
name: jobs
objective: {maximize: score}
seeds: 2
one_of:
  - as: good
    model: {function: job.py:good, x: {grid: [1, 2]}}
  - as: bad
    model: {function: job.py:BAD, x: 1}
"""

JOB = """\
import os


def good(trial):
    assert trial.report(1, {"score": 0.5}), "it should have been told to stop"
    return {"score": float(trial.params["x"])}


def raising(trial):
    raise ValueError("the data\\nis bad")


def dying(trial):
    os.abort()


def not_a_number(trial):
    return {"score": float("nan")}
"""


def project(folder: Path, bad: str = "raising") -> Path:
    (folder / "specs").mkdir(parents=True)
    (folder / "blueno.toml").touch()
    (folder / "specs" / "job.py").write_text(JOB)
    spec = folder / "specs" / "jobs.yaml"
    spec.write_text(JOBS.replace("BAD", bad))
    return spec


def compiled(spec: Path) -> Plan:
    root = spec.parent.parent
    return compile_spec(load(spec, (), root), root)


def tree(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def tried_json(spec: Path, capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, list[dict[str, Any]]]:
    code = run(["try", str(spec), "--root", str(spec.parent.parent), "--json", "--devices", "cpu", *more])
    return code, json.loads(capsys.readouterr().out)["tried"]


# ---- what to try


def test_the_first_trial_of_each_arm_and_model(tmp_path: Path) -> None:
    plan = compiled(project(tmp_path))
    assert len(plan.trials) == 6
    chosen = choose(plan)
    assert list(chosen) == [Kind("good", "job.py:good", ()), Kind("bad", "job.py:raising", ())]
    assert [trial.seed for trial in chosen.values()] == [0, 0]
    assert list(chosen.values()) == [plan.trials[0], plan.trials[4]]


def test_each_sequence_of_steps_is_tried(tmp_path: Path) -> None:
    spec = tmp_path / "specs" / "steps.yaml"
    spec.parent.mkdir()
    spec.write_text(
        "version: 1\nname: steps\nobjective: {maximize: val_accuracy}\n"
        "data: {source: {sklearn: iris}, split: {validation: 0.2}}\n"
        "preprocess:\n  - scale: {method: {grid: [standard, minmax]}}\n"
        "  - one_of: [none, {pca: {components: {grid: [2, 3]}}}]\n"
        "model: {one_of: [{estimator: 'sklearn.svm:SVC'}, {estimator: 'sklearn.tree:DecisionTreeClassifier'}]}\n"
    )
    kinds = list(choose(compiled(spec)))
    assert [str(kind) for kind in kinds] == [
        "sklearn.svm:SVC after scale",
        "sklearn.tree:DecisionTreeClassifier after scale",
        "sklearn.svm:SVC after scale, pca",
        "sklearn.tree:DecisionTreeClassifier after scale, pca",
    ]


# ---- what it finds


def test_what_would_fail_fails_now_with_its_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = project(tmp_path)
    code, tried = tried_json(spec, capsys)
    assert code == 4
    assert [(each["what"], each["state"]) for each in tried] == [
        ("good: job.py:good", "ok"),
        ("bad: job.py:raising", "fails"),
    ]
    assert tried[1]["place"] == "specs/job.py:10"
    assert tried[1]["error"]["class"] == "user_code"


def test_nothing_is_recorded(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = project(tmp_path)
    before = tree(tmp_path)
    tried_json(spec, capsys)
    after = tree(tmp_path)
    after.pop("data/fingerprints.json", None)
    assert after == before
    assert not (tmp_path / "models").exists()


@pytest.mark.parametrize(
    ("bad", "state", "words"),
    [("dying", "fails", "its process ended: killed by SIGABRT"), ("not_a_number", "diverges", "")],
)
def test_crashes_and_divergence(
    tmp_path: Path, bad: str, state: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, tried = tried_json(project(tmp_path, bad), capsys)
    assert code == 4
    assert [each["state"] for each in tried] == ["ok", state]
    assert words in (tried[1]["error"] or {}).get("message", "")


def test_data_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "specs" / "own.yaml"
    spec.parent.mkdir()
    lines = [f"{x},{'yes' if x % 3 else 'no'}" for x in range(30)]
    (tmp_path / "specs" / "own.csv").write_text("\n".join(["x,answer", *lines]))
    spec.write_text(
        "version: 1\nname: own\nobjective: {maximize: val_accuracy}\n"
        "data: {source: {csv: own.csv}, target: answer, split: {validation: 0.5}}\n"
        "model: {estimator: 'sklearn.svm:SVC'}\n"
    )
    code, tried = tried_json(spec, capsys)
    assert (code, [each["state"] for each in tried]) == (0, ["ok"])
    spec.write_text(spec.read_text().replace("target: answer", "target: x, features: answer, task: classification"))
    code, tried = tried_json(spec, capsys)
    assert (code, [(each["trial"], each["state"]) for each in tried]) == (4, [(None, "fails")])
    assert tried[0]["what"] == "the data of sklearn.svm:SVC"
    assert "answer" in tried[0]["error"]["message"]


def test_few_samples_alone_are_no_failure(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "specs" / "neighbours.yaml"
    spec.parent.mkdir()
    spec.write_text(
        "version: 1\nname: neighbours\nobjective: {maximize: val_accuracy}\n"
        "data: {source: {sklearn: breast_cancer}, split: {validation: 0.2}}\n"
        "model: {estimator: 'sklearn.neighbors:KNeighborsClassifier', n_neighbors: 400}\n"
    )
    code, tried = tried_json(spec, capsys)
    assert (code, [each["state"] for each in tried]) == (0, ["ok"])
    code, tried = tried_json(spec, capsys, "--set", "model.n_neighbors=4000")
    assert (code, [each["state"] for each in tried]) == (4, ["fails"])


def test_a_missing_name_is_found_before_anything_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = project(tmp_path, "raisin")
    assert run(["try", str(spec), "--root", str(tmp_path)]) == 1
    assert "raising" in capsys.readouterr().err


# ---- how it is said

ERROR = {"class": "user_code", "type": "ValueError", "message": "no", "fix": "", "traceback": ""}


def test_a_line_for_what_works() -> None:
    assert tried_text(Tried("mlp", "t", "ok", 1.25)) == "ok     mlp (1.2 s)"
    assert "still at work" in tried_text(Tried("mlp", "t", "unfinished", 120.0))


def test_place_reason_fix_and_traceback_for_what_fails() -> None:
    error = ERROR | {"fix": "mend it", "traceback": 'Traceback:\n  File "job.py", line 10, in f\nValueError: no'}
    assert tried_text(Tried("f", "t", "fails", 1.0, error, "job.py:10")).splitlines() == [
        "FAILS  f",
        "       job.py:10: ValueError: no",
        "       fix: mend it",
        "       | Traceback:",
        '       |   File "job.py", line 10, in f',
        "       | ValueError: no",
    ]


def test_an_error_of_ours_needs_no_traceback() -> None:
    error = ERROR | {"class": "model", "type": "ModelError", "traceback": "ModelError: no"}
    assert tried_text(Tried("f", "t", "fails", 1.0, error)) == "FAILS  f\n       ModelError: no"


def test_the_place_is_the_deepest_frame_of_the_users(tmp_path: Path) -> None:
    plan = compiled(project(tmp_path))
    frames = [("specs/job.py", 3), ("specs/job.py", 10), ("/usr/lib/python/keras.py", 1000)]
    trace = "\n".join(f'  File "{file}", line {line}, in f' for file, line in frames)
    assert place(ERROR | {"traceback": trace}, plan) == "specs/job.py:10"
    assert place(ERROR, plan) == ""


def test_what_to_do_next() -> None:
    good, bad = Tried("a", "t", "ok"), Tried("b", "t", "fails", 0.0, ERROR)
    assert "Run it: blueno sweep a.yaml" in closing_text([good], Path("a.yaml"))
    assert closing_text([good, bad], Path("a.yaml")) == "\n1 of 2 would fail tonight; nothing was recorded"


# ---- architectures


@pytest.mark.slow
def test_an_architecture_that_cannot_be_built_is_found_among_those_that_can(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = tmp_path / "specs" / "nets.yaml"
    spec.parent.mkdir()
    (spec.parent / "net.py").write_text(
        "import keras\n\n\ndef build(input_shape, output_units, output_activation, width: int = 8):\n"
        "    if width > 8:\n        raise RuntimeError('too wide')\n"
        "    return keras.Sequential([keras.Input(input_shape), keras.layers.Flatten(),\n"
        "        keras.layers.Dense(output_units, activation=output_activation)])\n"
    )
    spec.write_text(
        "version: 1\nname: nets\nobjective: {maximize: val_accuracy}\n"
        "data: {source: {sklearn: digits}, split: {validation: 0.2}}\n"
        "model:\n  one_of:\n    - {architecture: net.py:build, width: {grid: [8, 16]}}\n"
        "    - {architecture: cnn, filters: {grid: [[4], [4, 4, 4, 4]]}}\n"
        "    - {architecture: mlp, hidden: []}\n"
    )
    code, tried = tried_json(spec, capsys)
    assert code == 4
    assert [(each["what"], each["state"]) for each in tried if each["trial"]] == [
        ("net.py:build", "ok"), ("cnn", "ok"), ("mlp", "ok"),
    ]  # fmt: skip
    broken = [each for each in tried if not each["trial"]]
    assert [each["what"] for each in broken] == ["net.py:build {width: 16}", "cnn {filters: [4, 4, 4, 4]}"]
    assert broken[0]["place"] == "specs/net.py:6"
    assert "shrink" in broken[1]["error"]["message"]


@pytest.mark.slow
def test_a_project_just_made_has_nothing_to_fear(tmp_path: Path) -> None:
    assert run(["init", str(tmp_path)]) == 0
    assert run(["try", str(tmp_path / "specs" / "first.yaml"), "--root", str(tmp_path), "--devices", "cpu"]) == 0
