from __future__ import annotations

import importlib
import json
import math
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.all import ON_JAX, WITH_PEERS
from benchmarks.commands import SPECS, python, run
from benchmarks.fused import clock, command, distributions, flops, gpu, soak, trials
from benchmarks.fused.arms import ARMS
from benchmarks.fused.estimate import Done, Timing, extrapolated, middle, read_done

ROOT = Path(__file__).parents[2]
SIZES = {"mlps": 1024, "cnns": 256, "gru": 256, "transformer": 256, "shapes": 1024, "ragged": 256, "preparations": 1024}
NETWORKS: list[tuple[dict[str, Any], tuple[int, ...]]] = [
    ({"architecture": "mlp", "hidden": [64, 64]}, (8, 8, 1)),
    ({"architecture": "cnn", "filters": [16, 32], "kernel_size": 3, "pool_size": 2, "hidden": [8]}, (8, 8, 1)),
    ({"architecture": "gru", "units": [32, 16]}, (16, 8)),
    ({"architecture": "transformer", "width": 32, "depth": 2, "heads": 4, "hidden": 64}, (16, 8)),
]


def timing(total_s: float, waste: float = math.nan) -> Timing:
    return Timing(0.0, total_s, total_s, total_s, math.nan, math.nan, waste=waste)


def done(time: float, process: int = 1) -> Done:
    return Done(time, time / 2, process, 0.9, 10)


def workload(name: str) -> command.Workload:
    found: command.Workload = importlib.import_module(f"benchmarks.{name}").WORKLOAD
    return found


# ---- from a sample to all


def test_start_up_counts_once() -> None:
    found = extrapolated(100.0, [done(110.0 + 2 * i) for i in range(5)], slots=1, trials=100)
    assert (found.start_s, found.each_s, found.cpu_s) == (10.0, 2.0, 1.0)
    assert found.total_s == 10 + 99 * 2


def test_start_up_ends_when_each_slot_has_done_a_trial() -> None:
    said = [done(110.0, 1), done(111.0, 2), done(112.0, 1), done(113.0, 2), done(115.0, 1)]
    found = extrapolated(100.0, said, slots=2, trials=12)
    assert (found.start_s, found.each_s, found.total_s) == (11.0, 4 / 3, pytest.approx(11 + 10 * 4 / 3))
    assert found.cpu_s == pytest.approx(((115 - 110) / 2 + (113 - 111) / 2) / 3)


def test_too_few_trials_are_multiplied() -> None:
    found = extrapolated(100.0, [done(110.0), done(112.0)], slots=1, trials=10)
    assert (found.start_s, found.each_s, found.total_s) == (0.0, 6.0, 60.0)


def test_what_is_not_known_stays_so() -> None:
    found = middle([timing(3.0), timing(1.0), timing(2.0)])
    assert found.total_s == 2.0 and math.isnan(found.accuracy)


def test_a_sample_has_no_trial_twice_and_is_the_same_each_time() -> None:
    listed = [{"seed": number} for number in range(100)]
    drawn = trials.sample(listed, 10)
    assert len({each["seed"] for each in drawn}) == 10 and drawn == trials.sample(listed, 10)
    assert len(trials.sample(listed[:4], 10)) == 4


# ---- the roofline


def test_the_products_of_a_perceptron_by_hand() -> None:
    macs = 64 * 64 + 64 * 64 + 64 * 10
    assert flops.products_of(*NETWORKS[0], classes=10) == (macs, 64 * 64, macs + 64 + 64 + 10)
    recipe = {"model": NETWORKS[0][0], "train": {"batch_size": 32}}
    training, validation = 2 * 1437 * (3 * macs - 64 * 64), 2 * 360 * macs
    assert flops.epoch_flops(recipe, (8, 8, 1), 10, 1437, 360) == training + validation + 45 * 14 * (macs + 138)


@pytest.mark.slow
@pytest.mark.parametrize(("model", "shape"), NETWORKS)
def test_the_weights_that_are_counted_are_those_of_the_model(model: dict[str, Any], shape: tuple[int, ...]) -> None:
    module = importlib.import_module(f"blueno.ml.architectures.{model['architecture']}")
    given = {name: value for name, value in model.items() if name != "architecture"}
    built = module.build(shape, 10, "softmax", **given)
    assert flops.products_of(model, shape, 10).weights == built.count_params()


