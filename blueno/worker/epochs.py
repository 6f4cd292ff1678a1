"""What a trial says while it runs, no more often than anybody can read."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

from ..messages import Message

INTERVAL_S = 0.5  # messages about epochs of one trial, at most this often
ANSWER_S = 0.5  # a worker that asks whether to go on waits so long at most

Answer = Callable[[float], str]  # waits so many seconds for what the scheduler says of the trial: go, stop, or ""


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
        prune: Message | None = None,
        answer: Answer | None = None,
    ) -> None:
        """`one_epoch`: a trial that is only tried ends after its first epoch, however many it means to train.

        `prune` as in the message `train`; without an `answer` to wait for, a trial goes on until it is stopped.
        """
        self._base, self._emit, self._clock, self._one_epoch = base, emit, clock, one_epoch
        self._prune, self._answer = prune, answer
        self._since: list[list[float | None]] = []  # epochs that were not told
        self.stopped = False
        self._next_s = 0.0
        self._waiting: Message | None = None

    def __call__(self, epoch: int, epochs: int, metrics: dict[str, float]) -> bool:
        """Whether to stop now."""
        values = {name: finite(value) for name, value in metrics.items()}
        self._waiting = {"kind": "epoch", **self._base, "epoch": epoch, "epochs": epochs, "metrics": values}
        decides = self._prune is not None and self._note(epoch, values)
        if decides or self._clock() >= self._next_s:
            self.flush(asks=decides and self._answer is not None)
        if self._answer is not None and not self.stopped:
            self.stopped = self._answer(ANSWER_S if decides else 0.0) == "stop"
        return self._one_epoch or self.stopped

    def _note(self, epoch: int, values: dict[str, float | None]) -> bool:
        """Keeps an epoch's value for the next message. Whether a pruner may decide now."""
        assert self._prune is not None, "BUG: nobody prunes"
        name = next((name for name in self._prune["metrics"] if name in values), None)
        if name is None:
            return False
        self._since.append([epoch, values[name]])
        return any(is_due(rule, epoch) for rule in self._prune["at"])

    def flush(self, asks: bool = False) -> None:
        """Tells of the newest epoch if that was not done yet."""
        if self._waiting is not None:
            if self._since:
                assert self._prune is not None, "BUG: nobody prunes"
                self._waiting |= {"since": self._since, "of": self._prune["metrics"][-1], "asks": asks}
                self._since = []
            self._emit(self._waiting)
            self._waiting = None
            self._next_s = self._clock() + INTERVAL_S


def is_due(rule: Message, epoch: int) -> bool:
    """Whether a pruner may decide at an epoch: those that halve do so at `after` and its multiples by the factor.

    >>> options = {"min_resource": 2, "reduction_factor": 3}
    >>> rule = {"method": "asha", "after": 2, "epochs": None, "interval": 1, "options": options}
    >>> [epoch for epoch in range(1, 60) if is_due(rule, epoch)]
    [2, 6, 18, 54]
    """
    after, options = rule["after"], rule["options"]
    if epoch < after or (rule["epochs"] is not None and epoch > rule["epochs"]) or rule["method"] == "wilcoxon":
        return False
    if rule["method"] not in ("asha", "hyperband") or not isinstance(options.get("min_resource", 1), int):
        return bool((epoch - after) % rule["interval"] == 0)
    factor = options.get("reduction_factor", 4 if rule["method"] == "asha" else 3)
    rung = int(options.get("min_resource", 1))
    while rung < epoch:
        rung *= factor
    return rung == epoch
