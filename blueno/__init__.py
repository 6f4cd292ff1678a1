"""Blueno mass-produces machine-learning experiments: one YAML spec in, one honest table out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api import plan, results, sweep

__version__ = "0.1.0"
__all__ = ["plan", "results", "sweep"]


def __getattr__(name: str) -> Any:
    """The Python face, imported when it is first used: the command line starts without it."""
    if name in __all__:
        from importlib import import_module

        return getattr(import_module(".api", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
