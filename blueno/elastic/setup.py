"""Makes the index, and moves it to a new version of its mappings; says how it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import BluenoError
from .client import Unreachable, ask, copy_documents, count_of
from .fields import KINDS, Kind
from .kibana.bundle import bundle
from .templates import actions as first_actions
from .templates import alias, index, mappings, role, setup_role, template

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch


class Standing(NamedTuple):
    """How one kind of documents stands on the server."""

    kind: Kind
    index_name: str | None  # behind the alias; None when there is none
    documents: int
    lacking: list[str]  # fields of ours that its mapping does not have
    other: list[str]  # fields that it has with another type: only a new version of the index helps


def standings(client: Elasticsearch, prefix: str) -> list[Standing]:
    """How the three kinds stand. Raises Unreachable."""
    return [_standing(client, prefix, kind) for kind in KINDS]


def _standing(client: Elasticsearch, prefix: str, kind: Kind) -> Standing:
    name = write_index(client, prefix, kind)
    if name is None:
        return Standing(kind, None, 0, [], [])
    count = count_of(client, prefix, kind)
    there = ask(client, lambda it: it.indices.get_mapping(index=name))[name]["mappings"]
    ours, theirs = dict(_leaves(mappings(kind))), dict(_leaves(there))
    lacking = [path for path in ours if path not in theirs]
    other = [path for path in ours if path in theirs and theirs[path] != ours[path]]
    return Standing(kind, name, count, lacking, other)


def _leaves(mapping: dict[str, Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Fields of a mapping with their types, by path. What is below dynamic objects is nobody's business."""
    for name, about in mapping.get("properties", {}).items():
        if "properties" in about and about.get("dynamic") not in (True, "true"):
            yield from _leaves(about, f"{before}{name}.")
        else:
            yield before + name, about.get("type", "object")


def write_index(client: Elasticsearch, prefix: str, kind: Kind) -> str | None:
    """The index that the alias writes to; None when there is no alias."""
    try:
        found = ask(client, lambda it: it.indices.get_alias(name=alias(prefix, kind)))
    except Unreachable as error:
        if error.status == 404:
            return None
        raise
    return next((name for name, about in found.items() if _writes(about, alias(prefix, kind), len(found))), None)


def _writes(about: dict[str, Any], name: str, count: int) -> bool:
    return bool(about["aliases"][name].get("is_write_index", count == 1))


def set_up(client: Elasticsearch, prefix: str, tell: Callable[[str], None]) -> None:
    """Templates, indices and aliases, as far as they are missing; fields that are missing are added to what is there.

    Raises Unreachable, and BluenoError when a field has another type there.
    """
    other: list[str] = []
    for kind in KINDS:
        _put_template(client, prefix, kind)
        found = _standing(client, prefix, kind)
        if found.index_name is None:
            _create(client, prefix, kind, 1, {alias(prefix, kind): {"is_write_index": True}})
            tell(f"{index(prefix, kind, 1)} is made, behind {alias(prefix, kind)}")
        elif found.other:
            other += [f"{found.index_name}: {path}" for path in found.other]
        elif found.lacking:
            _add_fields(client, found.index_name, kind)
            tell(f"{found.index_name} has new fields: {', '.join(found.lacking)}")
        else:
            tell(f"{found.index_name} is as it should be ({found.documents} documents)")
    if other:
        raise BluenoError(
            f"these fields have another type there: {', '.join(other)}",
            "make the next version of the index: blueno elastic setup --migrate",
        )


def _put_template(client: Elasticsearch, prefix: str, kind: Kind) -> None:
    body = template(prefix, kind)
    body["meta"] = body.pop("_meta")
    ask(client, lambda it: it.indices.put_index_template(name=alias(prefix, kind), **body))


def _add_fields(client: Elasticsearch, index: str, kind: Kind) -> None:
    ask(client, lambda it: it.indices.put_mapping(index=index, properties=mappings(kind)["properties"]))


def _refresh(client: Elasticsearch, index: str) -> None:
    ask(client, lambda it: it.indices.refresh(index=index))


def _create(client: Elasticsearch, prefix: str, kind: Kind, version: int, aliases: dict[str, Any]) -> None:
    """An index of that version, with the mappings of the template. One that somebody else named so is left alone."""
    name = index(prefix, kind, version)
    try:
        ask(client, lambda it: it.indices.create(index=name, aliases=aliases))
    except Unreachable as error:
        if "resource_already_exists" not in str(error):
            raise
        if aliases:  # left by somebody who was interrupted
            actions = [{"add": {"index": name, "alias": each, **more}} for each, more in aliases.items()]
            ask(client, lambda it: it.indices.update_aliases(actions=actions))


def migrate(client: Elasticsearch, prefix: str, tell: Callable[[str], None]) -> None:
    """Makes the next version of each index, copies the documents of every store, and switches the alias in one step.

    Nobody can write to the old one between the last copy and the switch: senders wait so long. The old index stays,
    without the alias. Raises Unreachable; then the alias is where it was, and the same command goes on.
    """
    for kind in KINDS:
        _put_template(client, prefix, kind)
        old = write_index(client, prefix, kind)
        if old is None:
            _create(client, prefix, kind, 1, {alias(prefix, kind): {"is_write_index": True}})
            continue
        new = index(prefix, kind, version_of(old) + 1)
        _create(client, prefix, kind, version_of(old) + 1, {})
        copy_documents(client, old, new)
        try:
            _write_block(client, old, True)
            _refresh(client, old)
            copied, refused = copy_documents(client, old, new)  # and what was written meanwhile
            _refresh(client, new)  # else whoever asks just after the switch misses what was copied last
            _switch(client, prefix, kind, old, new)
        except BaseException:
            _write_block(client, old, False)
            raise
        where = f"{copied} documents are in {new}, and {alias(prefix, kind)} leads there"
        tell(f"{kind}: {where}; {old} takes nothing any more, and may be deleted")
        for reason, count in refused.items():
            tell(f"{kind}: {count} documents cannot be taken: {reason}")


def _write_block(client: Elasticsearch, index: str, on: bool) -> None:
    ask(client, lambda it: it.indices.put_settings(index=index, settings={"index.blocks.write": on}))


def version_of(index: str) -> int:
    """The version in an index's name."""
    digits = index.rpartition("-v")[2]
    return int(digits) if digits.isdigit() else 0


def _switch(client: Elasticsearch, prefix: str, kind: Kind, old: str, new: str) -> None:
    name = alias(prefix, kind)
    actions: list[dict[str, Any]] = [
        {"remove": {"index": old, "alias": name}},
        {"add": {"index": new, "alias": name, "is_write_index": True}},
    ]
    ask(client, lambda it: it.indices.update_aliases(actions=actions))


def for_an_administrator(prefix: str) -> dict[str, Any]:
    """All that `setup` asks, and the roles and keys, as requests that somebody else can send; and the dashboards."""
    key = {"name": f"{prefix}-sender", "role_descriptors": {"sender": role(prefix)}}
    return {
        "requests": [
            *first_actions(prefix),
            {"method": "PUT", "path": f"/_security/role/{prefix}-sender", "body": role(prefix)},
            {"method": "PUT", "path": f"/_security/role/{prefix}-setup", "body": setup_role(prefix)},
            {"method": "POST", "path": "/_security/api_key", "body": key},
        ],
        "kibana": bundle(prefix, []),  # saved objects, for its import
        "then": 'put the `encoded` of the last answer into credentials/elastic.json: {"api_key": "..."}',
    }
