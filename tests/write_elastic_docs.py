"""Writes the tables of fields in docs/elastic.md: `python -m tests.write_elastic_docs`. A test compares."""

from __future__ import annotations

from pathlib import Path

from blueno.elastic.fields import FIELDS, Field

PAGE = Path(__file__).parent.parent / "docs" / "elastic.md"
BEGIN, END = "<!-- begin fields -->\n", "<!-- end fields -->"


def tables() -> str:
    """A table for each kind of documents."""
    return "\n".join(
        f"### {kind}\n\n| field | type | means |\n| --- | --- | --- |\n" + "".join(map(row, fields))
        for kind, fields in FIELDS.items()
    )


def row(field: Field) -> str:
    unit = f" ({field.unit})" if field.unit else ""
    return f"| `{field.name}` | {field.type} | {field.meaning}{unit} |\n"


def page() -> str:
    """The page with the tables as they should be."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return f"{before}{BEGIN}{tables()}{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    PAGE.write_text(page())
