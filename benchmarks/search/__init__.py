"""Searches, against Optuna alone: `python -m benchmarks.search.cost`, `.quality` and `.digits`."""
