"""`search` and `prune`: how a space is explored, and how poor trials end early. Neither is part of a trial's identity.

Parameters of samplers and pruners are those of Optuna's, which the generated file lists: Optuna is not imported here.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from .axes import found_list
from .installed import generated
from .language import COUNT, POSITIVE_INT, SEED
from .node import Broken, Mark, Node, found, is_broken, plain
from .problems import Problems, join_path, nearest
from .types import BOOL, Type
from .values import Context, checked, is_mapping

EXAMPLE = "search: {method: tpe, configs: 50}"
OWN = ("method", "configs", "seed", "startup", "first", "warm_start")  # keys of `search` that are the language's
PRUNE_OWN = ("method", "after", "epochs", "factor", "startup", "interval", "of")
# What our words are called in Optuna: `search.startup` by method; those of `prune` by method and word.
STARTUP = {"tpe": "n_startup_trials", "gp": "n_startup_trials", "cmaes": "n_startup_trials"}
PRUNE_WORDS = {
    "median": {"after": "n_warmup_steps", "startup": "n_startup_trials", "interval": "interval_steps"},
    "percentile": {"after": "n_warmup_steps", "startup": "n_startup_trials", "interval": "interval_steps"},
    "asha": {"after": "min_resource", "factor": "reduction_factor"},
    "hyperband": {"after": "min_resource", "factor": "reduction_factor", "epochs": "max_resource"},
    "patient": {},
    "wilcoxon": {"startup": "n_startup_steps"},
}
# Set by Blueno, or no value of YAML.
NOT_WRITTEN = {
    "seed", "constraints_func", "independent_sampler", "warn_independent_sampling", "warn_asynchronous_seeding",
    "gamma", "weights", "x0", "source_trials", "mutation", "crossover", "reference_points", "wrapped_pruner",
    "elite_population_selection_strategy", "child_generation_strategy", "after_trial_strategy",
}  # fmt: skip
# Types of parameters whose default is null.
UNTOLD = {
    **dict.fromkeys(("multivariate", "consider_prior", "consider_magic_clip", "consider_endpoints"), BOOL),
    **dict.fromkeys(("sigma0", "prior_weight", "mutation_prob", "percentile"), Type("float", ge=0)),
    **dict.fromkeys(("popsize", "patience"), Type("int", ge=1)),
}
NUMBERS_ONLY = ("cmaes", "qmc")  # what is categorical they would draw at random
ALWAYS_THERE = ("cmaes", "qmc", "gp")  # and so what only some configs have
ONE_OBJECTIVE = ("cmaes",)


class Search(NamedTuple):
    """How a space is explored."""

    method: str
    configs: int
    seed: int
    options: dict[str, Any]  # of Optuna's sampler, by its names
    first: list[tuple[dict[str, Any], Node]]  # path -> value, each with its place
    warm_start: bool
    mark: Mark  # of the method

    def document(self) -> dict[str, Any]:
        """What a plan keeps of it."""
        return {"method": self.method, "configs": self.configs, "seed": self.seed, "options": self.options,
                "warm_start": self.warm_start}  # fmt: skip


class Prune(NamedTuple):
    """How poor trials end early."""

    method: str
    options: dict[str, Any]  # of Optuna's pruner, by its names
    after: int  # no earlier than at this epoch
    epochs: int | None  # and no later
    interval: int
    of: Prune | None  # what `patient` waits for
    mark: Mark

    def document(self) -> dict[str, Any]:
        """What a plan keeps of it."""
        return {"method": self.method, "options": self.options, "after": self.after, "epochs": self.epochs,
                "interval": self.interval, "of": self.of and self.of.document()}  # fmt: skip


def methods() -> list[str]:
    """Every method that draws."""
    return list(generated().names["sampler"])


def draws(node: Node) -> bool:
    """Whether a whole spec names a method of search that draws values; one that there is not is told elsewhere."""
    search = node.value.get("search")
    method = search.value.get("method") if search is not None and isinstance(search.value, dict) else None
    return method is not None and method.value != "grid"


def read_search(node: Node | None, context: Context) -> Search | None:
    """What `search` says; None for a grid, and after a problem that leaves no method."""
    problems = context.problems
    if node is None or not is_mapping(node, "search", context, "search: {method: grid}"):
        return None
    method = node.value.get("method")
    if method is None:
        problems.add(node.mark, "search", "method is missing", "add method: grid, or method: tpe")
        return None
    if method.value == "grid":
        for key in node.value:
            if key != "method":
                message = "unknown key: grid runs every config and takes nothing else"
                problems.add(node.keys[key], f"search.{key}", message, "remove it, or write method: random")
        return None
    if not isinstance(method.value, str) or method.value not in methods():
        if not is_broken(method):
            message = f"expected one of grid, {', '.join(methods())}, {found(method)}"
            problems.add(method.mark, "search.method", message, nearest(str(method.value), ["grid", *methods()]))
        return None
    return _read(node, method, context)


def _read(node: Node, method: Node, context: Context) -> Search:
    name, fields = str(method.value), node.value
    reference = generated().names["sampler"][name]
    known = _parameters(reference)
    configs = fields.get("configs")
    if configs is None:
        context.problems.add(node.mark, "search", "configs is missing: how many are tried", "add configs: 50")
    options: dict[str, Any] = {}
    for key, child in fields.items():
        if key == "startup" and name not in STARTUP:
            has = ", ".join(STARTUP)
            context.problems.add(node.keys[key], "search.startup", f"{name} has no startup", f"remove it ({has} have)")
        elif key in known and key not in OWN:
            options[key] = _option(child, known[key], f"search.{key}", context)
        elif key not in OWN:
            context.problems.unknown_key(node.keys[key], "search", key, (*OWN, *known))
    startup = _checked(fields.get("startup"), COUNT, "search.startup", None, context)
    if startup is not None and name in STARTUP:
        options[STARTUP[name]] = startup
    return Search(
        method=name,
        configs=_checked(configs, POSITIVE_INT._replace(le=1_000_000), "search.configs", 1, context),
        seed=_checked(fields.get("seed"), SEED, "search.seed", 0, context),
        options=options,
        first=_first(fields.get("first"), context),
        warm_start=_checked(fields.get("warm_start"), BOOL, "search.warm_start", False, context),
        mark=method.mark,
    )


def _parameters(reference: str) -> dict[str, list[Any]]:
    """What a sampler or pruner of Optuna's takes, as far as YAML can say it: name -> its generated entry."""
    entries = generated().references[reference]
    return {each[0]: each for each in entries if isinstance(each, list) and each[0] not in NOT_WRITTEN}


