"""Reading a spec: files, overrides, and that everything wrong is said at once. Messages are tested by the corpus."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from blueno.errors import SpecErrors
from blueno.planning import compile_spec
from blueno.sizes import bytes_of
from blueno.spec import load
from blueno.spec.metrics import METRICS, read_name
from blueno.spec.words import seconds_of

from .specs import NETWORK, compiled, loaded, params

MLP = NETWORK + "model: {architecture: mlp}\n"


def test_a_missing_file_names_those_beside_it(tmp_path: Path) -> None:
    (tmp_path / "digits.yaml").write_text(MLP)
    with pytest.raises(SpecErrors) as error:
        load(tmp_path / "digit.yaml")
    (problem,) = error.value.problems
    assert (problem.message, problem.line, problem.column) == (
        "the file cannot be read: No such file or directory",
        1,
        1,
    )
    assert "digits.yaml" in problem.fix


def test_a_folder_names_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "digits.yaml").write_text(MLP)
    with pytest.raises(SpecErrors, match="this is a folder") as error:
        load(tmp_path)
    assert "digits.yaml" in error.value.problems[0].fix


def test_a_text_that_is_not_utf_8_is_marked_at_the_byte(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_bytes(b"version: 1\nname: \xff\n")
    with pytest.raises(SpecErrors, match="not UTF-8") as error:
        load(tmp_path / "spec.yaml")
    assert error.value.problems[0][1:3] == (2, 7)


def test_a_byte_order_mark_and_dos_lines_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_bytes(b"\xef\xbb\xbf" + MLP.replace("\n", "\r\n").encode())
    assert len(compile_spec(load(tmp_path / "spec.yaml", root=tmp_path), tmp_path).configs) == 1


def test_overrides_are_set_in_order(tmp_path: Path) -> None:
    overrides = ("train.epochs=5", "seeds=[4]", "train.epochs={grid: [6, 7]}", "name=y")
    plan = compiled(MLP, tmp_path, *overrides)
    assert params(plan, "train", "epochs") == [6, 7]
    assert (plan.name, plan.seeds) == ("y", [4])


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("train.optimizer.sgd.momentum=0.5", ("train", "optimizer"), {"sgd": {"momentum": 0.5}}),
        ("train.early_stopping.patience=2", ("train", "early_stopping"), {"patience": 2}),
        ("preprocess.scale.method=minmax", ("preprocess",), [{"scale": {"method": "minmax"}}]),
        ("model.dropout=0.5", ("model", "dropout"), 0.5),
        ("data.split={folds: 3}", ("data", "split"), {"folds": 3}),
        ("augment=[random_flip]", ("augment",), ["random_flip"]),
    ],
)
def test_an_override_sets_its_path(override: str, path: tuple[str, ...], value: object, tmp_path: Path) -> None:
    plan = compiled(MLP + "preprocess: [scale]\ntrain: {optimizer: sgd}\n", tmp_path, override)
    assert params(plan, *path) == [value]


def test_a_plan_keeps_the_text_it_came_from(tmp_path: Path) -> None:
    plan = compiled("# why\n" + MLP, tmp_path)
    assert plan.spec_text == "# why\n" + MLP
    assert plan.spec_file == str(tmp_path / "spec.yaml")


def test_problems_come_in_the_order_of_the_text(tmp_path: Path) -> None:
    with pytest.raises(SpecErrors) as error:
        loaded(
            "version: 2\nname: 'a b'\nobjective: {maximize: val_loss}\nmodel: {architecture: mpl}\nfoo: 1\n", tmp_path
        )
    places = [(problem.line, problem.column) for problem in error.value.problems]
    assert places == sorted(places)
    assert [line for line, _ in places] == [1, 2, 3, 4, 4, 5]


def test_words_are_read(tmp_path: Path) -> None:
    text = MLP + "resources: {gpus: 0.5, memory: 24GB, time: 1h30m}\nkeep: {weights: all}\nnotes: n\ntags: [t]\n"
    words = loaded(text, tmp_path).words
    assert words.resources == {"gpus": 0.5, "memory_bytes": 24 * 10**9, "time_s": 5400.0}
    assert words.keep == {"weights": "all", "predictions": "all", "logs": "all"}
    assert (words.name, words.notes, words.tags, words.seeds) == ("x", "n", ["t"], [0])


@pytest.mark.parametrize(
    ("text", "value"), [("24GB", 24 * 10**9), ("1.5MiB", 1572864), ("3B", 3), ("2kB", 2000), ("3", None), ("GB", None)]
)
def test_sizes(text: str, value: int | None) -> None:
    assert bytes_of(text) == value


@pytest.mark.parametrize(
    ("text", "value"), [("6h", 21600), ("1d 2h", 93600), ("90m", 5400), ("5s", 5), ("5", None), ("", None)]
)
def test_times(text: str, value: int | None) -> None:
    assert seconds_of(text) == value


def test_metrics_go_by_their_standard_names(tmp_path: Path) -> None:
    text = MLP.replace("val_accuracy", "val_auc") + "metrics: [sensitivity, {f1: {as: own}}, 'job.py:train']\n"
    spec = loaded(text + "train: {select: {best: val_kappa}}\n", tmp_path)
    assert spec.objective == {"metric": "val_roc_auc", "direction": "maximize"}
    assert spec.metrics == ["recall", {"f1": {"as": "own"}}, "job.py:train"]


def test_names_of_metrics_are_taken_apart() -> None:
    assert read_name("train_mae") == ("train", "mean_absolute_error")
    assert read_name("val_neg_log_loss") == ("val", "log_loss")
    assert read_name("valley") == ("", "valley")
    aliases = [alias for metric in METRICS.values() for alias in metric.aliases]
    assert len(aliases) == len(set(aliases) - METRICS.keys())


def test_planning_imports_no_heavy_library(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        MLP + "preprocess: [scale, 'sklearn.decomposition:NMF']\ntrain: {optimizer: adamw}\n"
    )
    program = (
        "import sys; from pathlib import Path; from blueno.spec import load; from blueno.planning import compile_spec;"
        f"compile_spec(load({str(tmp_path / 'spec.yaml')!r}, root=Path({str(tmp_path)!r})), Path({str(tmp_path)!r}));"
        "print([name for name in ('numpy', 'keras', 'sklearn', 'pandas', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
