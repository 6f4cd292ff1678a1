"""The documentation is true: links lead somewhere, everything is mentioned, every example does what the text says."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from blueno.cli import VERBS
from blueno.commands.failures import ADVICE
from blueno.commands.show import NOTHING as SHOWN_OF_A_TRIAL
from blueno.etl.sources import SOURCES
from blueno.etl.steps import STEPS
from blueno.ml.architectures import ARCHITECTURES
from blueno.ml.metrics import DEFAULTS as DEFAULT_METRICS
from blueno.planning.describe import plan_text
from blueno.settings import TYPES
from blueno.spec import language
from blueno.spec.alternatives import SPECIAL
from blueno.spec.axes import FORMS
from blueno.spec.conditions import OPERATORS
from blueno.spec.signatures import Folders, signature_of
from blueno.store.ledger import STATES, Ledger
from blueno.store.migrations import MIGRATIONS
from blueno.tables import ConfigRow

from .documents import DOCS, ROOT, Example, blocks, errors, examples, pages, planned, written

EXAMPLES = [(page, example) for page in sorted(DOCS.glob("*.md")) for example in examples(page)]
RUN = [(page, example) for page, example in EXAMPLES if example.block.said("succeeded")]
COUNTS = ("configs", "trials", "excluded", "duplicates", "datasets")


def name_of(found: tuple[Path, Example]) -> str:
    return f"{found[0].stem}-{found[1].block.line}"


@pytest.mark.parametrize("found", EXAMPLES, ids=name_of)
def test_example(found: tuple[Path, Example], tmp_path: Path) -> None:
    _, example = found
    block = example.block
    if block.said("errors"):
        assert errors(example, tmp_path) == example.shown.rstrip("\n")
    elif block.said("refused"):
        assert block.said("refused")[0] in errors(example, tmp_path)
    else:
        plan = planned(example, tmp_path)
        counts = (plan.num_configs, plan.num_trials, plan.excluded, plan.duplicates, len(plan.datasets))
        expected = {name: int(value) for name in COUNTS for value in block.said(name)}
        assert expected, "an example says how many configs it makes"
        assert {name: count for name, count in zip(COUNTS, counts, strict=True) if name in expected} == expected
        if block.said("plan"):
            assert plan_text(plan) == example.shown.rstrip("\n")


def blueno(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in a folder that is its own root."""
    environment = {**os.environ, "BLUENO_ROOT": str(folder)}
    command = [sys.executable, "-m", "blueno", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("found", RUN, ids=name_of)
def test_example_runs(found: tuple[Path, Example], tmp_path: Path) -> None:
    page, example = found
    spec = written(example, tmp_path)
    ended = blueno(tmp_path, "sweep", spec.name, "--executor", "inline", "--devices", "cpu", "--json")
    assert "Traceback" not in ended.stderr, ended.stderr
    ledger = json.loads(ended.stdout)
    failed = sum(map(int, example.block.said("failed")))
    counts = {name: ledger[name] for name in ("succeeded", "failed", "diverged")}
    assert counts == {"succeeded": int(example.block.said("succeeded")[0]), "failed": failed, "diverged": 0}
    if example.block.said("failures"):
        assert without_ids(blueno(tmp_path, "failures").stdout) == without_ids(example.shown)
    for script in [block for block in blocks(page) if block.said("run") and block.section == example.block.section]:
        subprocess.run([sys.executable, "-c", script.text], cwd=tmp_path, check=True, capture_output=True)


def without_ids(text: str) -> str:
    return re.sub(r"\b[0-9a-f]{16}\b", "ID", text).strip()


# ---- links


def anchors(page: Path) -> set[str]:
    """What links may point to in a page, as GitHub names headings."""
    headings = re.findall(r"^#+ (.+)$", without_code(page), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()).strip() for heading in headings)
    return {heading.replace(" ", "-") for heading in kept}


def without_code(page: Path) -> str:
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def is_broken(page: Path, link: str) -> bool:
    path, _, anchor = link.partition("#")
    target = (page.parent / path).resolve() if path else page
    return not target.exists() or (bool(anchor) and anchor not in anchors(target))


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", without_code(page))
    inside = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in inside if is_broken(page, link)] == []


def test_a_broken_link_is_found() -> None:
    page = DOCS / "language.md"
    assert [is_broken(page, link) for link in ("nowhere.md", "#nowhere", "recipe.md#nowhere")] == [True] * 3


# ---- completeness


def mentions(page: str) -> set[str]:
    """Everything that stands in backticks on a page, whole and word by word."""
    text = (DOCS / page).read_text(encoding="utf-8")
    quoted = re.findall(r"`([^`\n]+)`", text)
    return {*quoted, *(word for each in quoted for word in re.findall(r"\w+", each))}