# ---- workloads


@pytest.mark.parametrize("name", WITH_PEERS)
def test_a_workload_has_its_size_and_a_tiny_one(name: str, tmp_path: Path) -> None:
    found = workload(name)
    assert name == f"fused.{found.name}" and set(found.arms) <= set(ARMS)
    spec = SPECS / "fused" / f"{found.name}.yaml"
    assert len(trials.planned(spec, {}, tmp_path).trials) == SIZES[found.name]
    assert 2 <= len(trials.planned(spec, found.tiny, tmp_path).trials) <= 16


@pytest.mark.parametrize("name", WITH_PEERS)
def test_targets_say_whether_they_are_met(name: str) -> None:
    found = workload(name)
    quick = {arm: timing(1.0 if arm == "ours" else 1000.0, waste=0.0) for arm in found.arms}
    slow = {arm: timing(1.0, waste=0.5) for arm in found.arms}
    assert all(said.endswith("(met)") for said in found.targets(quick))
    assert all(said.endswith("(missed)") for said in found.targets(slow))
    assert all(said.endswith("(not measured)") for said in found.targets({}))


def test_the_best_peer_counts() -> None:
    medians = {"ours": timing(2.0), "ray-jax": timing(300.0), "optuna-jax": timing(250.0), "fit-jax": timing(10.0)}
    assert "Optuna, JAX; it is 125.0 times (met)" in command.times_best(medians, ("peer",), 100)


def test_the_command_line_changes_sizes() -> None:
    options = command._options(
        ["--arms", "ours,fit-jax", "--set", "seeds=2", "--set", "train.epochs=3", "--sample", "4"]
    )
    assert options == command.Options(False, 3, 4, ("ours", "fit-jax"), {"seeds": 2, "train.epochs": 3})
    assert command._options(["--quick"]).rounds == 1


def test_an_unknown_arm_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command._options(["--arms", "hyperopt"])
    assert "no arm is called hyperopt; there are: ours, ray-jax" in capsys.readouterr().err


def test_epochs_that_differ_are_told() -> None:
    medians = {"ours": timing(1.0)._replace(epochs=20.0), "fit-jax": timing(9.0)._replace(epochs=25.5)}
    assert "ours 20.0 of all trials, peers 25.5 to 25.5" in command._of_epochs(medians)[0]
    assert command._of_epochs(dict.fromkeys(medians, timing(1.0)._replace(epochs=10.0))) == []


# ---- what the engine tells of its programs


