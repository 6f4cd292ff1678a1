"""Which of several ways of computing the same a family's programs take. What is chosen follows from the device alone,
so that a trial that is trained again gets the same bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal, NamedTuple

import jax

from .lowering import lowered
from .masks import hashed_dropout
from .replacing import Traced

How = Literal["map", "vmap"]


class Ways(NamedTuple):
    """`map`: one lane after the other, with the bits of one alone; `vmap`: side by side in every operation."""

    how: How = "map"
    lowers: bool = False  # convolution and pooling as matrix products
    hashes: bool = False  # dropout masks by a hash; else those that `fit` draws


def ways_of(device: str = "") -> Ways:
    """What is quickest on a kind of device; without one on JAX's own.

    On CPUs (two cores, AVX-512) `vmap` gains 15% in a small MLP and loses 60% in a GRU; stock convolutions inside a
    loop take 5 to 40 times as long as lowered ones. A GPU needs lanes side by side.
    """
    on_cpu = (device or jax.default_backend()) == "cpu"
    return Ways("map", lowers=True, hashes=True) if on_cpu else Ways("vmap")


@contextmanager
def tracing(ways: Ways) -> Iterator[list[Traced]]:
    """While programs are traced: Keras computes by these ways."""
    with ExitStack() as stack:
        contexts: list[Any] = ([lowered] if ways.lowers else []) + ([hashed_dropout] if ways.hashes else [])
        yield [stack.enter_context(each()) for each in contexts]


def by_ways(function: Callable[..., Any], ways: Ways, met: list[Traced] | None = None) -> Callable[..., Any]:
    """`function`, traced by these ways wherever JAX traces it. `met` gets what each trace met of what is lowered."""

    def traced(*arguments: Any) -> Any:
        with tracing(ways) as found:
            results = function(*arguments)
        if met is not None and ways.lowers:
            met.append(found[0])
        return results

    return traced


def notes_of(ways: Ways, trainee: Any) -> tuple[str, ...]:
    """What a user may want to know of them."""
    drops = any(type(each).__name__.endswith("Dropout") for each in trainee._flatten_layers())
    return (
        ("its dropout masks are hashed: of the same distribution as, but others than, those of engine fit",)
        if (ways.hashes and drops)
        else ()
    )
