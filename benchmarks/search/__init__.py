"""Searches, against Optuna alone: `python -m benchmarks.search.cost` and `.quality`."""
