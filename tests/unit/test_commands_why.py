"""why: what an id is made of, and what changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from blueno.commands import why
from blueno.store import requests, trace

from .command_line import document, output, trials
from .recipe_plans import DATA, RECIPE, recipe_plan
from .test_scheduler import Bench, bad, good


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.db.close()


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
    made: list[dict[str, Any]] = [{"seed": 1}, {}, {"seed": 1, "train": {**RECIPE["train"], "epochs": 4}}]
    plan = recipe_plan(made)
    bench.submit(**plan)
    found = why.why(bench.db, "trial", plan["trials"][2].id)
    assert [change["path"] for change in found["nearest"]["changes"]] == ["train.epochs"]


def test_changed_data_is_told_with_its_content(bench: Bench) -> None:
    bench.submit(**recipe_plan([{}]))
    other = {**DATA, "source": {**DATA["source"], "fingerprint": "e" * 64}}
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
