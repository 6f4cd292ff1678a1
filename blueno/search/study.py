"""Optuna: its samplers and pruners over a study in memory that is made of our history. Nothing else imports it."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from hashlib import sha256
from statistics import fmean
from typing import Any

from ..errors import MissingLibrary
from ..planning.proposed import Picks, walk

try:
    import optuna
    from optuna.distributions import (
        BaseDistribution,
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )
    from optuna.search_space import IntersectionSearchSpace
    from optuna.study import StudyDirection
    from optuna.trial import FrozenTrial, TrialState, create_trial
except ModuleNotFoundError as error:
    raise MissingLibrary("searches and pruning need Optuna, which is not installed", "pip install optuna") from error

SAMPLERS = {
    "random": "RandomSampler", "tpe": "TPESampler", "gp": "GPSampler", "cmaes": "CmaEsSampler", "qmc": "QMCSampler",
    "nsga2": "NSGAIISampler", "nsga3": "NSGAIIISampler",
}  # fmt: skip
PRUNERS = {
    "median": "MedianPruner", "percentile": "PercentilePruner", "asha": "SuccessiveHalvingPruner",
    "hyperband": "HyperbandPruner", "patient": "PatientPruner", "wilcoxon": "WilcoxonPruner",
}  # fmt: skip
ONE_SEED = ("cmaes", "qmc")  # they draw from one sequence, and know by the trial's number where in it they are
CONSTRAINED = ("tpe", "gp", "nsga2", "nsga3")
NAME = "blueno"  # of each study: Hyperband assigns trials to brackets by it
VIOLATIONS = "violations"

optuna.logging.set_verbosity(optuna.logging.ERROR)


def seed_of(seed: int, number: int) -> int:
    """A seed for the proposal of a number, so that it follows from the spec and the history alone."""
    return int.from_bytes(sha256(f"{seed} {number}".encode()).digest()[:4], "big")


def new_study(directions: Sequence[str]) -> optuna.Study:
    """An empty study in memory."""
    return optuna.create_study(directions=[StudyDirection[each.upper()] for each in directions], study_name=NAME)


def sampler(method: dict[str, Any], number: int, constrained: bool) -> optuna.samplers.BaseSampler:
    """The sampler for the proposal of a number. MissingLibrary for what it imports and is not installed."""
    name = method["method"]
    options = dict(method["options"])
    if constrained and name in CONSTRAINED:
        options["constraints_func"] = violations
    own = seed_of(method["seed"], number)
    options["seed"] = method["seed"] if name in ONE_SEED else own
    if name in ONE_SEED:  # what is not of the sequence must not be the same each time
        options["independent_sampler"] = optuna.samplers.RandomSampler(seed=own)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made: optuna.samplers.BaseSampler = getattr(optuna.samplers, SAMPLERS[name])(**options)
    except ModuleNotFoundError as error:
        raise MissingLibrary(f"search.method {name} needs {error.name}", f"pip install {error.name}") from error
    return made


def violations(trial: FrozenTrial) -> list[float]:
    """How far a trial is beyond what `where` allows; above 0 it is."""
    return list(trial.user_attrs.get(VIOLATIONS, []))


def distribution(variable: dict[str, Any]) -> BaseDistribution | None:
    """What a variable is drawn from; None if there is nothing to choose."""
    form, values = variable["form"], variable["values"]
    if "uniform" in form:
        low, high = values
        kind = IntDistribution if "int_" in form else FloatDistribution
        return kind(low, high, log=form.startswith("log"))
    if len(values) == 1:
        return None
    if form in ("one_of", "grid"):
        return CategoricalDistribution(tuple(range(len(values))))
    return IntDistribution(0, len(values) - 1)


# ---- asking


def ask(
    study: optuna.Study, made: optuna.samplers.BaseSampler, space: dict[str, Any], fixed: Picks
) -> tuple[Picks, dict[str, Any]]:
    """The next trial's picks, and what the sampler wants to remember."""
    _hand_on(study.sampler, made)
    study.sampler = made
    storage = study._storage
    before = dict(storage.get_study_system_attrs(study._study_id))
    if fixed:
        study.enqueue_trial(dict(fixed))
    trial = study.ask()

    def choose(variable: dict[str, Any]) -> Any:
        kind = distribution(variable)
        return 0 if kind is None else trial._suggest(variable["name"], kind)

    try:
        picks = walk(space, choose)
    except ModuleNotFoundError as error:  # some samplers import only when they are asked
        message = f"this search.method needs {error.name}, which is not installed"
        raise MissingLibrary(message, f"pip install {error.name}") from error
    own = {
        key: value for key, value in storage.get_trial(trial._trial_id).system_attrs.items() if key != "fixed_params"
    }
    after = storage.get_study_system_attrs(study._study_id)
    shared = {key: value for key, value in after.items() if before.get(key) != value}
    remembered = {"trial": own, "study": shared}
    return picks, {key: value for key, value in remembered.items() if value}


