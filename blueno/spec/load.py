"""A file to a Spec: everything that is wrong with it is found here and reported at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import Problem, SpecErrors
from .arms import arms_of, sections_of
from .axes import DRAWN, MAX_VALUES
from .choices import Axis, Builder, OneOf
from .conditions import Pattern, read_baseline, read_patterns
from .factors import Factor, Outcome
from .metric_names import Known, Listed, is_of_task, needs_loss, read_metrics, read_objectives, read_where
from .metrics import METRICS, read_name
from .node import Node, plain
from .overrides import apply_overrides
from .pairs import Pairs, check_active_together, count, layout_with, read_pairs
from .problems import Problems
from .search_section import Prune, Search, check_several, draws, read_prune, read_search
from .signatures import Folders
from .space import Arm, Frame, frames
from .values import Context
from .variables import Variable, check_prune, check_variables, variables_of
from .words import Words, check_top, read_words
from .yaml import parse


class Spec(NamedTuple):
    """A spec, validated. `frames` are all that its configs can be; a plan is compiled from them."""

    words: Words
    objective: dict[str, str]
    metrics: list[Any]
    metric_references: list[str]
    axes: list[dict[str, Any]]
    frames: list[Frame]
    patterns: list[Pattern]
    baseline: Pattern | None
    folders: Folders
    problems: Problems  # empty; knows the lines, for what only compiling can find
    text: str
    file: str
    overrides: tuple[str, ...]
    search: Search | None = None  # None: every config of the grid
    prune: Prune | None = None
    variables: list[Variable] = []  # of a search
    others: list[dict[str, str]] = []  # objectives beside the first
    where: list[list[Any]] = []  # metric, operator, limit


def load(path: Path | str, overrides: Sequence[str] = (), root: Path | None = None) -> Spec:
    """The spec at `path`, with `PATH=VALUE` overrides. SpecErrors with everything that is wrong with it.

    `root` is the project's (the current folder if not said): user code is looked for in both.
    """
    path = Path(path)
    text = _read(path)
    problems = Problems()
    node = parse(text, str(path), problems)
    if node is not None and not isinstance(node.value, dict):
        problems.add(node.mark, "", "a spec is a mapping", "begin with version: 1")
        node = None
    if node is None:
        problems.raise_any()
        raise AssertionError("BUG: nothing could be read, and nothing is wrong")
    node = apply_overrides(node, overrides, problems)
    folder = path.parent.resolve()
    base = (Path.cwd() if root is None else Path(root)).resolve()
    context = Context(problems, Folders(folder, base, base / "data" / "signatures"))
    spec = _read_spec(node, context)._replace(text=text, file=str(path), overrides=tuple(overrides))
    problems.raise_any()
    return spec


def _read(path: Path) -> str:
    """The text of a file. SpecErrors for what cannot be read."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = error.object[: error.start]
        place = before.count(b"\n") + 1, error.start - (before.rfind(b"\n") + 1) + 1
        message = f"the text is not UTF-8 (byte {error.object[error.start]:#04x})"
        raise SpecErrors([Problem(str(path), *place, "", message, "save it as UTF-8")]) from None
    except OSError as error:
        folder = path if path.is_dir() else path.parent
        message = "this is a folder" if path.is_dir() else f"the file cannot be read: {error.strerror}"
        near = sorted(each.name for each in folder.glob("*.y*ml"))[:5]
        fix = f"name one of {', '.join(near)} in {folder}" if near else "name a YAML file"
        raise SpecErrors([Problem(str(path), 1, 1, "", message, fix)]) from None


def _read_spec(node: Node, context: Context) -> Spec:
    problems = context.problems
    check_top(node, context)
    words = read_words(node, context)
    builder = Builder(problems, context.folder, draws(node))
    sections = sections_of(node, builder, {})
    pairs = read_pairs(node.value.get("zip"), builder.choices, problems)
    search, prune = read_search(node.value.get("search"), context), read_prune(node.value.get("prune"), context)
    layout = layout_with(pairs, builder.choices)._replace(star=search is not None)
    arms = list(arms_of(sections, layout, problems))
    listed = read_metrics(node.value.get("metrics"), context)
    found: list[Frame] = []
    known = _known(node, arms, listed, context)
    if search is not None or _check_counts(arms, pairs, node, problems):
        for arm in arms:
            found += frames(arm, layout, known, context)
        _check_arms(arms, found, known, context)
        _check_objective(node, found, known, problems)
    variables = [] if search is None else variables_of(builder.choices, pairs)
    if search is not None:
        check_variables(search, variables, pairs, problems)
    where = read_where(node.value.get("where"), known, context)
    check_several(search, prune, [known.objective, *known.others], problems)
    check_prune(prune, found, known.objective, words.seeds, problems)
    patterns = read_patterns(node.value.get("exclude"), found, builder, problems)
    return Spec(
        words=words,
        objective=known.objective,
        metrics=[*listed.items, *_also_measured(known, where)],
        metric_references=listed.references,
        axes=[_axis(choice) for choice in builder.choices],
        frames=found,
        patterns=patterns,
        baseline=read_baseline(node.value.get("baseline"), found, builder, problems),
        folders=context.folders,
        problems=problems,
        text="",
        file="",
        overrides=(),
        search=search,
        prune=prune,
        variables=variables,
        others=known.others,
        where=where,
    )


def _also_measured(known: Known, where: list[list[Any]]) -> list[str]:
    """Metrics that decide something beside the objective, as far as Blueno computes them."""
    names = dict.fromkeys([*(other["metric"] for other in known.others), *(name for name, _, _ in where)])
    computed = (name for name in names if read_name(name).bare in METRICS and read_name(name).part)
    return [name for name in computed if name not in known.listed and name != known.objective.get("metric")]


