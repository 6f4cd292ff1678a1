"""The query language of `find` and `sweep --only`: text to a small tree, and what the tree means.

    text -> words (`words`) -> tree (`parse`, with the places of everything) -> a question of records (`ask`)
                                                                             -> a query of Elasticsearch (`elastic`)

Both meanings give the same answers:
- A field has no value, one or several. A comparison holds if it holds for one of them; of nothing, none holds.
- `not` turns an answer round, whatever is missing: `not val_auc > 0.9` is true of a trial without `val_auc`.
- `!=` and `not in` need a value: they hold if there is one, and none is equal.
- Numbers and texts are never equal; true and false are texts; null and what is not finite are missing.
"""

from __future__ import annotations

from .parse import parse
from .tree import And, Comparison, Node, Not, Or

__all__ = ["And", "Comparison", "Node", "Not", "Or", "parse"]
