"""Keras models by name. Adding one is a file here and a line in `ARCHITECTURES`; users' own look just the same.

A module has `VERSION`, which is part of a trial's identity and rises when its function's results change, and
`build(input_shape, output_units, output_activation, ...)`, whose other parameters are what a spec may set.
"""

from __future__ import annotations

ARCHITECTURES: dict[str, str] = {"cnn": "cnn", "mlp": "mlp"}  # name in a spec -> module in this folder
