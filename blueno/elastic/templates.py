"""Index templates, aliases and the role, made from the list of fields. Pure: nothing here talks to a server."""

from __future__ import annotations

from typing import Any

from .fields import FIELDS, KINDS, Field, Kind

PRIORITY = 500  # above the templates that a server has of its own
WORD_CHARACTERS = 1024  # a longer keyword is not indexed; a whole term over 32,766 bytes would refuse the document
TYPES: dict[str, dict[str, Any]] = {
    "keyword": {"type": "keyword", "ignore_above": WORD_CHARACTERS},
    "text": {"type": "text", "fields": {"keyword": {"type": "keyword", "ignore_above": 256}}},
    "flattened": {"type": "flattened", "ignore_above": WORD_CHARACTERS},
    "stored": {"type": "object", "enabled": False},
}
SETTINGS = {
    "number_of_shards": 1,
    "auto_expand_replicas": "0-1",
    "refresh_interval": "3s",  # said, so that an index that nobody searches is refreshed, too
    "mapping.total_fields.limit": 2000,
    "mapping.total_fields.ignore_dynamic_beyond_limit": True,
    "mapping.ignore_malformed": True,
}


def alias(prefix: str, kind: Kind) -> str:
    """What documents are written to and searched through."""
    return f"{prefix}-{kind}"


def index(prefix: str, kind: Kind, version: int) -> str:
    """An index behind the alias."""
    return f"{prefix}-{kind}-v{version}"


def template(prefix: str, kind: Kind) -> dict[str, Any]:
    """The body of an index template."""
    return {
        "index_patterns": [f"{prefix}-{kind}-v*"],
        "priority": PRIORITY,
        "template": {"settings": {"index": SETTINGS}, "mappings": mappings(kind)},
        "_meta": {"made_by": "blueno elastic setup"},
    }


def mappings(kind: Kind) -> dict[str, Any]:
    """The mappings of an index: what is not in the list of fields is kept and not indexed."""
    properties: dict[str, Any] = {}
    dynamic: list[dict[str, Any]] = []
    for field in FIELDS[kind]:
        path = field.name.removesuffix(".*").split(".")
        place = properties
        for name in path[:-1]:
            place = place.setdefault(name, {"properties": {}})["properties"]
        place[path[-1]] = mapping(field)
        if field.name.endswith(".*"):
            leaf = TYPES.get(field.type, {"type": field.type})
            dynamic.append({"_".join(path): {"path_match": field.name, "mapping": leaf}})
    return {"dynamic": False, "dynamic_templates": dynamic, "properties": properties}


def mapping(field: Field) -> dict[str, Any]:
    """The mapping of one field."""
    if field.name.endswith(".*"):
        return {"type": "object", "dynamic": True, "subobjects": False}
    return dict(TYPES.get(field.type, {"type": field.type}))


def role(prefix: str) -> dict[str, Any]:
    """The rights that sending needs, and no more."""
    names = [f"{prefix}-{kind}*" for kind in KINDS]
    return {
        "cluster": ["monitor"],
        "indices": [{"names": names, "privileges": ["index", "delete", "read", "maintenance", "view_index_metadata"]}],
    }


def setup_role(prefix: str) -> dict[str, Any]:
    """The rights that `blueno elastic setup` needs."""
    names = [f"{prefix}-{kind}*" for kind in KINDS]
    return {
        "cluster": ["monitor", "manage_index_templates"],
        "indices": [{"names": names, "privileges": ["manage", "index", "read", "view_index_metadata"]}],
    }


def actions(prefix: str, version: int = 1) -> list[dict[str, Any]]:
    """What `setup` asks of a server where there is nothing yet, in order: method, path, body."""
    asked: list[dict[str, Any]] = []
    for kind in KINDS:
        name, of = index(prefix, kind, version), alias(prefix, kind)
        asked.append({"method": "PUT", "path": f"/_index_template/{of}", "body": template(prefix, kind)})
        asked.append({"method": "PUT", "path": f"/{name}", "body": {"aliases": {of: {"is_write_index": True}}}})
    return asked
