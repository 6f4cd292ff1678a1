"""The verbs that read what ran: show, logs, failures, why, watch."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blueno.canonical import canonical, digest_text, short
from blueno.cli import run
from blueno.commands import failures, logs, show, watch, why
from blueno.errors import NotFound
from blueno.plan import Config, DatasetNode, Trial
from blueno.store import read, requests, trace
from blueno.store.database import scheduler_lock
from blueno.worker_output import trial_log

from .plans import good_result
from .test_scheduler import Bench, bad, good


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.db.close()


def output(capsys: pytest.CaptureFixture[str], bench: Bench, *arguments: str, code: int = 0) -> str:
    """What a command prints on standard output."""
    assert run([*arguments, "--root", str(bench.root)]) == code
    return capsys.readouterr().out


def document(capsys: pytest.CaptureFixture[str], bench: Bench, *arguments: str, code: int = 0) -> Any:
    return json.loads(output(capsys, bench, *arguments, "--json", code=code))


def trials(bench: Bench) -> list[str]:
    return [row["id"] for row in bench.db.execute("SELECT id FROM trials ORDER BY number")]


RECIPE = {
    "augment": [],
    "code": {"model": "a" * 64},
    "model": {"architecture": "net.py:build", "width": 8},
    "recipe": 1,
    "seed": 0,
    "train": {"epochs": 3, "optimizer": {"adam": {}}, "learning_rate": 0.1},
}
DATA = {
    "columns": {"target": "y"},
    "fold": None,
    "source": {"name": "csv", "params": {"path": "a.csv"}, "code": 1, "fingerprint": "f" * 64},
    "split": {"test": 0.2, "seed": 0},
    "steps": [{"name": "scale", "params": {"method": "standard"}, "columns": None, "code": 1}],
}


def recipe_plan(changes: list[dict[str, Any]], data: dict[str, Any] = DATA) -> dict[str, Any]:
    """The parts of a plan whose trials are RECIPE with one key or another changed."""
    node = DatasetNode(digest_text(canonical(data)), canonical(data))
    configs, made = [], []
    for position, change in enumerate(changes):
        recipe = {**RECIPE, "dataset": node.id, **change}
        config = digest_text(canonical({**recipe, "seed": None}))
        configs.append(Config(config, {"model": recipe["model"]}, position))
        text = canonical(recipe)
        made.append(Trial(digest_text(text), config, node.id, recipe["seed"], None, text, position))
    unique = list({config.id: config for config in configs}.values())
    return {"configs": unique, "trials": made, "datasets": [node]}


# ---- show


def test_show_says_what_a_trial_left(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(**recipe_plan([{}]))
    artefact = {"weights": {"key": "ab/x/1/weights.h5", "sha256": "0", "bytes": 1}}
    bench.run(lambda m: {**good(m), **({"artefacts": artefact} if m["kind"] == "train" else {})})
    [id] = trials(bench)
    found = document(capsys, bench, "show", id[:10])
    assert found["id"] == id
    assert found["state"] == "succeeded"
    assert (found["seed"], found["fold"], found["engine"], found["attempts"]) == (0, None, "function", 1)
    assert found["metrics"] == {"val_score": 0.5}
    assert found["history"] == {"val_score": [0.5]}
    assert found["artefacts"] == {"weights": str(bench.root / "models" / "ab/x/1/weights.h5")}
    assert found["environment"] == {"python": "3"}
    assert found["error"] is None
    assert found["params"] == {"model": RECIPE["model"]}
    assert found["resolved"]["model"] == RECIPE["model"]
    assert found["resolved"]["train"] == RECIPE["train"]
    assert found["resolved"]["steps"] == DATA["steps"]
    assert [sweep["name"] for sweep in found["sweeps"]] == ["small"]
    text = output(capsys, bench, "show", id)
    for part in (f"trial {short(id)} of small #1: succeeded", "seed 0", "val_score  0.5", "weights.h5", "python"):
        assert part in text


def test_show_of_a_trial_that_never_ran(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1,))
    [id] = trials(bench)
    found = show.show(bench.db, bench.root, id)
    assert (found["state"], found["engine"], found["attempts"], found["error"]) == ("queued", None, 0, None)
    assert found["metrics"] == found["history"] == found["artefacts"] == found["environment"] == {}
    assert output(capsys, bench, "show", id).startswith(f"trial {short(id)} of small #1: queued\n")


def test_show_of_a_failed_trial_has_its_traceback(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1,))
    bench.run(bad)
    [id] = trials(bench)
    assert document(capsys, bench, "show", id)["error"]["class"] == "user_code"
    text = output(capsys, bench, "show", id)
    assert "error (user_code)\n  ValueError: no\n    ..." in text


def test_show_of_a_running_trial_says_where_it_is(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1,))
    bench.steps()
    [(worker, message)] = bench.begin_all()
    epoch = {
        "kind": "epoch",
        "trial": message["trial"],
        "attempt": 1,
        "epoch": 2,
        "epochs": 9,
        "metrics": {"loss": 1.0},
    }
    bench.executor.say(worker, epoch)
    bench.steps(1)
    found = document(capsys, bench, "show", message["trial"])
    assert found["progress"] == {"slot": "cpu:0", "epoch": 2, "epochs": 9, "metrics": {"loss": 1.0}}
    assert "at epoch 2 on cpu:0" in output(capsys, bench, "show", message["trial"])


def test_only_the_last_epochs_are_printed(bench: Bench) -> None:
    bench.submit(values=(1,))
    history = {"loss": [float(i) for i in range(20)], "val_loss": [None] * 20}
    bench.run(lambda m: {**good(m), "history": history})
    text = show.show_text(show.show(bench.db, bench.root, trials(bench)[0]))
    lines = [line.split() for line in text.splitlines() if line.split()[2:] == ["-"]]
    assert lines == [[str(epoch), str(epoch - 1), "-"] for epoch in range(16, 21)]


@pytest.mark.parametrize("verb", ["show", "logs", "why"])
def test_an_unknown_id_is_told_with_some_that_exist(
    verb: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.submit(values=(1, 2))
    assert run([verb, "small", "--root", str(bench.root)]) == 1
    said = capsys.readouterr().err
    assert "begins with 'small'" in said
    assert short(trials(bench)[0]) in said
    assert run([verb, "", "--root", str(bench.root)]) == 1
    assert "give more digits" in capsys.readouterr().err


@pytest.mark.parametrize("verb", ["failures", "watch", "stop", "retry", "verify", "rm"])
def test_an_unknown_sweep_is_told_with_those_that_exist(
    verb: str, bench: Bench, capsys: pytest.CaptureFixture[str]
) -> None:
    bench.submit(values=(1, 2))
    assert run([verb, "digits", "--root", str(bench.root)]) == 1
    said = capsys.readouterr().err
    assert "no sweep goes by 'digits'" in said
    assert "there are: small" in said


@pytest.mark.parametrize(
    "arguments", [["show", "a"], ["logs", "a"], ["failures"], ["why", "a"], ["watch"], ["stop"], ["retry"], ["verify"]]
)
def test_without_a_store_all_say_how_to_begin(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*arguments, "--root", str(tmp_path)]) == 1
    assert "blueno sweep SPEC" in capsys.readouterr().err
    assert not (tmp_path / "data").exists()


# ---- logs


def test_logs_of_a_finished_trial_come_from_the_store(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1,))
    bench.run(good)
    [id] = trials(bench)
    assert output(capsys, bench, "logs", id[:8]) == "a line\n"
    assert output(capsys, bench, "logs", id[:8], "--follow") == "a line\n"
    assert document(capsys, bench, "logs", id) == {"trial": id, "attempt": 1, "state": "succeeded", "log": "a line\n"}


def test_logs_of_earlier_attempts(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    sweep = bench.submit(values=(1,))
    bench.run(lambda m: {**bad(m), "log": "first\n"})
    requests.append(bench.db, "retry", {"sweep": sweep}, bench.now)
    bench.steps(1)
    bench.run(lambda m: {**good(m), "log": "second\n"})
    [id] = trials(bench)
    assert output(capsys, bench, "logs", id) == "second\n"
    assert output(capsys, bench, "logs", id, "--attempt", "1") == "first\n"
    with pytest.raises(NotFound, match="attempt 3") as error:
        logs.logs(bench.db, bench.root, id, 3)
    assert error.value.fix == "there are: 1, 2"


def test_logs_of_a_running_trial_come_from_its_file(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1,))
    bench.steps()
    [(_, message)] = bench.begin_all()
    write(bench, message["trial"], "epoch 1\n")
    assert output(capsys, bench, "logs", message["trial"]) == "epoch 1\n"
    assert run(["logs", message["trial"], "--root", str(bench.root)]) == 0
    assert "no scheduler runs" in capsys.readouterr().err


def test_following_ends_with_the_trial_and_misses_nothing(bench: Bench) -> None:
    bench.submit(values=(1,))
    bench.steps()
    [(worker, message)] = bench.begin_all()
    id = message["trial"]
    parts: list[bytes] = []

    def turn() -> None:
        """What happens between two looks: the trial writes, then ends, and its log is taken away."""
        write(bench, id, f"epoch {len(parts)} ü\n")
        if len(parts) == 3:
            bench.executor.answer(worker, good_result(id, message["attempt"]))
            bench.steps(1)
            assert not trial_log(bench.root, id).exists()

    write(bench, id, "begin\n")
    with scheduler_lock(bench.root):
        for part in logs.follow(bench.db, bench.root, id, turn):
            parts.append(part)
    assert b"".join(parts).decode() == "begin\nepoch 1 ü\nepoch 2 ü\nepoch 3 ü\n"


def test_following_what_nothing_runs_ends(bench: Bench) -> None:
    bench.submit(values=(1,))
    [id] = trials(bench)
    assert b"".join(logs.follow(bench.db, bench.root, id, lambda: pytest.fail("it waits"))) == b""


def write(bench: Bench, trial: str, text: str) -> None:
    path = trial_log(bench.root, trial)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        file.write(text)


# ---- failures


def test_failures_are_grouped_by_cause(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=tuple(range(8)))

    def outcome(message: dict[str, Any]) -> dict[str, Any]:
        x = message["recipe"]["model"]["x"]
        if x in (1, 2):
            return bad(message, "out_of_memory", "g2")
        if x == 5:
            gone = good_result(message["trial"], message["attempt"], state="diverged")
            return {
                **gone,
                "metrics": {"val_score": None},
                "nonfinite": ["val_score"],
                "history": {"loss": [1.0, None]},
            }
        return good(message) if x == 0 else bad(message)

    bench.run(outcome)
    found = document(capsys, bench, "failures")
    assert [(group["class"], group["count"]) for group in found["groups"]] == [
        ("user_code", 4),
        ("out_of_memory", 2),
        ("diverged", 1),
    ]
    assert (found["failed"], found["diverged"], found["planned"]) == (6, 1, 8)
    assert found["groups"][2]["epochs"] == {trials(bench)[5]: 2}
    text = output(capsys, bench, "failures", "small")
    assert "6 of 8 trials failed, 1 diverged" in text
    assert "4 × user_code: ValueError: no" in text
    assert "blueno retry small --cause out_of_memory" in text
    assert "not finite: val_score, from epoch 2 to 2" in text


def test_a_sweep_without_failures_says_so(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1,))
    bench.run(good)
    assert output(capsys, bench, "failures") == "small: nothing failed or diverged\n"
    assert document(capsys, bench, "failures")["groups"] == []


def test_why_a_sweep_is_paused_is_told(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=tuple(range(20)))
    bench.run(bad)
    assert "paused: its first" in output(capsys, bench, "failures")


def test_the_first_epoch_that_was_not_finite() -> None:
    assert failures.first_null({"loss": [1.0, 2.0, None], "val_loss": [1.0, None, None]}) == 2
    assert failures.first_null({"loss": [1.0]}) is None
    assert failures.first_null({}) is None


# ---- why


def test_an_edit_of_the_code_is_what_changed(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    widths = [{"model": {**RECIPE["model"], "width": width}} for width in (8, 16)]
    bench.submit(**recipe_plan(widths))
    bench.run(good)
    edited = [{**width, "code": {"model": "b" * 64}} for width in widths]
    plan = recipe_plan(edited)
    bench.submit(**plan)
    found = document(capsys, bench, "why", plan["trials"][1].id)
    assert found["kind"] == "trial"
    assert found["why"].startswith("new")
    assert found["made_of"]["model.width"] == 16
    assert found["made_of"]["preprocess.scale.method"] == "standard"
    assert found["nearest"]["id"] == recipe_plan(widths)["trials"][1].id
    assert found["nearest"]["changes"] == [{"path": "code.model", "before": "a" * 64, "after": "b" * 64}]
    text = output(capsys, bench, "why", plan["trials"][1].id[:12])
    assert f"the code of model changed ({'a' * 16} -> {'b' * 16})" in text
    assert "first asked for by small #2" in text


def test_a_new_value_is_compared_with_the_revision_before(bench: Bench) -> None:
    rates = [{"train": {**RECIPE["train"], "learning_rate": rate}} for rate in (0.1, 0.2)]
    bench.submit(**recipe_plan(rates[:1]))
    plan = recipe_plan(rates)
    bench.submit(**plan)
    found = why.why(bench.db, "trial", plan["trials"][1].id)
    assert found["nearest"]["changes"] == [{"path": "train.learning_rate", "before": 0.1, "after": 0.2}]


def test_the_same_replicate_is_nearer_than_another_seed(bench: Bench) -> None:
    made = [{"seed": 1}, {}, {"seed": 1, "train": {**RECIPE["train"], "epochs": 4}}]
    plan = recipe_plan(made)
    bench.submit(**plan)
    found = why.why(bench.db, "trial", plan["trials"][2].id)
    assert [change["path"] for change in found["nearest"]["changes"]] == ["train.epochs"]


def test_changed_data_is_told_with_its_content(bench: Bench) -> None:
    bench.submit(**recipe_plan([{}]))
    other = {**DATA, "source": {**DATA["source"], "fingerprint": "e" * 64}}  # type: ignore[dict-item]
    plan = recipe_plan([{}], other)
    bench.submit(**plan)
    for kind, id in (
        ("trial", plan["trials"][0].id),
        ("config", plan["configs"][0].id),
        ("dataset", plan["datasets"][0].id),
    ):
        found = why.why(bench.db, *trace.find_recipe(bench.db, id[:20]))
        assert found["kind"] == kind
        [change] = found["nearest"]["changes"]
        assert change == {"path": "content.data.source", "before": "f" * 64, "after": "e" * 64}
        assert "the content of data.source changed" in why.why_text(found)


def test_why_follows_a_trial_through_its_states(bench: Bench) -> None:
    sweep = bench.submit(values=(1,))
    [id] = trials(bench)

    def reason() -> str:
        return str(why.why(bench.db, "trial", id)["why"])

    assert reason().startswith("new")
    bench.steps()
    bench.begin_all()
    assert reason().startswith("it is being trained")
    bench.restart()
    assert reason() == "queued again: it was interrupted (the scheduler that ran it is gone)"
    bench.run(bad)
    assert reason() == "it failed (user_code) and waits for `blueno retry`"
    requests.append(bench.db, "retry", {"sweep": sweep}, bench.now)
    bench.scheduler.draining = True
    bench.steps(1)
    assert reason() == "queued again: it failed and was retried"
    requests.append(bench.db, "stop", {"sweep": sweep, "now": False}, bench.now)
    bench.steps(1)
    assert reason().startswith("it was taken back")
    bench.scheduler.draining = False
    bench.submit(values=(1,))
    assert reason() == "queued again: it was taken back before"
    bench.run(good)
    bench.submit(name="other", values=(1,))
    assert reason().startswith("it ended at ")
    assert reason().endswith("2 sweeps share it: small #1, other #1")
    assert len(why.why(bench.db, "trial", id)["events"]) >= 8


def test_the_only_one_has_no_neighbour(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1,), data=True)
    [id] = trials(bench)
    assert document(capsys, bench, "why", id)["nearest"] is None
    [dataset] = bench.db.execute("SELECT id FROM datasets").fetchone()
    text = output(capsys, bench, "why", dataset)
    assert "there is no other dataset" in text
    assert "its trials: 1 queued" in text


# ---- watch


def test_watch_shows_workers_best_and_failures(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1, 2, 3, 4))
    bench.steps()
    first, second = bench.begin_all()
    bench.executor.answer(first[0], good_result(first[1]["trial"], 1, value=0.9))
    bench.executor.answer(second[0], bad(second[1]))
    bench.steps(1)
    [(worker, message), _] = bench.begin_all()
    epoch = {
        "kind": "epoch",
        "trial": message["trial"],
        "attempt": 1,
        "epoch": 2,
        "epochs": 9,
        "metrics": {"loss": 1.5},
    }
    bench.executor.say(worker, epoch)
    bench.steps(1)
    with scheduler_lock(bench.root):
        found = document(capsys, bench, "watch")
        text = output(capsys, bench, "watch", "--once")
    assert (found["planned"], found["running"], found["succeeded"], found["failed"]) == (4, 2, 1, 1)
    assert found["scheduler"] is True
    assert found["best"] == {"trial": first[1]["trial"], "metric": "val_score", "value": 0.9}
    assert [found["class"] for found in found["failures"]] == ["user_code"]
    assert "4 trials: 2 running, 1 succeeded, 1 failed" in text
    assert "best so far: val_score 0.9" in text
    assert f"{short(message['trial'])}  2/9    loss 1.5" in text
    assert f"{short(second[1]['trial'])}  user_code: ValueError: no" in text


def test_watch_says_when_nothing_runs(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    bench.submit(values=(1,))
    assert "no scheduler runs: go on with blueno sweep small.yaml" in output(capsys, bench, "watch")


def test_watch_shows_what_a_worker_builds(bench: Bench) -> None:
    bench.submit(values=(1,), data=True)
    bench.steps()
    with scheduler_lock(bench.root):
        text = watch.screen(watch.watch(bench.db, bench.root, read.find_sweep(bench.db, None)), "small.yaml")
    [dataset] = bench.db.execute("SELECT id FROM datasets").fetchone()
    assert f"builds dataset {short(dataset)}" in text


def test_watching_draws_in_place_until_the_sweep_is_finished(bench: Bench) -> None:
    sweep = bench.submit(values=(1,))
    stream = io.StringIO()
    pauses: list[float] = []

    def pause(duration_s: float) -> None:
        pauses.append(duration_s)
        bench.run(good)

    watch.keep_watching(bench.db, bench.root, read.sweep_by_number(bench.db, sweep), stream, pause)
    assert pauses[0] >= 1.0
    first, second = stream.getvalue().split("\x1b[J")[1:]
    assert "1 queued" in first
    assert first.endswith(f"\x1b[{first.count(chr(10))}F")
    assert "finished: blueno results small" in second


def test_the_screen_is_cut_to_the_terminal() -> None:
    stream = io.StringIO()
    assert watch.redraw(stream, "abcdefgh\n" * 9, 0, (5, 4)) == 3
    assert stream.getvalue() == "\x1b[Jabcd\nabcd\nabcd\n"
