"""What happens to samples before training. Adding a step: a module here, and a line in `STEPS`.

A module has `VERSION`, `FITTED` (whether it learns from the training part), `COLUMNS` (the kind of a table's columns
that it takes when the spec does not say), and `build`, which takes what a spec may say and returns an object with
scikit-learn's `fit(x, y)` and `transform(x)`; `transform` alone if it learns nothing. x is a data frame of those
columns or an array: flattened to (n, d) for a step that learns, else (n, *shape). An attribute `published` of the
fitted object, {name: value}, fills parameters of that name in architectures; `makes_array` says that what is made of a
table's only columns stays an array. A module with `CHANGES_SAMPLES = True` has a `transform` that takes and returns
`change.PartSamples`, the samples of one part.
"""

from __future__ import annotations

STEPS = {
    "bin": "bin",
    "clip": "clip",
    "count_words": "count_words",
    "crop": "crop",
    "gray": "gray",
    "hash_words": "hash_words",
    "impute": "impute",
    "impute_knn": "impute_knn",
    "kernel_pca": "kernel_pca",
    "log": "log",
    "normalize": "normalize",
    "nystroem": "nystroem",
    "one_hot": "one_hot",
    "ordinal": "ordinal",
    "pad": "pad",
    "pca": "pca",
    "polynomial": "polynomial",
    "power": "power",
    "quantile": "quantile",
    "random_projection": "random_projection",
    "rbf_sampler": "rbf_sampler",
    "rescale": "rescale",
    "reshape": "reshape",
    "resize": "resize",
    "scale": "scale",
    "select": "select",
    "slabs": "slabs",
    "spline": "spline",
    "svd": "svd",
    "target_encode": "target_encode",
    "tfidf": "tfidf",
    "tokenize": "tokenize",
    "transpose": "transpose",
    "unit_norm": "unit_norm",
    "variance_threshold": "variance_threshold",
    "windows": "windows",
}
