"""What happens to samples before training. Adding a step: a module here, and a line in `STEPS`.

A module has `VERSION`, `FITTED` (whether it learns from the training part), `COLUMNS` (the kind of a table's columns
that it takes when the spec does not say), and `build`, which takes what a spec may say and returns an object with
scikit-learn's `fit(x, y)` and `transform(x)`; `transform` alone if it learns nothing. x is a data frame of those
columns or an array: flattened to (n, d) for a step that learns, else (n, *shape). An attribute `published` of the
fitted object, {name: value}, fills parameters of that name in architectures.
"""

from __future__ import annotations

STEPS = {"impute": "impute", "one_hot": "one_hot", "pca": "pca", "reshape": "reshape", "scale": "scale"}
