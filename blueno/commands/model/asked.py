"""What `blueno model pull` was asked for: ids of trials, or a query and so the trials that it finds."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import click

from ...errors import NotFound
from ...settings import Settings
from .. import need_store
from ..find import find, find_elsewhere

ID = re.compile(r"[0-9a-fA-F]+")  # no query is only digits: each compares something


def is_query(words: Sequence[str]) -> bool:
    """Whether words are a query and not ids. Raises UsageError for both together, and for several queries."""
    if not all(word.strip() for word in words):
        raise click.UsageError("one of the words is empty: write ids of trials, or one QUERY in quotes")
    if len(words) == 1 and re.fullmatch(r"[0-9a-zA-Z]*[0-9][0-9a-zA-Z]*", words[0]) and not ID.fullmatch(words[0]):
        raise click.UsageError(f"{words[0]!r} is neither an id of a trial (digits 0 to 9 and a to f) nor a QUERY")
    queries = [word for word in words if not ID.fullmatch(word)]
    if queries and len(words) > 1:
        told = "one QUERY in quotes, or ids of trials; not several queries, and not both"
        raise click.UsageError(f"{queries[0]!r} is no id of a trial: write {told}")
    return bool(queries)


def trials_of(
    query: str, settings: Settings, sort: str | None = None, top: int | None = None, elsewhere: bool = False
) -> list[str]:
    """Ids of the first `top` trials that a query finds, of this store or `elsewhere` in Elasticsearch.

    NotFound when there is none; QueryError.
    """
    found = find_elsewhere(settings, query, sort) if elsewhere else find(need_store(settings.root), query, sort)
    if not found:
        raise NotFound("no trial is so", f"see which there are: blueno find {'--elastic' if elsewhere else ''}".strip())
    return first((str(record.field("trial")[0]) for record in found), top)


def first(trials: Iterable[str], top: int | None) -> list[str]:
    """The first `top` trials of these, each once: several stores may have sent the same."""
    return list(dict.fromkeys(trials))[:top]
