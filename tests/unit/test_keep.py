"""What stays of trials while a sweep runs, and what is let go of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from blueno.cache.folder import FolderCache
from blueno.canonical import digest_file
from blueno.commands.show import show, show_text
from blueno.commands.verify import verify
from blueno.scheduler.hearing import HANDLERS
from blueno.store import keeping, ledger, read, requests
from blueno.store.keeping import larger, size_of
from blueno.store.submit import submit

from .plans import good_result, small_plan
from .test_scheduler import Bench

VALUES = (4, 1, 7, 3, 9, 2, 8, 5, 6, 0)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.db.close()


def leaves_files(bench: Bench, worth: Callable[[int], float | None] = float) -> Callable[[dict[str, Any]], Any]:
    """Outcomes of trials whose objective is `worth(x)`, and that leave files unless nobody wants them."""

    def outcome(message: dict[str, Any]) -> dict[str, Any]:
        value, trial = worth(message["recipe"]["model"]["x"]), message["trial"]
        result = good_result(trial, message["attempt"], state="diverged" if value is None else "succeeded")
        result["metrics"] = {"val_score": value}
        for name in ("weights", "predictions"):
            if message["keep"][name] != "none":
                result["artefacts"][name] = kept(bench, f"{trial[:2]}/{trial}/{message['attempt']}/{name}.bin", trial)
        return result

    return outcome


def kept(bench: Bench, key: str, text: str) -> dict[str, Any]:
    source, models = bench.root / "made", FolderCache(bench.root / "models")
    source.write_text(text)
    models.put_if_absent(key, source)
    return {"key": key, "sha256": digest_file(models.get(key)), "bytes": models.stat(key)}


def holders(bench: Bench, name: str = "weights") -> set[int]:
    """The x of the trials that still have a file (or a log), by the store; files and store agree."""
    rows = bench.db.execute(
        "SELECT recipe, trials.id, artefacts, log FROM trials JOIN results ON trial = id"
    ).fetchall()
    if name == "logs":
        return {json.loads(row["recipe"])["model"]["x"] for row in rows if len(row["log"]) > 8}
    told = {row["id"]: json.loads(row["artefacts"]).get(name) for row in rows}
    files = {key.split("/")[1] for key in FolderCache(bench.root / "models").list("") if f"/{name}." in key}
    assert files == {id for id, artefact in told.items() if artefact}
    return {json.loads(row["recipe"])["model"]["x"] for row in rows if told[row["id"]]}


def test_only_the_best_stay(bench: Bench) -> None:
    sweep = bench.submit(values=VALUES, keep={"weights": "best 3", "predictions": "all", "logs": "best 2"})
    bench.run(leaves_files(bench))
    bench.steps(1)
    assert holders(bench) == {9, 8, 7}
    assert holders(bench, "predictions") == set(VALUES)
    assert holders(bench, "logs") == {9, 8}
    assert bench.counts(sweep) == {"succeeded": 10}
    assert verify(bench.db, bench.root, None)["problems"] == []


def test_folders_of_what_is_let_go_are_gone(bench: Bench) -> None:
    bench.submit(values=(1, 2), keep={"weights": "best 1", "predictions": "none"})
    bench.run(leaves_files(bench))
    bench.steps(1)
    assert len([path for path in (bench.root / "models").glob("??/*") if path.parent.name != "tmp"]) == 1


def test_while_it_runs_there_are_never_many_more(bench: Bench) -> None:
    bench.submit(values=VALUES, keep={"weights": "best 2"})
    outcome, held = leaves_files(bench), []

    def counting(message: dict[str, Any]) -> dict[str, Any]:
        held.append(len(list((bench.root / "models").glob("??/*/*/weights.bin"))))
        return outcome(message)

    bench.run(counting)
    assert max(held) <= 4  # the best two, and what two workers have just left


def test_smaller_is_better_where_the_objective_says_so(bench: Bench) -> None:
    bench.submit(values=VALUES, keep={"weights": "best 2"}, objective={"metric": "val_score", "direction": "minimize"})
    bench.run(leaves_files(bench))
    bench.steps(1)
    assert holders(bench) == {0, 1}


def test_trials_without_the_objective_come_last(bench: Bench) -> None:
    bench.submit(values=VALUES, keep={"weights": "best 3"})
    bench.run(leaves_files(bench, lambda x: None if x > 4 else x))
    bench.steps(1)
    assert holders(bench) == {4, 3, 2}


def test_of_equal_ones_the_first_of_the_plan_stay(bench: Bench) -> None:
    bench.submit(values=VALUES, keep={"weights": "best 3"})
    bench.run(leaves_files(bench, lambda x: 0.5))
    bench.steps(1)
    assert holders(bench) == set(VALUES[:3])


def test_the_larger_wish_holds_where_sweeps_share_a_trial(bench: Bench) -> None:
    bench.submit(name="few", values=VALUES, keep={"weights": "best 1", "predictions": "none"})
    bench.submit(name="many", values=(0, 1, 9), keep={"weights": "all", "predictions": "all"})
    bench.run(leaves_files(bench))
    bench.steps(1)
    assert holders(bench) == {9, 0, 1}
    assert holders(bench, "predictions") == {9, 0, 1}


def test_each_sweep_has_a_best_of_its_own(bench: Bench) -> None:
    keep = {"weights": "best 2"}
    bench.submit(name="up", values=VALUES, keep=keep)
    down = {"metric": "val_score", "direction": "minimize"}
    bench.submit(name="down", values=VALUES, keep=keep, objective=down)
    bench.run(leaves_files(bench))
    bench.steps(1)
    assert holders(bench) == {9, 8, 0, 1}


def test_removing_the_sweep_that_kept_more_lets_go(bench: Bench) -> None:
    bench.submit(name="few", values=VALUES, keep={"weights": "best 1"})
    many = bench.submit(name="many", values=VALUES, keep={"weights": "all"})
    bench.run(leaves_files(bench))
    assert holders(bench) == set(VALUES)
    requests.append(bench.db, "remove", {"sweep": many}, bench.now)
    bench.steps(2)
    assert holders(bench) == {9}


def test_a_new_scheduler_goes_on_where_the_old_one_was(bench: Bench) -> None:
    sweep = bench.submit(values=VALUES, keep={"weights": "best 2"})
    outcome = leaves_files(bench)
    for _ in range(4):
        bench.steps(2)
        for worker, message in bench.begin_all():
            bench.executor.answer(worker, outcome(message))
        bench.steps(1)
        bench.restart()
    bench.run(outcome)
    bench.steps(1)
    assert holders(bench) == {9, 8}
    assert bench.counts(sweep) == {"succeeded": 10}


def test_a_crash_between_store_and_file_leaves_nothing_that_dangles(bench: Bench) -> None:
    bench.submit(values=(1, 2), keep={"weights": "best 1"})
    outcome = leaves_files(bench)
    bench.steps(2)
    for worker, message in bench.begin_all():
        bench.executor.answer(worker, outcome(message))
    for worker_id, message in bench.executor.receive(0):  # a scheduler that is gone before it deletes a file
        HANDLERS[message["kind"]](bench.scheduler, bench.scheduler.workers[worker_id], message, bench.now)
    assert keeping.pending(bench.db)
    assert verify(bench.db, bench.root, None)["problems"] == []
    bench.restart()
    assert not keeping.pending(bench.db)
    assert holders(bench) == {2}


def test_what_was_let_go_is_told(bench: Bench) -> None:
    bench.submit(values=(1, 2), keep={"weights": "best 1", "logs": "none"})
    bench.run(leaves_files(bench))
    trial = bench.db.execute("SELECT id FROM trials ORDER BY number").fetchone()["id"]
    document = show(bench.db, bench.root, trial)
    assert document["let_go"] == {"weights": "keep.weights: best 1", "logs": "keep.logs: none"}
    assert "its weights were let go: keep.weights: best 1" in show_text(document)
    kinds = [row["detail"] for row in bench.db.execute("SELECT detail FROM events WHERE kind = 'let_go'")]
    assert sorted(kinds) == ["keep.logs: none", "keep.logs: none", "keep.weights: best 1"]


def test_a_larger_wish_later_is_told_what_is_gone(bench: Bench) -> None:
    bench.submit(values=VALUES, keep={"weights": "best 2"})
    bench.run(leaves_files(bench))
    plan = small_plan(values=VALUES, keep={"weights": "best 5"})
    assert submit(bench.db, plan, {}, "python", bench.now).missing == {"weights": 3}


def test_failed_trials_keep_their_logs(bench: Bench) -> None:
    sweep = bench.submit(values=(1, 2), keep={"logs": "none"})
    failure = {"class": "user_code", "type": "E", "message": "no", "traceback": "", "group": "g"}

    def outcome(message: dict[str, Any]) -> dict[str, Any]:
        if message["recipe"]["model"]["x"] == 1:
            return {**good_result(message["trial"], 1, state="failed"), "error": failure}
        return leaves_files(bench)(message)

    bench.run(outcome)
    assert holders(bench, "logs") == {1}
    assert ledger.ledger(bench.db, sweep).finished


def test_a_trial_that_is_retried_is_ranked_by_its_new_result(bench: Bench) -> None:
    sweep = bench.submit(values=(1, 2, 3), keep={"weights": "best 1"})
    bench.run(leaves_files(bench, lambda x: None if x == 1 else x))
    requests.append(bench.db, "retry", {"sweep": sweep, "cause": "diverged"}, bench.now)
    bench.steps(1)
    bench.run(leaves_files(bench, lambda x: 10.0 * x))
    bench.steps(1)
    newest = read.trial(bench.db, bench.db.execute("SELECT id FROM trials ORDER BY number").fetchone()["id"])
    assert set(newest["result"]["artefacts"]) == {"weights", "predictions"}


def test_the_larger_of_several_wishes() -> None:
    wishes = [
        {"weights": "best 5", "predictions": "none"},
        {"weights": "best 12", "predictions": "none", "logs": "none"},
    ]
    assert larger(wishes) == {"weights": "best 12", "predictions": "none", "logs": "all"}
    assert size_of("none") < size_of("best 1") < size_of("best 10") < size_of("all")


@given(st.lists(st.one_of(st.none(), st.integers(0, 5)), min_size=1, max_size=12), st.integers(1, 4), st.randoms())
def test_the_order_in_which_results_come_does_not_matter(values: list[int | None], best: int, random: Any) -> None:
    """As a ranking sees it: those that fall one by one are those that are not among the best in the end."""
    orders = [
        (float("inf") if value is None else float(value), place, str(place)) for place, value in enumerate(values)
    ]
    ranking = keeping.Ranking(1, {"weights": f"best {best}"}, {"weights": float(best)}, "")
    shuffled = list(orders)
    random.shuffle(shuffled)
    fallen = [each.trial for order in shuffled for each in keeping.insert(ranking, order)]
    assert sorted(fallen) == sorted(order[2] for order in sorted(orders)[best:])
    assert ranking.best == sorted(orders)[:best]
