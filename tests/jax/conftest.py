"""These tests need Keras on JAX, others TensorFlow: tests/unit/test_jax.py runs them in a process of their own."""

from __future__ import annotations

import os

collect_ignore_glob = [] if os.environ.get("KERAS_BACKEND") == "jax" else ["test_*.py"]