def _hand_on(before: optuna.samplers.BaseSampler, made: optuna.samplers.BaseSampler) -> None:
    """What a sampler has found of the space that all trials share follows from them alone: the next one of the study
    need not find it again, which takes the longer the more trials there are.
    """
    for name in ("_search_space", "_intersection_search_space"):
        if type(before) is type(made) and isinstance(getattr(before, name, None), IntersectionSearchSpace):
            setattr(made, name, getattr(before, name))


def add(study: optuna.Study, space: dict[str, Any], picks: Picks, remembered: dict[str, Any]) -> None:
    """Adds a recorded proposal as a trial that runs."""
    kinds = {variable["name"]: distribution(variable) for variable in space["variables"]}
    known = {name: kind for name, kind in kinds.items() if name in picks and kind is not None}
    frozen = create_trial(
        state=TrialState.RUNNING,
        params={name: picks[name] for name in known},
        distributions=known,
        system_attrs=remembered.get("trial", {}),
    )
    study.add_trial(frozen)
    for key, value in remembered.get("study", {}).items():
        study._storage.set_study_system_attr(study._study_id, key, value)


def tell(
    study: optuna.Study, number: int, values: list[float] | None, beyond: list[float], pruned: tuple[int, float] | None
) -> None:
    """What came of a trial: its values; None for one that failed; the last epoch and value of one that was pruned."""
    id = study._storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
    if beyond:
        study._storage.set_trial_user_attr(id, VIOLATIONS, beyond)
    if pruned is not None:
        study._storage.set_trial_intermediate_value(id, *pruned)
        study.tell(number, state=TrialState.PRUNED)
    elif values is None:
        study.tell(number, state=TrialState.FAIL)
    else:
        study.tell(number, values)


# ---- pruning


def pruner(prune: dict[str, Any]) -> optuna.pruners.BasePruner:
    """The pruner that a sweep's `prune` names."""
    options = dict(prune["options"])
    if prune["method"] == "patient":
        options["wrapped_pruner"] = pruner(prune["of"]) if prune["of"] else None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        made: optuna.pruners.BasePruner = getattr(optuna.pruners, PRUNERS[prune["method"]])(**options)
    return made


def begin(study: optuna.Study) -> int:
    """Adds a trial that runs, to be judged. Returns its number."""
    id = study._storage.create_new_trial(study._study_id)
    return study._storage.get_trial_number_from_id(id)


def report(study: optuna.Study, number: int, step: int, value: float) -> None:
    """A trial's value at a step; the first one that is said of a step stands."""
    id = study._storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
    if step not in study._storage.get_trial(id).intermediate_values:
        study._storage.set_trial_intermediate_value(id, step, value)


def is_poor(study: optuna.Study, made: optuna.pruners.BasePruner, number: int) -> bool:
    """Whether a trial need not go on, by what it and the others have reported."""
    id = study._storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return bool(made.prune(study, study._storage.get_trial(id)))


def mean(study: optuna.Study, number: int) -> float:
    """Of what a trial has reported."""
    id = study._storage.get_trial_id_from_study_id_trial_number(study._study_id, number)
    return fmean(study._storage.get_trial(id).intermediate_values.values())


def over(study: optuna.Study, number: int, value: float | None, pruned: bool) -> None:
    """A trial has ended: with a value, pruned, or without any."""
    if pruned:
        study.tell(number, state=TrialState.PRUNED)
    elif value is None:
        study.tell(number, state=TrialState.FAIL)
    else:
        study.tell(number, value)


def values_at(study: optuna.Study, number: int, step: int) -> list[float]:
    """What other trials reported at a step."""
    return [
        trial.intermediate_values[step]
        for trial in study.get_trials(deepcopy=False)
        if trial.number != number and step in trial.intermediate_values
    ]
