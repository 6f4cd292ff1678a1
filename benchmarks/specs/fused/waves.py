"""Synthetic sequences, for the specs beside it: noisy waves whose frequency is their class."""

from __future__ import annotations

import numpy as np

CLASSES = 4


def load(samples: int = 1797, time: int = 16, channels: int = 8, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Sequences (samples, time, channels) float32 and their classes (samples,) int64; the same seed, the same data."""
    random = np.random.default_rng(seed)
    target = random.integers(CLASSES, size=samples)
    frequency = 2 * np.pi * (target + 1) / (2 * CLASSES)
    phase = random.uniform(0, 2 * np.pi, (samples, 1, channels))
    wave = np.sin(frequency[:, None, None] * np.arange(time)[None, :, None] + phase)
    return (wave + random.normal(0, 0.5, wave.shape)).astype(np.float32), target
