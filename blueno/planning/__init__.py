"""The compiler: a Spec to a Plan, in which every dataset, config and trial has its id and occurs once."""

from __future__ import annotations

from .compile import compile_spec
from .records import Config, DatasetNode, Plan, Trial
from .snapshot import Snapshot

__all__ = ["Config", "DatasetNode", "Plan", "Snapshot", "Trial", "compile_spec"]
