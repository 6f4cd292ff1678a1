"""Data views, one for each kind of documents, with the meanings and units of the list of fields."""

from __future__ import annotations

from typing import Any

from ..fields import FIELDS, KINDS, Field, Kind
from ..templates import alias
from .saved import Saved, saved, text

FORMATS: dict[str, dict[str, Any]] = {
    "bytes": {"id": "bytes", "params": {"pattern": "0,0.[0] b"}},
    "s": {
        "id": "duration",
        "params": {
            "inputFormat": "seconds", "outputFormat": "humanizePrecise", "outputPrecision": 1, "useShortSuffix": True,
            "includeSpaceWithSuffix": True,
        },
    },
}  # fmt: skip


def view_id(prefix: str, kind: Kind) -> str:
    """The id of a data view."""
    return f"{alias(prefix, kind)}-view"


def views(prefix: str) -> list[Saved]:
    """The data views. They hold no list of fields: Kibana asks the index."""
    return [_view(prefix, kind) for kind in KINDS]


def _view(prefix: str, kind: Kind) -> Saved:
    plain = [field for field in FIELDS[kind] if not field.name.endswith(".*")]
    attributes = {
        "title": alias(prefix, kind),
        "name": f"Blueno {kind}" if prefix == "blueno" else f"Blueno {kind} ({prefix})",
        "timeFieldName": "@timestamp",
        "fields": "[]",
        "fieldAttrs": text({field.name: {"customDescription": field.meaning} for field in plain}),
        "fieldFormatMap": text({name: FORMATS[field.unit] for field in plain if field.unit for name in names(field)}),
        "sourceFilters": "[]",
        "runtimeFieldMap": "{}",
        "allowHidden": False,
    }
    return saved("index-pattern", view_id(prefix, kind), attributes, [])


def names(field: Field) -> list[str]:
    """What a field can be asked by."""
    return [field.name, f"{field.name}.keyword"] if field.type == "text" else [field.name]