def test_time_outside_programs_and_lanes_for_nobody(tmp_path: Path) -> None:
    lines = [
        {"program": "train", "seconds": 2.0, "lanes": 3, "computed": 4},
        {"program": "score", "seconds": 0.5, "lanes": 3, "computed": 4},
        {"program": "train", "seconds": 1.5, "lanes": 1, "computed": 4},
    ]
    (tmp_path / "1.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines[:2]))
    (tmp_path / "2.jsonl").write_text(json.dumps(lines[2]) + "\n")
    ran = clock.read_clock(tmp_path)
    assert clock.in_programs_s(ran, 2) == 2.0 and clock.lane_waste(ran) == 0.5
    assert math.isnan(clock.in_programs_s([], 2)) and math.isnan(clock.lane_waste([]))


def test_the_variable_is_the_engine_s() -> None:
    pytest.importorskip("jax")
    source = (ROOT / "ml" / "engines" / "fused" / "clocking.py").read_text()
    assert f'VARIABLE = "{clock.CLOCK}"' in source


# ---- those without peers


def test_a_worker_is_seen_as_it_was_before_each_trial_ended() -> None:
    looks = [soak.Look(float(time), 1, time * 10) for time in range(1, 6)]
    assert soak.at_times(looks, [0.5, 1.0, 1.9, 4.2, 9.0]) == [10, 10, 10, 40, 50]


def test_holm_by_hand() -> None:
    assert distributions.holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert distributions.holm([0.9, 0.8]) == [1.0, 1.0]


def test_equal_samples_are_not_told_apart_and_others_are() -> None:
    import numpy as np

    random = np.random.default_rng(0)
    one, other = random.normal(size=32), random.normal(size=32)
    found = distributions.compared(one, other, 6)
    assert min(found.mean_p, found.shape_p) > 0.05 and found.strict_shift > found.shift
    apart = distributions.compared(one, other + 2.0, 6)
    assert max(apart.mean_p, apart.shape_p) < 0.001


def test_four_seeds_find_nothing_at_a_strict_level() -> None:
    import numpy as np

    sample = np.array([0.1, 0.2, 0.3, 0.5])
    assert math.isinf(distributions.detectable_shift(sample, sample, 0.01))


def test_the_shift_that_is_found_is_that_of_the_t_test_where_deviations_are_normal() -> None:
    import numpy as np
    from scipy.stats import nct, norm, t

    sample = norm.ppf((np.arange(32) + 0.5) / 32)

    def power(shift: float) -> float:
        return float(nct.sf(t.ppf(0.975, 62), 62, shift * np.sqrt(16)))

    assert power(distributions.detectable_shift(sample, sample, 0.05)) == pytest.approx(0.8, abs=0.05)


def test_what_lanes_do_not_take_goes_to_launches() -> None:
    runs = [gpu.Run("mlps", "vmap", lanes, 1.0 + 0.1 * lanes, 45, 1.0) for lanes in (1, 64, 256)]
    assert gpu.lane_s(runs) == pytest.approx(0.1)
    assert gpu.launching(runs[0], 0.1) == pytest.approx(1.0 / 1.1)
    assert gpu.launching(gpu.Run("mlps", "map", 8, 0.4, 45, 1.0), 0.1) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("name", ON_JAX)
def test_a_benchmark_on_jax_runs_in_a_tiny_size(name: str) -> None:
    pytest.importorskip("jax")
    command = python("-m", f"benchmarks.{name}", "--quick")
    lines = run(command, variables={"JAX_PLATFORMS": "cpu"}).output.splitlines()
    assert f"`python -m benchmarks.{name} --quick`" in lines
    assert sum(line.startswith("| ") for line in lines) >= 4
    assert name != "fused.gpu" or any("no GPU was there" in line for line in lines)


# ---- what runs in the peers' environment


def handed_over(name: str, folder: Path) -> list[trials.Recipe]:
    plan = trials.planned(SPECS / "fused" / f"{name}.yaml", workload(f"fused.{name}").tiny, folder)
    listed = trials.recipes(plan)
    trials.hand_over(listed, trials.prepare(plan, folder / "prepared"), folder)
    return listed


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gru", "ragged"])
def test_a_loop_trains_blueno_s_list(name: str, tmp_path: Path) -> None:
    listed = handed_over(name, tmp_path)
    run(python("-m", "benchmarks.fused.peers.loop", tmp_path))
    said = read_done(tmp_path)
    assert len(said) == len(listed) and all(0 < each.accuracy <= 1 and each.cpu_s > 0 for each in said)
    assert {each.epochs for each in said} == {listed[0]["train"]["epochs"]}


@pytest.mark.slow
@pytest.mark.parametrize("mask", ["threefry", "hashed"])
def test_the_loop_by_hand_learns(mask: str, tmp_path: Path) -> None:
    pytest.importorskip("jax")
    import numpy as np

    listed = handed_over("mlps", tmp_path)
    listed = [{**each, "train": {**each["train"], "epochs": 8}} for each in listed]
    (tmp_path / "trials.json").write_text(json.dumps(listed))
    found = run(
        [sys.executable, "-m", "benchmarks.fused.peers.jax_by_hand", tmp_path, "2", "vmap", mask],
        variables={"JAX_PLATFORMS": "cpu"},
    )
    assert sum(each["trials"] for each in json.loads(found.output.splitlines()[-1])) == len(listed)
    packs = sorted(tmp_path.glob("pack-*.npz"))
    assert len(packs) == min(len(listed), os.cpu_count() or 1)
    with np.load(packs[0]) as left:
        assert left["history"].shape == (2, 8, 4) and left["history"][:, -1, 3].min() > 0.8
