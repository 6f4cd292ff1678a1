"""The metrics of a trial: which are wanted, under which name, and their values on scored samples."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from blueno.errors import ModelError
from blueno.messages import NOT_MEASURED
from blueno.usercode import CodeFolder, load

from .measures import AT_ONCE, MEASURES, Measure, Undefined
from .measures.together import together
from .scored import Scored, load_predictions

_OF_LABELS = ["accuracy", "balanced_accuracy", "precision", "recall", "f1", "matthews_corrcoef"]
DEFAULTS = {
    "binary": [*_OF_LABELS, "specificity", "roc_auc", "average_precision", "log_loss", "brier_score"],
    "multiclass": [*_OF_LABELS, "cohen_kappa", "roc_auc", "log_loss"],
    "multilabel": [
        *("accuracy", "hamming_loss", "precision", "recall", "f1"),
        *("roc_auc", "average_precision", "log_loss", "brier_score"),
    ],
    "regression": ["mean_absolute_error", "mean_squared_error", "root_mean_squared_error", "r2"],
}
LOSS = "loss"  # measured by the engine, since only the model knows it
OUTPUTS = {"values": 0, "labels": 0, "scores": 1, "probabilities": 2}  # what a metric needs of a model, by how much


class Wanted(NamedTuple):
    """A metric to compute on one part."""

    name: str  # what it is called in results: "val_accuracy", "train_f1", "val_qwk"
    part: str  # "val" or "train"
    measure: Measure | None  # None for the loss
    parameters: dict[str, Any]
    decides: bool = False  # the objective, or what training looks at: without it a trial has failed


def wanted(metrics: list[Any], task: str, code: CodeFolder | None) -> list[Wanted]:
    """What a list of metrics asks for, each name once; without val_ or train_ it is val_.

    An item is a name, `{name: {parameters}}` (`as` renames it) or a reference to a function of (y_true, y_score).
    Raises ModelError for a name that does not exist or does not belong to the task.
    """
    return once([_want(item, task, code) for item in metrics])


def check_parts(metrics: list[Wanted], parts: Collection[str]) -> None:
    """ModelError when one of these metrics, which decide something, has no part to be measured on."""
    for each in metrics:
        if each.part == "val" and not {"validation", "stop"} & set(parts):
            message = f"{each.name} needs a validation part, and the data has none"
            raise ModelError(message, "give data.split a validation share, or folds")


def once(metrics: list[Wanted]) -> list[Wanted]:
    """Each name once, where it stands first; the last of that name holds, and decides if one of them does."""
    deciding = {each.name for each in metrics if each.decides}
    last = {each.name: each for each in metrics}
    return [each._replace(decides=each.name in deciding) for each in last.values()]


def objective_of(name: str, metrics: list[Wanted], task: str, code: CodeFolder | None) -> Wanted:
    """The metric that the objective names: one of the list (which may rename it), else by its own name. It decides."""
    for each in metrics:
        if each.name == name:
            return each._replace(decides=True)
    return _want(name, task, code)._replace(name=name, decides=True)


def defaults(task: str, output: str) -> list[str]:
    """The metrics that are always computed for a task, of those that a model with this output can have.

    `output` is "labels", "scores" or "probabilities" for a classification, "values" for a regression.
    """
    return [name for name in DEFAULTS[task] if OUTPUTS[MEASURES[name].needs] <= OUTPUTS[output]]


def maximize(name: str) -> bool | None:
    """Whether more of a metric is better; None for one that is not built in."""
    _, bare = _split(name)
    if bare == LOSS:
        return False
    return MEASURES[bare].maximize if bare in MEASURES else None


def computable(each: Wanted, output: str) -> bool:
    """Whether a model with this output can have the metric."""
    return each.measure is not None and OUTPUTS[each.measure.needs] <= OUTPUTS[output]


def measure_all(metrics: Sequence[list[Wanted]], scored: Sequence[Scored]) -> list[Mapping[Measure, float]]:
    """Of each of many models, the values that can be had for all at once: `known` of `measure`."""
    asked = [{each.measure for each in listed if not each.parameters} for listed in metrics]
    for_all = [each for each in AT_ONCE if all(each in measures for measures in asked)]
    return [*together([(each, AT_ONCE[each]) for each in for_all], scored)]


def measure(
    metrics: list[Wanted], scored: Scored, known: Mapping[Measure, float] | None = None
) -> tuple[dict[str, float], list[str]]:
    """The values, and why some of them are NaN. Metrics of samples without a finite score are NaN without a reason.

    Those that are `known` already, without parameters, are not computed again. What raises has no value and a note, so
    that no training is lost over it; unless it decides something: ModelError, or what a function of the user's raises.
    """
    values: dict[str, float] = {}
    notes = []
    for each in metrics:
        assert each.measure is not None, "BUG: the loss is measured by the engine"
        if known and not each.parameters and each.measure in known:
            values[each.name] = known[each.measure]
            continue
        try:
            values[each.name] = each.measure.compute(scored, **each.parameters) if scored.finite else float("nan")
        except Undefined as reason:
            values[each.name] = float("nan")
            notes.append(f"{each.name} is undefined: {reason}")
        except Exception as error:  # of a function of the user's, or parameters that do not fit
            if each.decides:
                _raise(each, error)
            notes.append(f"{each.name}{NOT_MEASURED}{type(error).__name__}: {error}")
    return values, notes


def _raise(each: Wanted, error: Exception) -> NoReturn:
    """A function of the user's tells its own mistake, with its traceback; of a built-in the parameters are wrong."""
    if each.measure not in MEASURES.values():
        raise error
    raise ModelError(f"{each.name}: {error}", "correct the metric's parameters") from error


