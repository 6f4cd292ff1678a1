"""`blueno elastic`: the index of results in Elasticsearch, a view of the store that can always be rebuilt."""

from __future__ import annotations

from ..groups import Group

VERBS = {
    "setup": "Make templates, indices and aliases.",
    "status": "Whether it can be reached, what it holds, what waits here.",
    "index": "Send what waits.",
    "rebuild": "Write all documents of this store anew.",
    "dashboards": "Write Kibana's dashboards, or import them.",
    "import": "Read results of other tools into this project's history.",
}

command = Group(
    "elastic", __name__, VERBS, "The index of results in Elasticsearch: set it up, send what waits, see how it stands."
)
