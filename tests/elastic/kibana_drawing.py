"""Vega without Kibana: what it would ask is asked, the answer takes the place of `data.url`, vl-convert draws."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import vl_convert

from ..elastic_server import Server

VEGA_LITE = "5.20"  # of the versions that vl-convert has, the nearest to Kibana's
SIZE = (900, 340)
Spec = dict[str, Any]


def asked(spec: Spec) -> Spec:
    """The one source of data that asks."""
    data = spec["data"] if isinstance(spec["data"], list) else [spec["data"]]
    [found] = [each for each in data if "url" in each]
    return found


def answer(server: Server, spec: Spec, filter: dict[str, Any] | None) -> Any:
    """What the server says to the query that Kibana makes of `%context%`: the dashboard's filter, here without time."""
    url = asked(spec)["url"]
    assert url["%context%"] is True
    assert "query" not in url["body"]
    query = {"bool": {"filter": [filter] if filter else []}}
    return server.ask("POST", f"/{url['index']}/_search", {**url["body"], "query": query})


def filled(spec: Spec, answered: Any, size: tuple[int, int] = SIZE) -> Spec:
    """The spec with an answer in the place of the question, as large as a panel."""
    spec = json.loads(json.dumps(spec))
    source = asked(spec)
    del source["url"]
    found = answered
    for name in source.pop("format")["property"].split("."):
        found = found[name]
    source["values"] = found
    return {
        **spec,
        "width": size[0],
        "height": size[1],
        "autosize": {"type": "fit", "contains": "padding"},
        "background": "white",
    }


def is_lite(spec: Spec) -> bool:
    return "vega-lite" in spec["$schema"]


def png(spec: Spec) -> bytes:
    if is_lite(spec):
        return bytes(vl_convert.vegalite_to_png(spec, vl_version=VEGA_LITE, scale=1))
    return bytes(vl_convert.vega_to_png(spec, scale=1))


def scenegraph(spec: Spec) -> Any:
    if is_lite(spec):
        return vl_convert.vegalite_to_scenegraph(spec, vl_version=VEGA_LITE)
    return vl_convert.vega_to_scenegraph(spec)


def _inside(each: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    kind = each.get("marktype")
    for item in each.get("items", []):
        if kind == "group" or kind is None:
            for inner in item.get("items", []):
                if inner.get("role") in ("mark", "scope", "frame", None):
                    yield from _inside(inner)
        else:
            yield kind, item


def drawn(spec: Spec) -> Counter[str]:
    """How many marks of each type are drawn."""
    return Counter(kind for kind, _ in all_marks(spec))


def all_marks(spec: Spec) -> list[tuple[str, dict[str, Any]]]:
    """Every mark of a drawing that is no part of an axis, legend or title: its type, and itself."""
    scene = scenegraph(spec)["scenegraph"]
    return list(_inside(scene))
