"""Signatures of what a spec names: built-ins, the user's files, libraries."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from blueno.spec.installed import GENERATED, generated, installed_version
from blueno.spec.signatures import OPAQUE, REQUIRED, Folders, Signature, UnknownName, signature_of
from blueno.spec.types import ANY, INT, NULL, Type, check, union_of

NETS = '''
import dataclasses
import functools
import keras
from dataclasses import dataclass, field
from annotated_types import Ge
from typing import Annotated, Literal
from sklearn.svm import SVC
from sklearn.base import BaseEstimator
from layers import Block as Imported
from blocks import *

Width = Annotated[int, Ge(1)]
DEFAULT = 3

def build(input_shape, output_units, *, width: Width = 8.0, depth: int | None = None, act: Literal["a", "b"] = "a",
          rate: float = 1, sizes: list[int] = (3, 3), other=DEFAULT, needed: int):
    """Builds."""

def train(trial, rate: float = 0.5): ...

def step(x, *, power=2): ...

def focal(y_true, y_pred, gamma: float = 2): ...

def anything(**options): ...

alias = build
partial = functools.partial(build, width=3)

class Parent(BaseEstimator):
    def __init__(self, depth: int = 3, **kwargs): ...

class Child(Parent):
    pass

class Plain(BaseEstimator):
    pass

class Kernel(SVC):
    pass

class Layer(keras.layers.Dropout):
    pass

class Unknown(keras.models.Model):
    pass

@dataclasses.dataclass
class Record(Plain):
    width: int
    depth: int = 2
    names: list[str] = field(default_factory=list)
    seen: int = dataclasses.field(default=1)

if True:
    def below(a=1): ...
'''


@pytest.fixture
def folders(tmp_path: Path) -> Folders:
    specs = tmp_path / "project" / "specs"
    specs.mkdir(parents=True)
    (specs / "nets.py").write_text(NETS)
    (specs / "layers.py").write_text("class Block:\n    def __init__(self, units: int): ...\n")
    (specs / "blocks.py").write_text("from circle import *\ndef starred(x, units=1): ...\n")
    (specs / "circle.py").write_text("from circle import turning\nfrom .. import gone\n")
    package = tmp_path / "project" / "ml"
    package.mkdir()
    (package / "__init__.py").write_text("from .models import build as make\n")
    (package / "models.py").write_text("def build(output_units, width: int = 4): ...\n")
    return Folders(specs, tmp_path / "project", tmp_path / "memory")


def defaults(signature: Signature) -> dict[str, object]:
    return {name: parameter.default for name, parameter in signature.parameters.items()}


def test_a_users_builder_is_read_from_its_file(folders: Folders) -> None:
    signature = signature_of("architecture", "nets.py:build", folders)
    assert defaults(signature) == {
        "width": 8,
        "depth": None,
        "act": "a",
        "rate": 1.0,
        "sizes": [3, 3],
        "other": OPAQUE,
        "needed": REQUIRED,
    }
    assert repr(signature.parameters["width"].default) == "8"
    assert repr(signature.parameters["rate"].default) == "1.0"
    assert signature.parameters["width"].type == Type("int", ge=1)
    assert signature.parameters["depth"].type == union_of(INT, NULL)
    assert signature.parameters["needed"].position is None
    assert (signature.kind, signature.open, signature.version, signature.place) == ("user", False, None, "nets.py:16")


@pytest.mark.parametrize(
    ("role", "name", "parameters", "open"),
    [
        ("architecture", "nets.py:alias", ["width", "depth", "act", "rate", "sizes", "other", "needed"], False),
        ("architecture", "nets.py:partial", [], True),
        ("architecture", "nets.py:below", ["a"], False),
        ("architecture", "ml:make", ["width"], False),
        ("architecture", "ml.models:build", ["width"], False),
        ("architecture", "../ml/models.py:build", ["width"], False),
        ("function", "nets.py:train", ["rate"], True),
        ("source", "nets.py:anything", [], True),
        ("step", "nets.py:step", ["power"], False),
        ("loss", "nets.py:focal", ["gamma"], False),
        ("estimator", "nets.py:Child", ["depth"], True),
        ("estimator", "nets.py:Plain", [], False),
        ("estimator", "nets.py:Record", ["width", "depth", "names", "seen"], False),
        ("layer", "nets.py:Imported", ["units"], False),
        ("step", "nets.py:starred", ["units"], False),
        ("layer", "nets.py:Layer", ["rate", "noise_shape", "seed"], True),
        ("layer", "nets.py:Unknown", [], True),
    ],
)
def test_what_the_user_writes_is_followed(
    folders: Folders, role: str, name: str, parameters: list[str], open: bool
) -> None:
    signature = signature_of(role, name, folders)
    assert (list(signature.parameters), signature.open, signature.kind) == (parameters, open, "user")


def test_a_class_without_constructor_takes_what_its_librarys_base_takes(folders: Folders) -> None:
    assert signature_of("estimator", "nets.py:Kernel", folders).parameters["gamma"].default == "scale"


def test_fields_of_a_dataclass_keep_order_and_defaults(folders: Folders) -> None:
    signature = signature_of("estimator", "nets.py:Record", folders)
    assert defaults(signature) == {"width": REQUIRED, "depth": 2, "names": OPAQUE, "seen": 1}
    assert [each.position for each in signature.parameters.values()] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("role", "name", "message", "fix"),
    [
        ("architecture", "net.py:build", "there is no file net.py", "write nets.py:build"),
        ("architecture", "missing.py:build", "there is no file missing.py",
         "create missing.py; paths are relative to the spec"),
        ("architecture", "nets.py:biuld", "nets.py has no 'biuld'", "write nets.py:build"),
        ("architecture", "ml.models:bild", "models.py has no 'bild'", "write ml.models:build"),
        ("architecture", "bad.py:build", "bad.py is not valid Python: line 2: invalid syntax",
         "correct line 2 of bad.py"),
        ("step", "circle.py:turning",
         "circle.py and the modules that it imports 'turning' from go round in a circle", ""),
        ("step", "circle.py:gone", "circle.py imports 'gone' from a module that is not in the project", ""),
        ("optimizer", "Adam", "no optimizer is called 'Adam'", "write adam"),
        ("estimator", "SVC", "no estimator is called 'SVC'", "write sklearn.svm:SVC"),
        ("estimator", "sklern.svm:SVC", "no library 'sklern' is installed, and no file of the project is called so",
         "write sklearn.svm:SVC"),
        ("function", "train", "no function is called 'train'", "write one's own as file.py:train"),
        ("function", "a b:c", "expected file.py:name or package.module:name, found 'a b:c'",
         "write the file or module, a colon, and the name of the function or class in it"),
    ],
)  # fmt: skip
def test_an_unknown_name_says_what_there_is(folders: Folders, role: str, name: str, message: str, fix: str) -> None:
    (folders.spec / "bad.py").write_text("x = 1\ndef\n")
    with pytest.raises(UnknownName) as caught:
        signature_of(role, name, folders)
    assert (caught.value.message, caught.value.fix) == (message, fix)


def test_a_file_outside_of_the_project_is_refused(folders: Folders) -> None:
    (folders.root.parent / "outside.py").write_text("def build(): ...")
    with pytest.raises(UnknownName, match="lies outside of the project"):
        signature_of("architecture", "../../outside.py:build", folders)


def test_choices_are_listed(folders: Folders) -> None:
    with pytest.raises(UnknownName) as caught:
        signature_of("optimizer", "nonsense", folders)
    assert {"adam", "adamw", "sgd", "rmsprop"} <= set(caught.value.choices)


@pytest.mark.parametrize(
    ("role", "name", "reference", "parameter", "default"),
    [
        ("optimizer", "adamw", "keras.optimizers:AdamW", "weight_decay", 0.004),
        ("optimizer", "sgd", "keras.optimizers:SGD", "momentum", 0.0),
        ("loss", "sparse_categorical_crossentropy", "keras.losses:SparseCategoricalCrossentropy", "from_logits", False),
        ("schedule", "cosine_decay", "keras.optimizers.schedules:CosineDecay", "decay_steps", REQUIRED),
        ("layer", "random_flip", "keras.layers:RandomFlip", "mode", "horizontal_and_vertical"),
        ("estimator", "sklearn.svm:SVC", "sklearn.svm:SVC", "C", 1.0),
        ("step", "sklearn.decomposition:PCA", "sklearn.decomposition:PCA", "n_components", None),
        (
            "estimator",
            "sklearn.gaussian_process.kernels:RBF",
            "sklearn.gaussian_process.kernels:RBF",
            "length_scale",
            1.0,
        ),
    ],
)
def test_keras_and_scikit_learn_are_known(
    folders: Folders, role: str, name: str, reference: str, parameter: str, default: object
) -> None:
    signature = signature_of(role, name, folders)
    assert (signature.reference, signature.kind, signature.place) == (reference, "third_party", "")
    assert signature.parameters[parameter].default == default
    assert (signature.parameters[parameter].type == ANY) == (parameter != "mode")


@pytest.mark.parametrize(
    ("role", "name", "parameter", "right", "wrong"),
    [
        ("layer", "random_flip", "mode", "vertical", "sideways"),
        ("layer", "random_zoom", "fill_mode", "wrap", "wrapped"),
        ("layer", "random_rotation", "interpolation", "nearest", "bicubic"),
        ("loss", "huber", "reduction", "sum", "total"),
    ],
)
def test_values_that_keras_takes(
    folders: Folders, role: str, name: str, parameter: str, right: str, wrong: str
) -> None:
    type = signature_of(role, name, folders).parameters[parameter].type
    assert not check(right, type).problems
    (problem,) = check(wrong, type).problems
    assert right in problem.message


def test_other_libraries_are_asked_in_a_child_process_once(folders: Folders) -> None:
    assert defaults(signature_of("source", "textwrap:shorten", folders)) == {"text": REQUIRED, "width": REQUIRED}
    assert folders.memory is not None
    remembered = list(folders.memory.iterdir())
    assert len(remembered) == 1
    remembered[0].write_text('[["told", 1]]')
    assert defaults(signature_of("source", "textwrap:shorten", folders)) == {"told": 1}
    remembered[0].write_text("damaged")
    assert list(signature_of("step", "textwrap:shorten", folders).parameters) == ["width"]


def test_a_name_that_a_library_lacks_gets_the_nearest(folders: Folders) -> None:
    with pytest.raises(UnknownName) as caught:
        signature_of("source", "textwrap:shorted", folders)
    assert (caught.value.message, caught.value.fix) == ("textwrap has no 'shorted'", "write textwrap:shorten")


def test_nothing_heavy_and_nothing_of_the_users_is_imported(folders: Folders) -> None:
    (folders.spec / "nets.py").write_text("raise SystemExit\ndef build(width=1): ...")
    code = (
        "import sys; from pathlib import Path; from blueno.spec.signatures import *\n"
        "folders = Folders(Path(sys.argv[1]), Path(sys.argv[1]))\n"
        "signature_of('architecture', 'nets.py:build', folders)\n"
        "signature_of('estimator', 'sklearn.svm:SVC', folders); signature_of('optimizer', 'adam', folders)\n"
        "print([m for m in ('numpy', 'sklearn', 'keras', 'nets', 'annotated_types') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folders.spec)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
def test_the_generated_file_is_what_these_versions_say() -> None:
    if any(installed_version(library) != version for library, version in generated().versions.items()):
        pytest.skip("written with other versions of Keras and scikit-learn")
    code = "import sys; from blueno.spec import third_party as t; sys.stdout.write('\\n=\\n' + t.as_text(t.generate()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.rpartition("\n=\n")[2] == GENERATED.read_text(encoding="utf-8")
