"""The ceiling for the abstraction: a loop over lanes in plain JAX, for multi-layer perceptrons and nothing else.

`python -m benchmarks.fused.peers.jax_by_hand FOLDER WIDTH vmap|map threefry|hashed`: all trials of the folder, in packs
of WIDTH lanes, on one pinned single-threaded process a core. Whole trainings are compiled: initial weights, an order of
batches for each lane and epoch, AdamW, dropout, validation after each epoch. Each pack leaves its histories,
predictions and weights in one file. Prints one line of JSON: what each process spent.

`hashed` draws the masks of dropout from a counter's hash instead of JAX's own generator.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax, random

from .pinned import cores, on_each_core
from .training import Data, data_in, trials_in

BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-7  # Keras's defaults
Weights = list[tuple[jax.Array, jax.Array]]
Mask = Callable[[jax.Array, tuple[int, ...], jax.Array], jax.Array]  # key, shape, rate -> what is kept


class Lane(NamedTuple):
    """What differs from trial to trial; each (lanes,) in a pack."""

    seed: Any
    rate: Any
    decay: Any
    dropout: Any


class Shape(NamedTuple):
    """What all trials have in common."""

    sizes: tuple[int, ...]  # units of each layer, the input and the output included
    epochs: int
    batch_size: int


class State(NamedTuple):
    """What a step changes."""

    weights: Weights
    first: Weights  # moments
    second: Weights
    step: jax.Array


class Share(NamedTuple):
    """What one process does."""

    folder: Path
    numbers: list[int]
    width: int
    how: str
    mask: str


class Spent(NamedTuple):
    """What it took, in seconds; the FLOPs of one step on a full batch as XLA counts them."""

    trials: int
    compile_s: float
    train_s: float
    train_cpu_s: float  # the same by the processor's clock, for a machine that is busy beside
    write_s: float
    step_flops: float


# ---- one lane


def initial(key: jax.Array, sizes: Sequence[int]) -> Weights:
    """Glorot and Bengio (2010), uniform; no bias."""
    draw = jax.nn.initializers.glorot_uniform()
    pairs = list(pairwise(sizes))
    return [(draw(random.fold_in(key, i), pair), jnp.zeros(pair[1])) for i, pair in enumerate(pairs)]


def logits(weights: Weights, x: jax.Array, drop: Callable[[int, jax.Array], jax.Array]) -> jax.Array:
    for layer, (kernel, bias) in enumerate(weights[:-1]):
        x = drop(layer, jax.nn.relu(x @ kernel + bias))
    kernel, bias = weights[-1]
    return x @ kernel + bias


def losses(scores: jax.Array, target: jax.Array) -> jax.Array:
    """Cross-entropy of each sample."""
    return -jnp.take_along_axis(jax.nn.log_softmax(scores), target[:, None], axis=1)[:, 0]


def threefry(key: jax.Array, shape: tuple[int, ...], rate: jax.Array) -> jax.Array:
    return random.bernoulli(key, 1 - rate, shape)


def hashed(key: jax.Array, shape: tuple[int, ...], rate: jax.Array) -> jax.Array:
    """A multiply-and-shift hash of a counter that begins at random (the constants: C. Wellons, `lowbias32`)."""
    x = lax.iota(jnp.uint32, int(np.prod(shape))).reshape(shape) + random.bits(key, (), jnp.uint32)
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    x = x ^ (x >> 16)
    return (x >> 8).astype(jnp.float32) * 2.0**-24 >= rate


def train_step(lane: Lane, mask: Mask, state: State, x: jax.Array, y: jax.Array, key: jax.Array) -> tuple[State, Any]:
    """One batch; the sums of losses and of right answers."""

    def drop(layer: int, values: jax.Array) -> jax.Array:
        kept = mask(random.fold_in(key, layer), values.shape, lane.dropout)
        return jnp.where(kept, values / (1 - lane.dropout), 0.0)

    def mean_loss(weights: Weights) -> tuple[jax.Array, jax.Array]:
        scores = logits(weights, x, drop)
        return losses(scores, y).mean(), (scores.argmax(axis=1) == y).sum()

    (loss, right), gradients = jax.value_and_grad(mean_loss, has_aux=True)(state.weights)
    return adamw(lane, state, gradients), (loss * len(y), right)


def adamw(lane: Lane, state: State, gradients: Weights) -> State:
    """Loshchilov and Hutter (2019), algorithm 2, the bias correction in the rate, as in Keras."""
    step = state.step + 1
    rate = lane.rate * jnp.sqrt(1 - BETA_2**step) / (1 - BETA_1**step)
    first = jax.tree.map(lambda m, g: m + (g - m) * (1 - BETA_1), state.first, gradients)
    second = jax.tree.map(lambda v, g: v + (g * g - v) * (1 - BETA_2), state.second, gradients)
    weights = jax.tree.map(
        lambda w, m, v: w - w * lane.decay * lane.rate - m * rate / (jnp.sqrt(v) + EPSILON),
        state.weights, first, second,
    )  # fmt: skip
    return State(weights, first, second, step)


def trained(shape: Shape, mask: Mask, lane: Lane, data: Data) -> tuple[Weights, jax.Array, jax.Array]:
    """A whole training: the weights, the histories (epochs, 4), the last predictions (samples, classes)."""
    (x, y), (x_validation, y_validation) = data
    whole = len(y) // shape.batch_size * shape.batch_size
    key = random.key(lane.seed)
    step = partial(train_step, lane, mask)

    def batch(state: State, rows_and_number: tuple[jax.Array, jax.Array]) -> tuple[State, Any]:
        rows, number = rows_and_number
        return step(state, x[rows], y[rows], random.fold_in(key, number))

    def epoch(state: State, number: jax.Array) -> tuple[State, tuple[jax.Array, jax.Array]]:
        order = random.permutation(random.fold_in(key, -1 - number), len(y))
        numbers = state.step.astype(int) + jnp.arange(whole // shape.batch_size)
        state, told = lax.scan(batch, state, (order[:whole].reshape(-1, shape.batch_size), numbers))
        loss, right = jax.tree.map(jnp.sum, told)
        if whole < len(y):
            state, rest = batch(state, (order[whole:], numbers[-1] + 1))
            loss, right = loss + rest[0], right + rest[1]
        scores = logits(state.weights, x_validation, lambda _, values: values)
        measured = [losses(scores, y_validation).mean(), (scores.argmax(axis=1) == y_validation).mean()]
        return state, (jnp.stack([loss / len(y), right / len(y), *measured]), scores)

    weights = initial(key, shape.sizes)
    zeros = jax.tree.map(jnp.zeros_like, weights)
    state, (history, scores) = lax.scan(epoch, State(weights, zeros, zeros, jnp.float32(0)), jnp.arange(shape.epochs))
    return state.weights, history, jax.nn.softmax(scores[-1])


# ---- packs of them


def run(share: Share) -> Spent:
    """All packs of a share, one after the other."""
    trials = [trials_in(share.folder)[number] for number in share.numbers]
    data = flat(data_in(share.folder, trials[0]["dataset"]))
    shape, mask = shape_of(trials[0], data), {"threefry": threefry, "hashed": hashed}[share.mask]
    packs = [lanes(trials[i : i + share.width], share.width) for i in range(0, len(trials), share.width)]
    one = partial(trained, shape, mask)
    begun = time.perf_counter()
    program = jax.jit(_many(one, share.how)).lower(packs[0], data).compile()
    compiled, compiled_cpu = time.perf_counter(), time.process_time()
    written_s = 0.0
    for number, pack in enumerate(packs):
        left = jax.block_until_ready(program(pack, data))
        done = time.perf_counter()
        _write(share.folder / f"pack-{share.numbers[0]}-{number}.npz", *left)
        written_s += time.perf_counter() - done
    train_s, train_cpu_s = time.perf_counter() - compiled - written_s, time.process_time() - compiled_cpu
    return Spent(len(trials), compiled - begun, train_s, train_cpu_s, written_s, step_flops(shape, mask, data))


def _many(one: Callable[[Lane, Data], Any], how: str) -> Callable[[Lane, Data], Any]:
    """`one` for all lanes of a pack: side by side in every operation, or one after the other in one program."""
    return jax.vmap(one, (0, None)) if how == "vmap" else lambda pack, data: lax.map(lambda lane: one(lane, data), pack)


def shape_of(trial: dict[str, Any], data: Data) -> Shape:
    (x, y), _ = data
    sizes = (x.shape[1], *trial["model"]["hidden"], int(y.max()) + 1)
    return Shape(sizes, trial["train"]["epochs"], trial["train"]["batch_size"])


def lanes(trials: Sequence[dict[str, Any]], width: int) -> Lane:
    """The numbers of a pack; the last trial fills what is left of it."""
    rows = [
        (each["seed"], each["train"]["learning_rate"], each["train"]["optimizer"]["adamw"]["weight_decay"],
         each["model"]["dropout"])
        for each in trials
    ]  # fmt: skip
    rows += rows[-1:] * (width - len(rows))
    seeds, *numbers = (np.array(column) for column in zip(*rows, strict=True))
    return Lane(seeds.astype(np.uint32), *(column.astype(np.float32) for column in numbers))


def step_flops(shape: Shape, mask: Mask, data: Data) -> float:
    """The FLOPs of one step of one lane, counted by XLA's cost analysis."""
    (x, y), _ = data
    rows = slice(0, shape.batch_size)
    weights = initial(random.key(0), shape.sizes)
    state = State(weights, weights, weights, jnp.float32(0))
    lane = Lane(0, jnp.float32(1e-3), jnp.float32(1e-3), jnp.float32(0.1))
    step = jax.jit(partial(train_step, lane, mask))
    return float(step.lower(state, x[rows], y[rows], random.key(0)).compile().cost_analysis()["flops"])


def flat(data: Data) -> Data:
    """Each sample as one row of numbers, as perceptrons take them."""
    return Data(*((features.reshape(len(features), -1), target.astype(np.int32)) for features, target in data))


def _write(path: Path, weights: Weights, history: jax.Array, predictions: jax.Array) -> None:
    arrays = {f"weights_{i}": np.asarray(each) for i, each in enumerate(jax.tree.leaves(weights))}
    np.savez(path, history=np.asarray(history), predictions=np.asarray(predictions), **arrays)


def main(folder: Path, width: int, how: str, mask: str) -> None:
    numbers = list(range(len(trials_in(folder))))
    count = len(cores())
    spent = on_each_core(run, [Share(folder, numbers[i::count], width, how, mask) for i in range(count)])
    print(json.dumps([each._asdict() for each in spent]))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
