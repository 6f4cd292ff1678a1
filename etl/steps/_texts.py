"""What the steps on texts have in common."""

from __future__ import annotations

from typing import Any

import numpy as np


def reading(ngrams: int, unit: str, lowercase: bool) -> dict[str, Any]:
    """How scikit-learn's vectorizers take a text apart: runs of 1 to `ngrams` words, or of characters inside words."""
    analyzer = "word" if unit == "word" else "char_wb"
    return {"ngram_range": (1, ngrams), "analyzer": analyzer, "lowercase": lowercase, "dtype": np.float32}
