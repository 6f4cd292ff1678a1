"""Templates are what the list of fields says, and a real server takes them."""

from __future__ import annotations

import pytest

from blueno.elastic.fields import FIELDS, KINDS
from blueno.elastic.templates import actions, mappings

from ..elastic_server import Server
from ..write_elastic_docs import PAGE, page


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_is_named_once_and_explained(kind: str) -> None:
    names = [field.name for field in FIELDS[kind]]
    assert len(names) == len(set(names))
    assert all(field.meaning for field in FIELDS[kind])
    parents = {name.rpartition(".")[0] for name in names if "." in name and not name.endswith(".*")}
    assert not parents & set(names)


def test_a_server_takes_the_templates_and_types_come_out_as_listed(server: Server, prefix: str) -> None:
    for action in actions(prefix):
        server.ask(action["method"], action["path"], action["body"])
    document = {
        "trial_id": "a", "hp": {"num": {"train.optimizer.sgd.momentum": 1}, "cat": {"model.pool": "max"}},
        "hp_all": {"model.pool": "max"}, "metrics": {"val_accuracy": 1}, "unknown": {"x": 1}, "duration_s": "no number",
        "spec": {"model": {"deep": {"er": 1}}}, "log": "a line\nof words",
    }  # fmt: skip
    server.ask("PUT", f"/{prefix}-trials/_doc/s:a?require_alias=true", document)
    server.ask("PUT", f"/{prefix}-trials/_doc/s:b?require_alias=true", {"hp": {"num": {"model.rate": 0.5}}})
    [found] = server.ask("GET", f"/{prefix}-trials/_mapping").values()
    properties = found["mappings"]["properties"]
    assert properties["hp"]["properties"]["num"]["properties"] == {
        "model.rate": {"type": "double"}, "train.optimizer.sgd.momentum": {"type": "double"},
    }  # fmt: skip
    assert properties["hp"]["properties"]["cat"]["properties"]["model.pool"]["type"] == "keyword"
    assert properties["metrics"]["properties"] == {"val_accuracy": {"type": "double"}}
    assert "unknown" not in properties
    assert {field.name.split(".")[0] for field in FIELDS["trials"]} == set(properties)
    assert [each["_id"] for each in server.documents(f"{prefix}-trials", hp_all="max")] == ["s:a"]


def test_nothing_else_becomes_a_field() -> None:
    for kind in KINDS:
        assert mappings(kind)["dynamic"] is False


def test_the_page_lists_the_fields() -> None:
    assert page() == PAGE.read_text(), "run python -m tests.write_elastic_docs"
