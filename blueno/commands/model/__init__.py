"""`blueno model`: what a sweep was for."""

from __future__ import annotations

from ..groups import Group

VERBS = {"pull": "Bring back what trials left, from the shared cache."}

command = Group("model", __name__, VERBS, "What trials left: weights, predictions and files of their own.")
