"""Which nodes a dataset comes from. Recipes only: nothing is imported that reads data."""

from __future__ import annotations

from typing import Any

from blueno.canonical import digest

FORMAT = 4  # of nodes as they are stored; counts for their ids


def node_recipe(recipe: dict[str, Any], num_steps: int) -> dict[str, Any]:
    """What a node's id is the digest of: a dataset recipe's source, columns and first steps.

    The columns that a split looks at (`group`, `cut` for its time, `marks` for the parts that the data says) are no
    inputs, so they are columns here. What is done to the target after the split makes no difference to a node.
    """
    columns, split = dict(recipe["columns"]), recipe["split"] or {}
    columns.pop("target_scale", None)
    columns["group"] = columns.get("group") or split.get("group")
    columns |= {"cut": split.get("time"), "marks": split.get("column")}
    return {"columns": columns, "node": FORMAT, "source": recipe["source"], "steps": recipe["steps"][:num_steps]}


def nodes_of(recipe: dict[str, Any]) -> list[str]:
    """The ids of all nodes that a dataset's recipe can share with others, the source first. Those beyond its first step
    that learns are never made.
    """
    return [digest(node_recipe(recipe, count)) for count in range(len(recipe["steps"]) + 1)]
