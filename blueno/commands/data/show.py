"""`blueno data show`: where a dataset or node comes from, who uses it, and with --preview what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ...cache.opening import open_cache
from ...canonical import short
from ...counting import counted
from ...errors import NotFound
from ...holdings.lineage import document_of
from ...holdings.view import find
from ...settings import Settings
from ...summaries import described
from ...tables import cell, size
from .. import options, print_json, table
from .places import store_of, view_of

ROWS = 5  # of a preview
IMAGES = 40  # of a contact sheet
PARTS_SHOWN = 12


def preview(settings: Settings, document: dict[str, Any], picture: Path | None) -> dict[str, Any]:
    """What is in a dataset or node: arrays, parts, rows; of images a contact sheet, in the file `picture`.

    What only the shared cache has is fetched for it. Raises NotFound when it is nowhere as a whole.
    """
    from ...etl.preview import images_of, preview_dataset, preview_node
    from ...ml.pictures import draw_contact_sheet, is_images

    cache, id = open_cache(settings), document["id"]
    if document["kind"] == "dataset":
        found: dict[str, Any] | None = preview_dataset(id, cache, ROWS)
    else:
        found = preview_node(id, cache, ROWS)
    if found is None:
        raise NotFound(f"node {short(id)} is not here as a whole", "sweep again what is made from it")
    found["picture"] = None
    if is_images(found["arrays"]["features"]["shape"][1:]):
        path = picture or settings.root / "data" / "work" / "previews" / f"{short(id)}.png"
        images, captions = images_of(id, cache, IMAGES)
        found["picture"] = str(draw_contact_sheet(images, captions, document["words"], path))
    return found


def show_text(document: dict[str, Any]) -> str:
    """The document for people."""
    parts = [_head(document), _lineage(document), _pairs("data", described(document["summary"])), _sizes(document)]
    return "\n\n".join([part for part in parts if part])


def _head(document: dict[str, Any]) -> str:
    where = document["state"] + (", and in the shared cache" if document["here"] and document["remote"] else "")
    used = f", last used {document['used']}" if document["used"] else ""
    return f"{document['kind']} {short(document['id'])}: {where}{used}"


def _lineage(document: dict[str, Any]) -> str:
    """From the source down to the trials, a line each."""
    lines = [("source", document["source"]), *(("step", step) for step in document["steps"])]
    lines += [("split", document["split"])] if document["split"] else []
    lines += [("from node", f"{short(node['id'])}  {node['words']} ({node['state']})") for node in document["nodes"]]
    lines += [("dataset", f"{short(one['id'])}  {one['words']} ({one['state']})") for one in document["datasets"]]
    lines += [
        ("sweep", f"{one['name']} #{one['revision']}: {counted(one['trials'], 'trial')}") for one in document["sweeps"]
    ]
    if document["trials"]:
        states = ", ".join(f"{count} {state}" for state, count in sorted(document["trials"].items()))
        lines.append(("trials", states))
    width = max(len(name) for name, _ in lines)
    return "\n".join(["comes from, and leads to", *(f"  {name.ljust(width)}  {text}" for name, text in lines)])


def _pairs(title: str, values: dict[str, str]) -> str:
    width = max(map(len, values), default=0)
    return "\n".join([title, *(f"  {name.ljust(width)}  {value}" for name, value in values.items())]) if values else ""


def _sizes(document: dict[str, Any]) -> str:
    parts = document["parts"]
    if not parts:
        return ""
    alone = f"{size(document['bytes_alone'])} of it in nothing else"
    head = f"{counted(len(parts), 'part')}, {size(document['bytes'])}, {alone}"
    missing = {*document["missing_parts"]}
    lines = [
        f"  {size(part['bytes']):>9}  {part['key']}"
        + (f"  shared with {part['shared_by']} more" if part["shared_by"] else "")
        + ("  MISSING" if part["key"] in missing else "")
        for part in parts[:PARTS_SHOWN]
    ]
    more = [f"  and {len(parts) - PARTS_SHOWN} smaller ones"] if len(parts) > PARTS_SHOWN else []
    return "\n".join([head, *lines, *more])


def preview_text(found: dict[str, Any]) -> str:
    """A preview for people."""
    arrays = {
        name: f"{' x '.join(map(str, array['shape'])) or 'one value'} {array['dtype']}"
        for name, array in found["arrays"].items()
    }
    pieces = [_pairs("arrays", arrays), _parts_text(found["parts"]), _rows_text(found["rows"])]
    if found["picture"]:
        pieces.append(f"a sheet of its images: {found['picture']}")
    return "\n\n".join(piece for piece in pieces if piece)


def _parts_text(parts: dict[str, Any]) -> str:
    """Samples of each part, and each class in it with its share."""
    if not parts:
        return ""
    labels = list(dict.fromkeys(label for part in parts.values() for label in part.get("classes", {})))
    rows = []
    for name, part in parts.items():
        cells = [_share(part["classes"].get(label, 0), part["samples"]) for label in labels] if labels else []
        cells += [f"{name} {value:.4g}" for name, value in part.get("target", {}).items()]
        rows.append([name, str(part["samples"]), *cells])
    width = max(len(row) for row in rows)
    head = ["part", "samples", *labels, *[""] * (width - 2 - len(labels))]
    return table(head, [row + [""] * (width - len(row)) for row in rows], set(range(1, width)))


def _share(count: int, samples: int) -> str:
    return f"{count} ({count / samples:.0%})" if samples else "0"


def _rows_text(rows: dict[str, Any]) -> str:
    numbers = set(range(2, len(rows["columns"])))
    shown = table(rows["columns"], [[cell(value)[:24] for value in row] for row in rows["values"]], numbers)
    return shown + (f"\n({rows['more_columns']} more columns)" if rows["more_columns"] else "")


@click.command("show")
@click.argument("id")
@click.option("--preview", "with_preview", is_flag=True, help="Shapes, types, classes of each part, rows or images.")
@click.option(
    "--picture", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
    help="With --preview of images: the PNG file to draw them into, not one in data/work/previews.",
)  # fmt: skip
@options
def command(settings: Settings, as_json: bool, id: str, with_preview: bool, picture: Path | None) -> int:
    """Where the dataset or node ID (the beginning of its id) comes from, who uses it, and its parts.

    With --preview what is in it, as a model gets it: of a table a few rows, of images a contact sheet.
    """
    if picture is not None and not with_preview:
        raise click.UsageError("--picture needs --preview")
    db = store_of(settings)
    view = view_of(settings, db)
    document = document_of(view, db, find(view, [id])[0])
    found = preview(settings, document, picture) if with_preview else None
    if as_json:
        print_json({**document, **({"preview": found} if found else {})})
    else:
        click.echo("\n\n".join([show_text(document), *([preview_text(found)] if found else [])]))
    return 0
