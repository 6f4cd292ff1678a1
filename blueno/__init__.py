"""Blueno mass-produces machine-learning experiments: one YAML spec in, one honest table out."""

__version__ = "0.1.0"
