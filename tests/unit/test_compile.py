"""What a spec compiles to: identity, defaults, kinds of model, replicates, files. Order and counts are tested against
brute force and by the example specs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from blueno.canonical import canonical, digest_text
from blueno.errors import SpecErrors
from blueno.planning import Plan

from .specs import DATA, FUNCTION, NETWORK, compiled, params


def recipe(plan: Plan, number: int = 0) -> Any:
    return json.loads(plan.trials[number].recipe)


MLP = NETWORK + "model: {architecture: mlp}\n"
SVC = NETWORK + "model: {estimator: 'sklearn.svm:SVC'}\n"


# ---- identity


def test_ids_are_what_they_were(tmp_path: Path) -> None:
    plan = compiled(MLP + "preprocess: [scale]\ntrain: {epochs: 3}\n", tmp_path)
    assert plan.datasets[0].id == "e03051f10c69082d5d1a4a8de5d679f4eaec8769a47113f9a1d23db0fcb5232e"
    assert plan.configs[0].id == "f74103288d7e23ded7b85dc952a2eaa3df4f1a92565a2c2a5f389d6975d3311a"
    assert plan.trials[0].id == "2918705c694505b356dc66f3ec02670dfc2edfd6e703999a05d0c452dc9e20d2"


def test_ids_are_hashes_of_canonical_json(tmp_path: Path) -> None:
    plan = compiled(MLP + "preprocess: [scale, pca]\naugment: [random_flip]\nseeds: 2\n", tmp_path)
    for trial in plan.trials:
        assert canonical(json.loads(trial.recipe)) == trial.recipe
        assert digest_text(trial.recipe) == trial.id
    (dataset,) = plan.datasets
    assert canonical(json.loads(dataset.recipe)) == dataset.recipe
    assert digest_text(dataset.recipe) == dataset.id


def test_a_config_is_its_trial_without_the_replicate(tmp_path: Path) -> None:
    text = SVC.replace("test: 0.2, validation: 0.2", "folds: 3") + "seeds: 2\n"
    plan = compiled(text, tmp_path)
    without_seed = {key: value for key, value in recipe(plan).items() if key != "seed"}
    dataset = {key: value for key, value in json.loads(plan.datasets[0].recipe).items() if key != "fold"}
    assert digest_text(canonical(without_seed | {"dataset": dataset})) == plan.configs[0].id


def test_a_recipe_has_every_key_of_train(tmp_path: Path) -> None:
    assert recipe(compiled(MLP, tmp_path))["train"] == {
        "optimizer": {"adam": {}}, "learning_rate": 0.001, "loss": None, "batch_size": 32, "epochs": 10,
        "early_stopping": None, "reduce_on_plateau": None, "class_weight": None, "mixed_precision": False,
        "select": None, "stages": None,
    }  # fmt: skip


def test_values_take_the_type_that_is_known(tmp_path: Path) -> None:
    text = MLP + "train: {epochs: 1e1, learning_rate: 1, early_stopping: {patience: 2.0, min_delta: 0}}\n"
    train = recipe(compiled(text, tmp_path))["train"]
    assert '"epochs":10,' in canonical(train)
    assert '"learning_rate":1.0,' in canonical(train)
    assert '"min_delta":0.0,"monitor":"val_loss","patience":2}' in canonical(train)


def test_parameters_of_third_parties_count_as_written(tmp_path: Path) -> None:
    text = NETWORK + "model: {estimator: 'sklearn.svm:SVC', C: {grid: [1.0, 2]}}\ntrain: {optimizer: adamw}\n"
    plan = compiled(text, tmp_path)
    assert [recipe(plan, i)["model"] for i in (0, 1)] == [
        {"estimator": "sklearn.svm:SVC", "C": 1.0},
        {"estimator": "sklearn.svm:SVC", "C": 2},
    ]
    assert recipe(plan)["train"] is None
    assert recipe(plan)["code"] == {}


def test_what_a_sweep_says_about_itself_changes_no_id(tmp_path: Path) -> None:
    plain = compiled(MLP, tmp_path)
    words = "tags: [a]\nnotes: b\nmetrics: [f1]\nkeep: {weights: none}\nresources: {cpus: 2}\nbaseline: {model: mlp}\n"
    other = compiled(MLP.replace("name: x", "name: y").replace("accuracy", "f1") + words, tmp_path)
    assert [trial.id for trial in other.trials] == [trial.id for trial in plain.trials]
    assert other.baseline == other.configs[0].id


@pytest.mark.parametrize(
    "change",
    ["train: {epochs: 11}", "preprocess: [scale]", "augment: [random_flip]", "seeds: [1]", "train: {loss: poisson}"],
)
def test_what_is_computed_changes_the_id(change: str, tmp_path: Path) -> None:
    assert compiled(MLP, tmp_path).trials[0].id != compiled(MLP + change + "\n", tmp_path).trials[0].id


def test_comments_in_code_change_no_id_and_code_does(tmp_path: Path) -> None:
    text = FUNCTION + "model: {function: 'job.py:train'}\n"
    (tmp_path / "job.py").write_text("def train(trial):\n    return {'score': 1}\n")
    before = compiled(text, tmp_path)
    (tmp_path / "job.py").write_text("# why\ndef train(trial):\n    '''Trains.'''\n    return {'score': 1}\n")
    commented = compiled(text, tmp_path)
    (tmp_path / "job.py").write_text("def train(trial):\n    return {'score': 2}\n")
    changed = compiled(text, tmp_path)
    assert before.trials[0].id == commented.trials[0].id != changed.trials[0].id
    assert before.snapshot.key != changed.snapshot.key


# ---- kinds of model


def test_defaults_of_a_function_are_filled_in(tmp_path: Path) -> None:
    plan = compiled(FUNCTION + "model: {function: 'job.py:train', free: [1, {a: null}], rate: 1}\n", tmp_path)
    assert recipe(plan)["model"] == {
        "function": "job.py:train", "free": [1, {"a": None}], "rate": 1.0, "mode": "fast",
    }  # fmt: skip
    assert params(plan, "model") == [{"function": "job.py:train", "free": [1, {"a": None}], "rate": 1}]
    assert (recipe(plan)["train"], recipe(plan)["augment"], recipe(plan)["dataset"]) == (None, [], None)


def test_a_function_is_handed_train_as_written(tmp_path: Path) -> None:
    plan = compiled(FUNCTION + "model: {function: 'job.py:train'}\ntrain: {epochs: 5, optimizer: sgd}\n", tmp_path)
    assert recipe(plan)["train"] == {"epochs": 5, "optimizer": {"sgd": {}}}


def test_train_does_not_exist_for_an_estimator(tmp_path: Path) -> None:
    text = SVC + "train: {epochs: {grid: [1, 2, 3]}}\naugment: [{one_of: [none, random_flip]}]\n"
    plan = compiled(text, tmp_path)
    assert (len(plan.configs), plan.duplicates) == (1, 5)
    assert set(plan.configs[0].params) == {"data", "model"}


def test_a_parameter_under_params_is_the_same_parameter(tmp_path: Path) -> None:
    text = NETWORK + "model: {estimator: 'sklearn.svm:SVC', one_of: [{C: 2.0}, {params: {C: 2.0}}]}\n"
    plan = compiled(text, tmp_path)
    assert (len(plan.configs), plan.duplicates) == (1, 1)


def test_a_clashing_parameter_stays_under_params(tmp_path: Path) -> None:
    model = "{estimator: 'sklearn.ensemble:BaggingClassifier', max_samples: 0.5, n_estimators: 3,"
    inner = " params: {estimator: {estimator: 'sklearn.tree:DecisionTreeClassifier', max_depth: {grid: [1, 2]}}}}\n"
    plan = compiled(NETWORK + "model: " + model + inner, tmp_path)
    assert [recipe(plan, i)["model"]["params"]["estimator"]["max_depth"] for i in (0, 1)] == [1, 2]
    assert list(recipe(plan)["model"]) == ["estimator", "max_samples", "n_estimators", "params"]
    assert params(plan, "model", "params", "estimator", "max_depth") == [1, 2]


def test_an_axis_may_name_the_model(tmp_path: Path) -> None:
    plan = compiled(NETWORK + "model: {architecture: {grid: [mlp, cnn]}, dropout: 0.1}\n", tmp_path)
    assert [recipe(plan, i)["model"]["architecture"] for i in (0, 1)] == ["mlp", "cnn"]
    assert plan.axes == [{"path": "model.architecture", "values": ["mlp", "cnn"]}]


# ---- replicates


def test_an_estimator_without_a_seed_has_one_replicate_a_fold(tmp_path: Path) -> None:
    text = NETWORK.replace("test: 0.2, validation: 0.2", "folds: 3, repeats: 2")
    plan = compiled(text + "seeds: 5\nmodel: {estimator: 'sklearn.naive_bayes:GaussianNB'}\n", tmp_path)
    assert [(trial.seed, trial.fold) for trial in plan.trials] == [(None, fold) for fold in range(6)]
    assert plan.warnings == [
        "sklearn.naive_bayes:GaussianNB takes no seed (it has no random_state), so there is one replicate a fold"
    ]


def test_an_estimator_with_a_seed_inside_has_seeds(tmp_path: Path) -> None:
    model = "{estimator: 'sklearn.multiclass:OneVsRestClassifier', params: {estimator: {estimator: 'sklearn.svm:SVC'}}}"
    plan = compiled(NETWORK + f"seeds: 2\nmodel: {model}\n", tmp_path)
    assert [trial.seed for trial in plan.trials] == [0, 1]


def test_each_fold_has_a_dataset_that_all_seeds_share(tmp_path: Path) -> None:
    plan = compiled(MLP.replace("test: 0.2, validation: 0.2", "folds: 3") + "seeds: 2\n", tmp_path)
    assert [(trial.seed, trial.fold) for trial in plan.trials] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert len(plan.datasets) == len({trial.dataset_id for trial in plan.trials}) == 3


# ---- data


def test_a_group_counts_the_same_wherever_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a,p,y\n1,1,0\n")
    source = "source: {csv: table.csv}, target: y"
    texts = [
        f"data: {{{source}, group: p, split: {{validation: 0.2}}}}\n",
        f"data: {{{source}, split: {{validation: 0.2, group: p}}}}\n",
    ]
    ids = {compiled(MLP.replace(DATA, text), tmp_path).trials[0].id for text in texts}
    assert len(ids) == 1


def test_a_file_counts_by_its_content_wherever_it_is(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "table.csv").write_text("a,y\n1,0\n")
    text = MLP.replace(DATA, "data: {source: {csv: table.csv}, target: y, split: {validation: 0.2}}\n")
    one, two = (compiled(text, tmp_path / folder) for folder in ("one", "two"))
    assert one.trials == two.trials
    ((sha, path),) = one.files.items()
    assert path == str(tmp_path / "one" / "table.csv")
    source = json.loads(one.datasets[0].recipe)["source"]
    assert (source["params"]["path"], source["fingerprint"]) == ({"file": sha}, sha)
    (tmp_path / "two" / "table.csv").write_text("a,y\n1,1\n")
    assert compiled(text, tmp_path / "two").trials[0].id != one.trials[0].id


def test_a_template_is_filled_in_for_each_replicate(tmp_path: Path) -> None:
    for seed in (0, 1):
        (tmp_path / f"w{seed}.npz").write_text(str(seed))
    plan = compiled(FUNCTION + "seeds: 2\nmodel: {function: 'job.py:train', w: {file: 'w{seed}.npz'}}\n", tmp_path)
    files = [recipe(plan, i)["model"]["w"]["file"] for i in (0, 1)]
    assert [plan.files[sha] for sha in files] == [str(tmp_path / f"w{seed}.npz") for seed in (0, 1)]
    assert params(plan, "model", "w") == ["w{seed}.npz"]
    assert all(digest_text(trial.recipe) == trial.id for trial in plan.trials)


def test_templates_of_the_same_contents_are_one_config(tmp_path: Path) -> None:
    for name in ("a0", "b0"):
        (tmp_path / name).write_text("same")
    text = FUNCTION + "model: {function: 'job.py:train', one_of: [{w: {file: 'a{seed}'}}, {w: {file: 'b{seed}'}}]}\n"
    plan = compiled(text, tmp_path)
    assert (len(plan.configs), plan.duplicates) == (1, 1)


# ---- choices


def test_references_follow_their_target(tmp_path: Path) -> None:
    model = "{function: 'job.py:train', a: {grid: [1, 2]}, b: {ref: model.a}, c: [{ref: model.b}, {ref: train.epochs}]}"
    plan = compiled(FUNCTION + f"model: {model}\ntrain: {{epochs: {{grid: [7, 8]}}}}\n", tmp_path)
    assert params(plan, "model", "b") == [1, 1, 2, 2]
    assert [recipe(plan, i)["model"]["c"] for i in range(4)] == [[1, 7], [1, 8], [2, 7], [2, 8]]


def test_a_second_step_of_a_name_has_a_number(tmp_path: Path) -> None:
    steps = "preprocess: [{one_of: [none, scale]}, {pca: {}}, {scale: {method: {grid: [minmax, maxabs]}}}]\n"
    pattern = "exclude: [{preprocess.scale#2.method: minmax}]\n"
    plan = compiled(MLP + steps + pattern, tmp_path)
    assert (len(plan.configs), plan.excluded) == (3, 1)
    assert [axis["path"] for axis in plan.axes] == ["preprocess[0]", "preprocess.scale#2.method"]


def test_names_of_alternatives_are_values_of_their_path(tmp_path: Path) -> None:
    alternatives = "{one_of: [{as: slow, sgd: {momentum: 0.9}}, {adam: {}}, rmsprop]}"
    text = MLP + f"train: {{optimizer: {alternatives}}}\nexclude: [{{train.optimizer: {{in: [slow, adam]}}}}]\n"
    plan = compiled(text, tmp_path)
    assert params(plan, "train", "optimizer") == ["rmsprop"]
    assert plan.axes == [{"path": "train.optimizer", "values": ["slow", "adam", "rmsprop"]}]


def test_nested_arms_have_a_path_each(tmp_path: Path) -> None:
    inner = "{as: b, one_of: [{as: x, train: {epochs: 2}}, {as: y, train: {epochs: 3}}]}"
    plan = compiled(MLP + f"one_of: [{{as: a, train: {{epochs: 1}}}}, {inner}]\n", tmp_path)
    assert params(plan, "train", "epochs") == [1, 2, 3]
    assert params(plan, "arm") == ["a", "b", "b"]
    assert plan.axes == [{"path": "arm", "values": ["a", "b"]}, {"path": "arm#2", "values": ["x", "y"]}]


def test_a_pattern_that_drops_nothing_is_a_warning(tmp_path: Path) -> None:
    plan = compiled(
        MLP + "train: {epochs: {grid: [1, 2]}}\nexclude: [{train.epochs: 2}, {train.epochs: 3}]\n", tmp_path
    )
    (warning,) = plan.warnings
    assert warning.endswith("spec.yaml:7:30: this pattern of exclude drops nothing")


def test_a_million_configs_are_refused_by_arithmetic(tmp_path: Path) -> None:
    axes = ", ".join(f"a{i}: {{range: [1, 10, 1]}}" for i in range(30))
    with pytest.raises(SpecErrors, match=f"{10**30} configs are more than the 1000000"):
        compiled(FUNCTION + f"model: {{function: 'job.py:train', {axes}}}\n", tmp_path)


def test_a_pattern_may_compare_a_name_with_a_parameter(tmp_path: Path) -> None:
    model = "{one_of: [{as: small, function: 'job.py:train'}, {as: big, function: 'job.py:train'}],"
    text = (
        FUNCTION + f"model: {model} size: {{grid: [small, big]}}}}\nexclude: [{{model: {{ne: {{ref: model.size}}}}}}]\n"
    )
    plan = compiled(text, tmp_path)
    assert (len(plan.configs), plan.excluded, params(plan, "model", "size")) == (2, 2, ["small", "big"])


def test_a_baseline_is_one_config(tmp_path: Path) -> None:
    for seed in (0, 1):
        (tmp_path / f"w{seed}").write_text(str(seed))
    model = "{function: 'job.py:train', w: {file: 'w{seed}'}, a: {grid: [1, 2]}}"
    plan = compiled(FUNCTION + f"seeds: 2\nmodel: {model}\nbaseline: {{model.a: 2}}\n", tmp_path)
    assert plan.baseline == plan.configs[1].id


def test_alternatives_of_one_name_have_it_as_their_value(tmp_path: Path) -> None:
    text = (
        MLP + "train: {optimizer: {one_of: [adam, {adam: {beta_1: 0.8}}, sgd]}}\nexclude: [{train.optimizer: adam}]\n"
    )
    plan = compiled(text, tmp_path)
    assert (params(plan, "train", "optimizer"), plan.excluded) == (["sgd"], 2)
    assert plan.axes == [{"path": "train.optimizer", "values": ["adam", "adam#2", "sgd"]}]


def test_an_arm_may_give_more_parameters_of_what_the_common_part_names(tmp_path: Path) -> None:
    arms = "one_of: [{train: {optimizer: {adam: {beta_1: 0.8}}}}, {train: {epochs: 2}}]\n"
    plan = compiled(MLP + arms + "train: {optimizer: {adam: {beta_2: 0.9}}}\n", tmp_path)
    assert params(plan, "train", "optimizer") == [{"adam": {"beta_2": 0.9, "beta_1": 0.8}}, {"adam": {"beta_2": 0.9}}]


@pytest.mark.parametrize(
    ("operand", "left"), [("[{ref: model.b}, 3]", [1, 2]), ("[{ref: train.epochs}]", [1, 1, 2, 2, 3, 3])]
)
def test_a_pattern_may_list_references(operand: str, left: list[int], tmp_path: Path) -> None:
    model = "model: {function: 'job.py:train', a: {grid: [1, 2, 3]}, b: {grid: [1, 2]}}\n"
    patterns = f"exclude: [{{model.a: {{in: {operand}}}}}, {{train.epochs: {{exists: true}}}}]\n"
    plan = compiled(FUNCTION + model + "train: {one_of: [none, {epochs: 9}]}\n" + patterns, tmp_path)
    assert params(plan, "model", "a") == left


def test_a_reference_on_an_axis_is_shown_as_written(tmp_path: Path) -> None:
    plan = compiled(MLP + "train: {epochs: 5, batch_size: {grid: [{ref: train.epochs}, 7]}}\n", tmp_path)
    assert plan.axes == [{"path": "train.batch_size", "values": [{"ref": "train.epochs"}, 7]}]
    assert params(plan, "train", "batch_size") == [5, 7]


def test_more_seeds_leave_the_id_of_a_config_with_a_file_for_each_fold_alone(tmp_path: Path) -> None:
    for name in ("f0", "f1", "s0", "s1", "s2"):
        (tmp_path / name).write_text(name)
    data = "data: {source: {sklearn: digits}, split: {folds: 2}}\n"
    ids = {}
    for template in ("f{fold}", "s{seed}"):
        model = f"model: {{function: 'job.py:train', w: {{file: '{template}'}}}}\n"
        plans = [compiled(FUNCTION + data + model + f"seeds: {seeds}\n", tmp_path) for seeds in (2, 3)]
        assert {trial.id for trial in plans[0].trials} < {trial.id for trial in plans[1].trials}
        ids[template] = {plan.configs[0].id for plan in plans}
    assert (len(ids["f{fold}"]), len(ids["s{seed}"])) == (1, 2)
