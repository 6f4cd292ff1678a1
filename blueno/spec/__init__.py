"""The spec language: text to a Spec in which everything is checked, or to every error with its place."""

from __future__ import annotations

from .load import Spec, load

__all__ = ["Spec", "load"]
