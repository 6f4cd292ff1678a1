"""What a trial says while it runs, no more often than anybody can read."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from ..messages import Message

INTERVAL_S = 0.5  # messages about epochs of one trial, at most this often


def finite(value: float) -> float | None:
    """The number, or None if it is infinite or none at all, which JSON cannot say."""
    return float(value) if math.isfinite(value) else None


class EpochReport:
    """Tells the scheduler of epochs, at most every half second, and of the last one in any case."""

    def __init__(
        self,
        base: Message,
        emit: Callable[[Message], None],
        clock: Callable[[], float] = time.monotonic,
        one_epoch: bool = False,
    ) -> None:
        """`one_epoch`: a trial that is only tried ends after its first epoch, however many it means to train."""
        self._base, self._emit, self._clock, self._one_epoch = base, emit, clock, one_epoch
        self._next_s = 0.0
        self._waiting: Message | None = None

    def __call__(self, epoch: int, epochs: int, metrics: dict[str, float]) -> bool:
        """Whether to stop now."""
        values = {name: finite(value) for name, value in metrics.items()}
        self._waiting = {"kind": "epoch", **self._base, "epoch": epoch, "epochs": epochs, "metrics": values}
        if self._clock() >= self._next_s:
            self.flush()
        return self._one_epoch

    def flush(self) -> None:
        """Tells of the newest epoch if that was not done yet."""
        if self._waiting is not None:
            self._emit(self._waiting)
            self._waiting = None
            self._next_s = self._clock() + INTERVAL_S