def _axis(choice: Axis | OneOf) -> dict[str, Any]:
    if isinstance(choice, OneOf):
        return {"path": choice.path, "values": choice.names}
    drawn = {"drawn": choice.form} if choice.form in DRAWN else {}
    return {"path": choice.path, "values": [plain(value) for value in choice.values], **drawn}


def _known(node: Node, arms: Iterable[Arm], listed: Listed, context: Context) -> Known:
    """What a metric may be called, given which kinds of model there are."""
    kinds = {kind for arm in arms for kind in _kinds(arm.sections.get("model"))}
    free = bool(kinds & {"function", "command"})
    known = Known(listed.names, listed.definitions, {}, free, free and not kinds & {"architecture", "estimator"})
    if "objective" not in node.value:
        return known
    objectives = read_objectives(node.value["objective"], known, context)
    return known._replace(objective=objectives[0] if objectives else {}, others=objectives[1:])


def _kinds(tree: Any) -> set[str]:
    """The kinds of model that a tree names anywhere near its top."""
    if isinstance(tree, Node):
        return set(tree.value) if isinstance(tree.value, dict) else set()
    if isinstance(tree, OneOf):
        return {kind for inner in tree.alternatives for kind in _kinds(inner)}
    if isinstance(tree, Axis):
        return {kind for inner in tree.values for kind in _kinds(inner)}
    return set(tree.fields) | _kinds(tree.merge) if tree is not None and hasattr(tree, "fields") else set()


def _check_counts(arms: Iterable[Arm], pairs: Pairs, node: Node, problems: Problems) -> bool:
    """Whether there are few enough configs to write them all out."""
    total = 0
    for arm in arms:
        counts = count(arm.sections.values(), pairs)
        check_active_together(counts, pairs, problems)
        total += sum(counts.values())
    if total <= MAX_VALUES:
        return True
    message = f"{total} configs are more than the {MAX_VALUES} that a grid may have"
    problems.add(node.mark, "", message, "take fewer values, or pair axes with zip")
    return False


def _check_arms(arms: Sequence[Arm], found: Sequence[Frame], known: Known, context: Context) -> None:
    """What every arm needs: a model, and data for architectures and estimators."""
    for arm in arms:
        if "model" not in arm.sections:
            context.problems.add(arm.node.mark, "", "model is missing", "add model: {architecture: mlp}")
    for frame in found:
        factors = {factor.section: factor for factor in frame.factors}
        _check_steps(factors["data"], factors["preprocess"], context.problems)
        _check_data(frame, factors["data"], known, context.problems)


def _check_steps(data: Factor, preprocess: Factor, problems: Problems) -> None:
    if any(outcome.is_there for outcome in data.outcomes):
        return
    for outcome in preprocess.outcomes:
        if outcome.mark is not None and outcome.written:
            fix = "add data, or prepare the data in the function"
            problems.add(outcome.mark, "preprocess", "there is no data to prepare", fix)


def _check_data(frame: Frame, factor: Factor, known: Known, problems: Problems) -> None:
    """What a model needs of its data: a function may bring its own, but then says nothing about it."""
    kind, own = frame.model.kind, frame.model.kind in ("function", "command")
    for outcome in factor.outcomes:
        if not outcome.is_there and not own:
            fix = "add data: {source: {sklearn: digits}, split: {test: 0.2, validation: 0.2}}"
            problems.add(frame.model.name.mark, "", f"data is missing, and an {kind} needs it", fix)
        if outcome.mark is None or not isinstance(outcome.written, dict):
            continue
        if "source" not in outcome.written:
            fix = "add source: {sklearn: digits}" + (", or remove data, if the function brings its own" if own else "")
            problems.add(outcome.mark, "data", "source is missing", fix)
        if not own:
            _check_split(outcome, kind, known.objective.get("metric", ""), problems)


def _check_split(outcome: Outcome, kind: str, metric: str, problems: Problems) -> None:
    data = outcome.resolved
    if "split" not in outcome.written:
        fix = "add split: {test: 0.2, validation: 0.2}, or split: {folds: 5}"
        problems.add(data.mark, "data", f"split is missing, and an {kind} needs it", fix)
    elif data.split is not None and not data.has_validation and metric.startswith("val_"):
        message = f"there is no validation part, which {metric} is measured on"
        problems.add(data.mark, "data.split", message, "add validation: 0.2, or folds: 5")


def _check_objective(node: Node, found: Sequence[Frame], known: Known, problems: Problems) -> None:
    """Whether every kind of model has the objective, and every task that is said."""
    name = known.objective.get("metric", "")
    if not name or name in known.listed:
        return
    written = node.value["objective"]
    first = written.value[0] if isinstance(written.value, list) else written
    direction, inner = next(iter(first.value.items()))
    path = f"objective.{direction}"
    if needs_loss(name) and any(frame.model.kind == "estimator" for frame in found):
        fix = "write val_log_loss, or val_mean_squared_error"
        problems.add(inner.mark, path, f"an estimator has no loss, so nothing computes its {name}", fix)
    for task in {task for frame in found for task in _tasks(frame)}:
        if not is_of_task(name, task):
            message = f"nothing computes {name}: data.task says {task}"
            problems.add(inner.mark, path, message, "choose one of the task: `blueno schema --metrics`")


def _tasks(frame: Frame) -> set[str]:
    """The tasks that the data of a frame say, where Blueno computes the metrics."""
    if frame.model.kind not in ("architecture", "estimator"):
        return set()
    data = next(factor for factor in frame.factors if factor.section == "data")
    return {outcome.resolved.columns["task"] for outcome in data.outcomes if outcome.resolved.columns.get("task")}
