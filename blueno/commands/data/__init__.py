"""`blueno data`: prepared datasets and the nodes that they share, here and in the shared cache."""

from __future__ import annotations

from ..groups import Group

VERBS = {
    "ls": "Every prepared dataset and shared node.",
    "show": "One of them: where it comes from, who uses it, what is in it.",
    "rm": "Remove some, with the parts that nothing else needs.",
    "gc": "Keep the cache to its size, the oldest use going first.",
    "sync": "Compare this machine with the shared cache, and mend.",
    "raw": "Compare raw data that was fetched from buckets, and mend.",
}

command = Group(
    "data", __name__, VERBS,
    "Prepared datasets, and the nodes (source and first steps) that they share, here and in the shared cache.",
)  # fmt: skip