def measure_predictions(path: Path, metrics: list[Any], code: CodeFolder | None) -> tuple[dict[str, float], list[str]]:
    """What a list of metrics asks for, as far as a file of kept predictions can tell, and notes about the rest.

    Undefined metrics are NaN with a note. Those of the training part, the loss, and those that need scores which the
    model did not give have no value, and a note says so. Raises ModelError for a metric that does not exist or does
    not belong to the task, and for a file that is damaged.
    """
    scored = load_predictions(path).scored
    output = said(scored)
    asked = wanted(metrics, scored.task, code)
    notes = [f"{each.name} is left out: {_why_not(each, output)}" for each in asked if _why_not(each, output)]
    values, reasons = measure([each._replace(decides=True) for each in asked if not _why_not(each, output)], scored)
    return values, notes + reasons


def _why_not(each: Wanted, output: str) -> str:
    """Why predictions cannot tell a metric; empty when they can."""
    if each.part != "val":
        return "predictions are kept of the validation part only"
    if each.measure is None:
        return "only the model knows its loss"
    return "" if computable(each, output) else f"the model gave no {each.measure.needs}"


def said(scored: Scored) -> str:
    """What the model said of each sample: a key of OUTPUTS."""
    if scored.task == "regression":
        return "values"
    if scored.scores is None:
        return "labels"
    return "probabilities" if scored.probabilities else "scores"


def _want(item: Any, task: str, code: CodeFolder | None) -> Wanted:
    written, parameters = next(iter(item.items())) if isinstance(item, dict) else (item, {})
    parameters = dict(parameters or {})
    part, bare = _split(written)
    name = f"{part}_{parameters.pop('as', None) or bare.rpartition(':')[2]}"
    if bare == LOSS:
        return Wanted(name, part, None, {})
    return Wanted(name, part, _own(bare, code) if ":" in bare else _known(bare, task), parameters)


def _split(name: str) -> tuple[str, str]:
    for part in ("val", "train"):
        if name.startswith(f"{part}_"):
            return part, name.removeprefix(f"{part}_")
    return "val", name


def _known(name: str, task: str) -> Measure:
    fitting = [key for key, each in MEASURES.items() if task in each.tasks]
    if name in fitting:
        return MEASURES[name]
    if name in MEASURES:
        raise ModelError(f"{name} does not exist for a {task} task", f"choose one of {', '.join(fitting)}")
    near = get_close_matches(name, MEASURES, n=1)
    hint = f"write {near[0]}" if near else f"choose one of {', '.join(fitting)}"
    raise ModelError(f"there is no metric {name!r}", hint)


def _own(reference: str, code: CodeFolder | None) -> Measure:
    """A function of the user's of (y_true, y_score): scores where the model has them, else labels."""
    function = load(reference, code)
    if not callable(function):
        raise ModelError(f"{reference} is not a function", "name a function of (y_true, y_score)")

    def compute(scored: Scored, **parameters: Any) -> float:
        scores = scored.labels if scored.scores is None else scored.scores
        assert scores is not None, "BUG: a model that says nothing"
        # Copies: what a function of the user's writes into its arguments must reach no other metric, and no file.
        return float(function(scored.target.copy(), scores.copy(), **parameters))

    return Measure(compute, "labels", True)