def test_every_word_of_the_language_is_explained() -> None:
    tables = (
        language.TOP_KEYS, language.ARM_KEYS, language.RESERVED, language.TRAIN, language.EARLY_STOPPING,
        language.REDUCE_ON_PLATEAU, language.COSINE, language.TASKS, language.DATA_KEYS, language.DATA_RESERVED,
        language.SHARES, language.FOLDS, language.MODEL_KINDS, language.CLASHING, language.RESOURCES, language.KEEP,
        FORMS, SPECIAL, OPERATORS,
    )  # fmt: skip
    text = (DOCS / "language.md").read_text(encoding="utf-8")
    words = {word for table in tables for word in table}
    assert {word for word in words if not re.search(rf"\b{word}\b", text)} == set()
    in_backticks = {*language.TOP_KEYS, *language.TRAIN, *language.FOLDS, *FORMS, *OPERATORS, *SPECIAL}
    assert in_backticks - mentions("language.md") == set()


DEFAULTS = {
    "train.": language.TRAIN,
    "train.early_stopping.": language.EARLY_STOPPING,
    "train.reduce_on_plateau.": language.REDUCE_ON_PLATEAU,
    "cosine.": language.COSINE,
}


@pytest.mark.parametrize("prefix", DEFAULTS)
def test_defaults(prefix: str) -> None:
    rows = re.findall(
        rf"^\| `{re.escape(prefix)}(\w+)` \| (\S.*?) \|", (DOCS / "language.md").read_text(), re.MULTILINE
    )
    said = {
        key: language.REQUIRED if default == "required" else yaml.safe_load(default.strip("`")) for key, default in rows
    }
    assert said == {key: each.default for key, each in DEFAULTS[prefix].items()}


def test_defaults_of_a_split_and_of_keep() -> None:
    text = (DOCS / "language.md").read_text(encoding="utf-8")
    for key, each in {**language.FOLDS, **language.SHARES}.items():
        if each.default is not language.REQUIRED:
            assert f"| `{key}` | `{json.dumps(each.default)}` |" in text
    for key, default in language.KEEP.items():
        assert f"| `keep.{key}` | `{default}` |" in text


@pytest.mark.parametrize("role", ["source", "step", "architecture"])
def test_built_ins_are_named_with_their_parameters(role: str) -> None:
    mentioned = mentions("language.md")
    for name in {"source": SOURCES, "step": STEPS, "architecture": ARCHITECTURES}[role]:
        taken = signature_of(role, name, Folders(ROOT, ROOT)).parameters
        assert {name, *taken} - mentioned == set()


def test_metrics_that_are_always_measured() -> None:
    assert {name for names in DEFAULT_METRICS.values() for name in names} - mentions("language.md") == set()


def test_every_setting_and_verb_is_explained() -> None:
    assert set(TYPES) - mentions("settings.md") == set()
    assert set(VERBS) - set(re.findall(r"^### (\w+)$", (DOCS / "cli.md").read_text(), re.MULTILINE)) == set()


def test_commands_exist() -> None:
    """Every `make TARGET` and `blueno VERB` that a page names."""
    text = "\n".join(page.read_text(encoding="utf-8") for page in pages())
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    made = set(re.findall(r"`make ([a-z]+)`|^make ([a-z]+) ", text, re.MULTILINE))
    assert {one or other for one, other in made} - targets == set()
    called = set(re.findall(r"`blueno ([a-z]+)|^(?:    )?blueno ([a-z]+) ", text, re.MULTILINE))
    assert {one or other for one, other in called} - set(VERBS) == set()


def test_the_readme_shows_the_example() -> None:
    shown = next(block.text for block in blocks(ROOT / "README.md") if block.language == "yaml")
    assert shown == (ROOT / "specs" / "digits.yaml").read_text(encoding="utf-8")


def test_every_page_is_in_the_index() -> None:
    index = (DOCS / "README.md").read_text(encoding="utf-8")
    assert [
        page.name for page in DOCS.glob("*.md") if page.name != "README.md" and f"]({page.name})" not in index
    ] == []


# ---- results.md


def test_the_store_is_described() -> None:
    db = sqlite3.connect(":memory:")
    for migration in MIGRATIONS:
        migration(db)
    described = dict(
        re.findall(r"^\| `(\w+)` \| [^|`]+ \| ([^|]+) \|$", (DOCS / "results.md").read_text(), re.MULTILINE)
    )
    for (table,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"):
        columns = [column for (column,) in db.execute(f"SELECT name FROM pragma_table_info('{table}')")]
        assert re.findall(r"`(\w+)`", described[table]) == columns
    db.close()


def test_documents_for_programs_are_described() -> None:
    keys = {*SHOWN_OF_A_TRIAL, *ConfigRow._fields, *Ledger._fields, *STATES, *ADVICE}
    keys |= {
        "id",
        "state",
        "params",
        "resolved",
        "data",
        "seed",
        "fold",
        "attempts",
        "dataset_id",
        "progress",
        "sweeps",
        "rows",
    }
    assert keys - mentions("results.md") == set()


def test_exit_codes_are_the_same_everywhere() -> None:
    codes = [re.findall(r"^\| (\d+) \|", (DOCS / page).read_text(), re.MULTILINE) for page in ("cli.md", "results.md")]
    assert codes[0] == codes[1] != []
