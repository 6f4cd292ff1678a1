"""A Spec to a Plan: pure, but for reading the files and the code that it names. Same spec, code and data: same Plan."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

from ..canonical import digest_text
from ..counting import counted
from ..spec.language import SECTIONS
from ..spec.load import Spec
from ..spec.model_section import is_seeded
from ..spec.search_section import Search
from ..spec.space import Frame
from .contents import Reader
from .exclude import Masks, mask_of, masks_of
from .fingerprint import Progress, no_progress
from .identity import (
    Preparation,
    Replicate,
    config_text,
    dataset_text,
    joined_code,
    preparation,
    replicates,
    trial_text,
)  # fmt: skip
from .records import Config, DatasetNode, Plan, Trial
from .rows import Row, joined, rows_of
from .searching import search_plan
from .snapshot import Snapshot, snapshot_of
from .training import check_training, idle_epochs


class Candidate(NamedTuple):
    """A config that was not dropped, before duplicates are folded. Rows are those of SECTIONS, in order."""

    rank: int
    frame: Frame
    rows: tuple[Row, ...]
    is_baseline: bool


class Expanded(NamedTuple):
    """All configs of a spec in grid order, how many were dropped, and which patterns dropped any (a bit each)."""

    candidates: list[Candidate]
    excluded: int
    hits: int


def compile_spec(spec: Spec, root: Path, progress: Progress = no_progress) -> Plan:
    """The plan of a spec. `root` is the project's; `progress` hears of large files that are read.

    Raises SpecErrors for what only compiling can find: patterns that drop everything, a baseline that names no config
    or several, files and code that cannot be read.
    """
    reader = Reader(spec.folders, root, spec.problems, progress)
    with _no_collection():
        return _compile(spec, reader)


@contextmanager
def _no_collection() -> Iterator[None]:
    """No search for cyclic garbage meanwhile: hundreds of thousands of records are made and none is dropped, and
    looking through them all again and again takes a third of the time.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _compile(spec: Spec, reader: Reader) -> Plan:
    if spec.search is not None:
        return _compile_search(spec, spec.search, reader)
    expanded = _expand(spec, reader)
    warnings = _warnings(spec, expanded)
    if not expanded.candidates and expanded.excluded:
        mark = spec.patterns[0].mark
        spec.problems.add(mark, "exclude[0]", "the patterns drop every config", "remove a pattern, or narrow one")
    made = _Made(spec, reader)
    for candidate in expanded.candidates:
        made.add(candidate)
    _check_baseline(spec, made)
    check_training(expanded.candidates, spec.problems)
    spec.problems.raise_any()
    return _plan(spec, made, expanded, warnings + reader.warnings, _snapshot(spec, reader), reader.files)


def _compile_search(spec: Spec, search: Search, reader: Reader) -> Plan:
    document, datasets = search_plan(spec, search, reader)
    spec.problems.raise_any()
    made = _Made(spec, reader)
    made.datasets = {dataset.id: dataset for dataset in datasets}
    plan = _plan(spec, made, Expanded([], 0, 0), reader.warnings, _snapshot(spec, reader), reader.files)
    return plan._replace(search=document)


def _expand(spec: Spec, reader: Reader) -> Expanded:
    candidates: list[Candidate] = []
    excluded = hits = 0
    patterns = [*spec.patterns, *([spec.baseline] if spec.baseline else [])]
    drops = (1 << len(spec.patterns)) - 1
    baseline = 1 << len(spec.patterns) if spec.baseline else 0
    for frame in spec.frames:
        masks = masks_of(patterns, (factor.path for factor in frame.factors), frame.names)
        lists = [rows_of(section, frame, masks, reader) for section in SECTIONS]
        for rows in joined(lists, frame.ties):
            data, preprocess, augment, model, train = rows
            mask = masks.frame & data.mask & preprocess.mask & augment.mask & model.mask & train.mask
            if mask and masks.across:
                mask = _looked_at_last(mask, masks, frame, rows)
            if mask & drops:
                excluded += 1
                hits |= mask
                continue
            rank = frame.rank + data.rank + preprocess.rank + augment.rank + model.rank + train.rank
            candidates.append(Candidate(rank, frame, rows, bool(mask & baseline)))
    candidates.sort(key=itemgetter(0))
    return Expanded(candidates, excluded, hits)


def _looked_at_last(mask: int, masks: Masks, frame: Frame, rows: tuple[Row, ...]) -> int:
    """A config's mask after the conditions that compare values of different factors."""
    values: dict[str, Any] = dict(frame.names)
    for row in rows:
        values |= row.watched
    return mask & mask_of(masks.across, values)


def _warnings(spec: Spec, expanded: Expanded) -> list[str]:
    warnings = [
        f"{pattern.mark.file}:{pattern.mark.line}:{pattern.mark.column}: this pattern of exclude drops nothing"
        for number, pattern in enumerate(spec.patterns)
        if not expanded.hits >> number & 1
    ]
    unseeded = {frame.model.name.value for frame in spec.frames if not is_seeded(frame.model)}
    seeded_inside = {candidate.frame.model.name.value for candidate in expanded.candidates if candidate.rows[3].seeded}
    if len(spec.words.seeds) > 1:
        warnings += [
            f"{name} takes no seed (it has no random_state), so there is one replicate a fold"
            for name in sorted(unseeded - seeded_inside)
        ]
    return warnings + idle_epochs(expanded.candidates)


