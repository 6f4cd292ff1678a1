"""compose.yaml is what docs/kibana.md says of it. It was never started: test machines have no Docker."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

from ..elastic_server import VERSION

ROOT = Path(__file__).parents[2]


def test_images_are_pinned_and_only_this_machine_reaches_them() -> None:
    services = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
    assert set(services) == {"elasticsearch", "kibana"}
    for name, service in services.items():
        assert service["image"] == f"docker.elastic.co/{name}/{name}:{VERSION}"
        assert all(re.fullmatch(r"127\.0\.0\.1:(\d+):\1", port) for port in service["ports"])
    assert services["kibana"]["depends_on"]["elasticsearch"]["condition"] == "service_healthy"


def test_the_page_names_its_ports() -> None:
    page = (ROOT / "docs" / "kibana.md").read_text()
    assert "http://localhost:9200" in page and "http://localhost:5601" in page
