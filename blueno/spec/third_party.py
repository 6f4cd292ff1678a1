"""Writes down the signatures of scikit-learn, Keras and Optuna, which a plan need not import: run as a module, by hand.

An entry is a list: ["name"] is a required parameter, ["name", default] one with a plain default,
["name", null, "opaque"] one with any other, and ["name", default, ["a", "b"]] one that takes these values only; "*"
comes before those by keyword only, "**" says that any keyword is taken, "def" that it is no class.
With a reference as its argument it prints the entry of that one: this is the child process of `installed`.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any

from .installed import GENERATED
from .parameters import OPAQUE, plain_value

IRREGULAR = {
    "AdamW": "adamw",
    "RMSprop": "rmsprop",
    "ScheduleFreeAdamW": "schedule_free_adamw",
}  # names that people write as one word
WRAPPERS = {
    "Optimizer",
    "LossScaleOptimizer",
    "MultiOptimizer",
    "Loss",
    "LearningRateSchedule",
}  # not to be chosen by name
NOT_RANDOM = {"Resizing", "CenterCrop", "MaxNumBoundingBoxes", "StackedRandomAugmentation", "Pipeline"}
MIX_LABELS = {"MixUp", "CutMix"}  # a layer before the model sees no labels, and mixed images would keep their own

# Values that a parameter of Keras's may have, by class, else for all, where no attribute of the class says it. Keras
# itself takes any word for some of them, and then does nothing.
CHOICES: dict[str, list[Any]] = {
    "RandomFlip.mode": ["horizontal", "vertical", "horizontal_and_vertical"],
    "AugMix.interpolation": ["nearest", "bilinear"],
    "RandAugment.interpolation": ["nearest", "bilinear"],
    "data_format": ["channels_first", "channels_last", None],
    "reduction": ["mean", "mean_with_sample_weight", "none", "sum", "sum_over_batch_size", None],
}


def snake_case(name: str) -> str:
    """How a class is called in a spec: `SparseCategoricalCrossentropy` is sparse_categorical_crossentropy."""
    spaced = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return IRREGULAR.get(name) or re.sub(r"([a-z])([A-Z])", r"\1_\2", spaced).lower()


def entry_for(called: Callable[..., Any]) -> list[Any]:
    """The entry of a function or class; one that takes anything when it tells nothing about itself."""
    function = [] if isinstance(called, type) else ["def"]
    try:
        parameters = _parameters(called)
    except (TypeError, ValueError):
        return ["**", *function]
    entry: list[Any] = []
    for each in parameters:
        if each.kind is each.VAR_KEYWORD:
            entry.append("**")
        elif each.kind is each.VAR_POSITIONAL:
            entry.append("*")
        else:
            if each.kind is each.KEYWORD_ONLY and "*" not in entry:
                entry.append("*")
            entry.append(_item(each, _choices(called, each.name)))
    return entry + function


def _parameters(called: Callable[..., Any]) -> list[inspect.Parameter]:
    """Its parameters, and those of its bases where an estimator passes on whatever it gets, as XGBoost's do."""
    own = list(inspect.signature(called).parameters.values())
    if not (isinstance(called, type) and hasattr(called, "get_params")):
        return own
    if all(each.kind is not each.VAR_KEYWORD for each in own):
        return own
    named = {each.name: each for each in own}
    for base in inspect.getmro(called)[1:]:
        for each in list(inspect.signature(vars(base).get("__init__", object)).parameters.values())[1:]:
            if each.kind not in (each.VAR_KEYWORD, each.VAR_POSITIONAL):
                named.setdefault(each.name, each.replace(kind=each.KEYWORD_ONLY))
    return sorted(named.values(), key=lambda each: each.kind)


def _item(parameter: inspect.Parameter, choices: list[Any]) -> list[Any]:
    if parameter.default is parameter.empty:
        return [parameter.name]
    value = plain_value(parameter.default)
    if value is OPAQUE:
        return [parameter.name, None, "opaque"]
    return [parameter.name, value, choices] if value in choices else [parameter.name, value]


def _choices(called: Callable[..., Any], name: str) -> list[Any]:
    """The values that a parameter of a class of Keras's may have; none where that is not known."""
    if not getattr(called, "__module__", "").startswith("keras."):
        return []
    upper = f"_SUPPORTED_{name.upper()}"
    said = getattr(called, upper, None) or getattr(called, f"{upper}S", None)
    return sorted(said) if said else CHOICES.get(f"{called.__name__}.{name}") or CHOICES.get(name, [])


def public_reference(made: type) -> str:
    """`sklearn.svm:SVC` for the class that is defined in sklearn.svm._classes; "" where it is not public."""
    parts = made.__module__.split(".")
    for length in range(1, len(parts) + 1):
        module = importlib.import_module(".".join(parts[:length]))
        if length > 1 and getattr(module, made.__name__, None) is made:
            return f"{module.__name__}:{made.__name__}"
        if length < len(parts) and parts[length].startswith("_"):
            return ""
    return ""