class _Made:
    """Configs, trials and datasets as they are put together, each once."""

    def __init__(self, spec: Spec, reader: Reader) -> None:
        self._seeds = spec.words.seeds
        self._reader = reader
        self._preparations: dict[tuple[int, int], Preparation] = {}
        self._dataset_ids: dict[tuple[str, str, int | None, int | None], str | None] = {}
        self._replicates: dict[tuple[bool, int | None], list[Replicate]] = {}
        self._seen: dict[str, str] = {}  # what a config resolves to -> its id
        self.configs: list[Config] = []
        self.trials: list[Trial] = []
        self.datasets: dict[str, DatasetNode] = {}
        self.duplicates = 0
        self.baseline: dict[str, None] = {}

    def add(self, candidate: Candidate) -> None:
        """Adds a config with its trials, unless one that resolves to the same values is there."""
        data, preprocess, augment, model, train = candidate.rows
        made = self._preparation(data, preprocess)
        code = joined_code(augment.code, model.code, train.code)
        wanted = self._wanted(model.seeded or is_seeded(candidate.frame.model), made.num_folds)
        text = config_text(made, augment.text, code, model.text, train.text)
        key = text
        if self._reader.templates:
            key = self._reader.fill_all(text, wanted, with_template=False)
            text = self._reader.fill_all(text, wanted, with_template=True)
        id = digest_text(text)
        known = digest_text(key) if key is not text else id
        is_new = known not in self._seen
        if candidate.is_baseline:
            self.baseline[self._seen.setdefault(known, id)] = None
        if not is_new:
            self.duplicates += 1
            return
        self._seen[known] = id
        self.configs.append(Config(id, _params(candidate), len(self.configs)))
        for seed, fold in wanted:
            dataset = self._dataset(made, seed, fold)
            recipe = trial_text(dataset, augment.text, code, model.text, seed, train.text)
            if self._reader.templates:
                recipe = self._reader.fill(recipe, seed, fold)
            self.trials.append(Trial(digest_text(recipe), id, dataset, seed, fold, recipe, len(self.trials)))

    def _wanted(self, takes_seed: bool, num_folds: int | None) -> list[Replicate]:
        key = takes_seed, num_folds
        if key not in self._replicates:
            self._replicates[key] = replicates(self._seeds, takes_seed, num_folds)
        return self._replicates[key]

    def _preparation(self, data: Row, preprocess: Row) -> Preparation:
        key = id(data), id(preprocess)
        if key not in self._preparations:
            assert data.data is not None, "BUG: a row of data without its data"
            self._preparations[key] = preparation(data.data, preprocess.text, self._reader.text)
        return self._preparations[key]

    def _dataset(self, made: Preparation, seed: int | None, fold: int | None) -> str | None:
        """The id of a dataset, which is added if it is new."""
        if not made.before:
            return None
        key = (made.before, made.after, seed if self._reader.templates else None, fold)
        if key not in self._dataset_ids:
            text = self._reader.fill(dataset_text(made, fold), seed, fold)
            dataset = DatasetNode(digest_text(text), text)
            self.datasets.setdefault(dataset.id, dataset)
            self._dataset_ids[key] = dataset.id
        return self._dataset_ids[key]


def _params(candidate: Candidate) -> dict[str, Any]:
    """A config as written: its arm, then its sections; those that are not there are left out."""
    params: dict[str, Any] = {"arm": candidate.frame.names["arm"]} if "arm" in candidate.frame.names else {}
    for section, row in zip(SECTIONS, candidate.rows, strict=True):
        if row.written is not None:
            params[section] = row.written
    return params


def _check_baseline(spec: Spec, made: _Made) -> None:
    if spec.baseline is None or len(made.baseline) == 1:
        return
    found = f"names {counted(len(made.baseline), 'config')}" if made.baseline else "names no config"
    fix = "add paths until one is left" if made.baseline else "name values of a config that is not excluded"
    spec.problems.add(spec.baseline.mark, "baseline", found, fix)


def _snapshot(spec: Spec, reader: Reader) -> Snapshot:
    references = dict.fromkeys([*reader.references, *spec.metric_references])
    return snapshot_of(references, list(reader.uses), spec.folders)


def _plan(
    spec: Spec, made: _Made, expanded: Expanded, warnings: list[str], snapshot: Snapshot, reader_files: dict[str, str]
) -> Plan:
    words = spec.words
    return Plan(
        name=words.name,
        objective=spec.objective,
        axes=spec.axes,
        configs=made.configs,
        trials=made.trials,
        datasets=list(made.datasets.values()),
        excluded=expanded.excluded,
        duplicates=made.duplicates,
        warnings=warnings,
        snapshot=snapshot,
        files=reader_files,
        spec_text=spec.text,
        spec_file=spec.file,
        tags=words.tags,
        notes=words.notes,
        metrics=spec.metrics,
        resources=words.resources,
        keep=words.keep,
        baseline=next(iter(made.baseline), None),
        seeds=words.seeds,
        prune=spec.prune and spec.prune.document(),
        others=spec.others,
        where=spec.where,
    )