def _option(node: Node, entry: list[Any], path: str, context: Context) -> Any:
    """A parameter of Optuna's: of the kind of its default, where that tells it."""
    default = entry[1] if len(entry) > 1 else None
    if entry[0] in UNTOLD:
        return checked(node, UNTOLD[entry[0]], path, context)
    if default is not None:
        kinds = {bool: BOOL, int: Type("int"), float: Type("float"), str: Type("str")}
        kind = next((kinds[each] for each in kinds if type(default) is each), None)
        if kind is not None and entry[0] not in ("min_resource", "max_resource"):
            return checked(node, kind, path, context)
    return plain(node)


def _checked(node: Node | None, type: Type, path: str, otherwise: Any, context: Context) -> Any:
    if node is None:
        return otherwise
    value = checked(node, type, path, context)
    return otherwise if value is None else value


def _first(node: Node | None, context: Context) -> list[tuple[dict[str, Any], Node]]:
    if node is None or isinstance(node.value, Broken):
        return []
    if not isinstance(node.value, list):
        message = f"expected a list of configs, {found_list(node)}"
        context.problems.add(node.mark, "search.first", message, "write first: [{train.learning_rate: 1e-3}]")
        return []
    listed = []
    for index, item in enumerate(node.value):
        if is_mapping(item, f"search.first[{index}]", context, "{train.learning_rate: 1e-3}"):
            listed.append(({path: plain(value) for path, value in item.value.items()}, item))
    return listed


def read_prune(node: Node | None, context: Context, path: str = "prune") -> Prune | None:
    """What `prune` says; None without it, and after a problem that leaves no method."""
    if node is None or not is_mapping(node, path, context, "prune: {method: median}"):
        return None
    method, names = node.value.get("method"), list(generated().names["pruner"])
    if method is None:
        context.problems.add(node.mark, path, "method is missing", "add method: median")
        return None
    if not isinstance(method.value, str) or method.value not in names:
        if not is_broken(method):
            message = f"expected one of {', '.join(names)}, {found(method)}"
            context.problems.add(method.mark, f"{path}.method", message, nearest(str(method.value), names))
        return None
    return _read_prune(node, method, path, context)


def _read_prune(node: Node, method: Node, path: str, context: Context) -> Prune:
    name = str(method.value)
    known, words = _parameters(generated().names["pruner"][name]), PRUNE_WORDS[name]
    taken = {"method", "after", "epochs", *words, *known, *(["of"] if name == "patient" else [])}
    if name in ("patient", "wilcoxon"):
        taken -= {"after", "epochs"} if name == "wilcoxon" else set()
    options: dict[str, Any] = {}
    for key, child in node.value.items():
        if key not in taken:
            context.problems.unknown_key(node.keys[key], path, key, sorted(taken))
        elif key in words:
            least = Type("int", ge=2) if key == "factor" else POSITIVE_INT if key != "startup" else COUNT
            options[words[key]] = _checked(child, least, join_path(path, key), None, context)
        elif key in known:
            options[key] = _option(child, known[key], join_path(path, key), context)
    for key, entry in known.items():
        if len(entry) == 1 and key not in options and key not in words.values():
            context.problems.add(
                method.mark, path, f"{name} needs {key}", f"add {key}: {25.0 if key == 'percentile' else 3}"
            )
    after = _checked(node.value.get("after"), POSITIVE_INT, f"{path}.after", 1, context)
    options |= {"min_resource": after} if name == "asha" and "min_resource" not in options else {}
    return Prune(
        method=name,
        options={key: value for key, value in options.items() if value is not None},
        after=after,
        epochs=_checked(node.value.get("epochs"), POSITIVE_INT, f"{path}.epochs", None, context),
        interval=int(options.get("interval_steps") or 1),
        of=read_prune(node.value.get("of"), context, f"{path}.of") if name == "patient" else None,
        mark=method.mark,
    )


def check_several(
    search: Search | None, prune: Prune | None, objectives: list[dict[str, str]], problems: Problems
) -> None:
    """Adds a problem for what can follow only one objective."""
    if len(objectives) < 2:
        return
    if search is not None and search.method in ONE_OBJECTIVE:
        message = f"{search.method} follows one objective, and there are {len(objectives)}"
        problems.add(search.mark, "search.method", message, "write method: nsga2, or tpe")
    if prune is not None:
        message = f"trials are pruned by one objective, and there are {len(objectives)}"
        problems.add(prune.mark, "prune.method", message, "remove prune, or write one objective")