def scikit_learn_references() -> dict[str, list[Any]]:
    """Every public estimator and transformer, and the kernels of Gaussian processes, which are written inside them."""
    from sklearn.gaussian_process import kernels
    from sklearn.utils import all_estimators

    classes = [made for _, made in all_estimators()]
    classes += [made for made in vars(kernels).values() if isinstance(made, type) and issubclass(made, kernels.Kernel)]
    public = {public_reference(made): made for made in classes if not inspect.isabstract(made)}
    return {reference: entry_for(made) for reference, made in public.items() if reference}


def scikit_learn_data() -> dict[str, list[Any]]:
    """The functions that load what comes with scikit-learn, and those that make samples."""
    from sklearn import datasets

    names = (name for name in datasets.__all__ if name.startswith(("load_", "make_")))
    return {f"sklearn.datasets:{name}": entry_for(getattr(datasets, name)) for name in names}


def keras_classes() -> Iterator[tuple[str, str, type]]:
    """Keras's classes that a spec names in short, as (role, reference, class)."""
    import keras
    from keras.src.layers.preprocessing.image_preprocessing.base_image_preprocessing_layer import (
        BaseImagePreprocessingLayer,
    )

    noise = (keras.layers.GaussianNoise, keras.layers.GaussianDropout, keras.layers.AlphaDropout, keras.layers.Dropout)
    roles = (
        ("optimizer", keras.optimizers, keras.optimizers.Optimizer),
        ("loss", keras.losses, keras.losses.Loss),
        ("schedule", keras.optimizers.schedules, keras.optimizers.schedules.LearningRateSchedule),
        ("layer", keras.layers, (BaseImagePreprocessingLayer, *noise)),
    )
    for role, module, bases in roles:
        for name, made in sorted(vars(module).items()):
            chosen = isinstance(made, type) and issubclass(made, bases) and name == made.__name__
            if chosen and name not in WRAPPERS | NOT_RANDOM | MIX_LABELS:
                yield role, f"{module.__name__.replace('keras.api', 'keras')}:{name}", made


# How a spec calls Optuna's samplers and pruners, by role.
OPTUNA = {
    "sampler": {
        "random": "RandomSampler", "tpe": "TPESampler", "gp": "GPSampler", "cmaes": "CmaEsSampler",
        "qmc": "QMCSampler", "nsga2": "NSGAIISampler", "nsga3": "NSGAIIISampler",
    },
    "pruner": {
        "median": "MedianPruner", "percentile": "PercentilePruner", "asha": "SuccessiveHalvingPruner",
        "hyperband": "HyperbandPruner", "patient": "PatientPruner", "wilcoxon": "WilcoxonPruner",
    },
}  # fmt: skip


def optuna_classes() -> Iterator[tuple[str, str, str, type]]:
    """Optuna's classes that a spec names in short, as (role, name, reference, class)."""
    for role, names in OPTUNA.items():
        place = f"optuna.{role}s"
        module = importlib.import_module(place)
        for name, called in names.items():
            yield role, name, f"{place}:{called}", getattr(module, called)


def generate() -> dict[str, Any]:
    """The whole content of the generated file. Imports Keras, Optuna and scikit-learn."""
    import keras
    import optuna
    import sklearn

    names: dict[str, dict[str, str]] = {}
    references = scikit_learn_references() | scikit_learn_data()
    for role, reference, made in keras_classes():
        names.setdefault(role, {})[snake_case(made.__name__)] = reference
        references[reference] = entry_for(made)
    for role, name, reference, made in optuna_classes():
        names.setdefault(role, {})[name] = reference
        references[reference] = entry_for(made)
    versions = {"keras": keras.__version__, "optuna": optuna.__version__, "sklearn": sklearn.__version__}
    return {"versions": versions, "names": names, "references": references}


def as_text(content: dict[str, Any]) -> str:
    """The generated file's text: sorted, one reference a line, so that a new version's changes can be read."""
    lines = [f"{json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(content["references"].items())]
    head = "".join(f"{json.dumps(key)}: {json.dumps(content[key], sort_keys=True)},\n" for key in ("versions", "names"))
    return "{\n" + head + '"references": {\n' + ",\n".join(lines) + "\n}}\n"


def answer(reference: str) -> dict[str, Any]:
    """What the child process says: the entry of `reference`, or the names that there are instead."""
    place, _, name = reference.partition(":")
    module = importlib.import_module(place)
    made = getattr(module, name, None)
    if made is None:
        return {"names": [each for each in dir(module) if not each.startswith("_")]}
    return {"entry": entry_for(made)}


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.stdout.write("\n" + json.dumps(answer(sys.argv[1])) + "\n")
    else:
        GENERATED.write_text(as_text(generate()), encoding="utf-8")
