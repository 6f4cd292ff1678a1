"""Draws the pictures of docs/kibana.md anew, from answers of a real Elasticsearch.

python -m tests.write_kibana_pictures
"""

from __future__ import annotations

import io
import uuid
from pathlib import Path
from typing import Any

from PIL import Image

from blueno.elastic.kibana.bundle import dashboards
from blueno.elastic.kibana.saved import Dashboard, Panel

from .elastic import kibana_data as data
from .elastic import kibana_drawing as drawing
from .elastic_server import Server, started

FOLDER = Path(__file__).parents[1] / "docs" / "kibana"
PICTURES = {
    "parallel": "sweep",
    "heatmap": "sweep",
    "best": "sweep",
    "curves": "sweep",
    "messages": "failures",
    "busy": "machines",
}
ENDED = {"bool": {"must_not": [{"term": {"state": "running"}}]}}  # what runs would be drawn until today
COLOURS = 48


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    server = started(shared=True)
    try:
        prefix = f"t{uuid.uuid4().hex[:10]}"
        data.fill(server, prefix, data.documents())
        for board in dashboards(prefix, [data.facts()]):
            for panel in (panel for row in board.rows for panel in row):
                name = board.id.removeprefix(f"{prefix}-").partition("-")[0]
                if PICTURES.get(panel.id) == name and not board.id.endswith("config"):
                    draw(server, board, panel)
    finally:
        server.close()


def draw(server: Server, board: Dashboard, panel: Panel) -> None:
    """One picture, in few colours, so that it is small."""
    filter: dict[str, Any] | None = board.filter[1] if board.filter else ENDED
    size = (panel.width * 18, min(panel.height * 20, 300))
    spec = drawing.filled(panel.content, drawing.answer(server, panel.content, filter), size)
    image = Image.open(io.BytesIO(drawing.png(spec))).convert("RGB").quantize(COLOURS)
    image.save(FOLDER / f"{panel.id}.png", optimize=True)


if __name__ == "__main__":
    main()
