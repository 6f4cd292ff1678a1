"""Convolutions as matrix products of columns, for XLA's CPU backend.

Inside a loop it leaves convolutions on a naive path. Columns (im2col: each row is all that one output sees) are put
together one spatial axis at a time, and one matrix product does the rest (Chellapilla, Puri, Simard 2006, "High
performance convolutional neural networks for document processing").
"""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from .lowering_windows import Window, pad, received, seen, slid, spread, taps


def convolve(x: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """(batch, *image, channels) with a kernel (*size, channels, filters): (batch, *output, filters)."""
    return _product(columns(pad(x, window), window), kernel.reshape(-1, kernel.shape[-1]))


def columns(x: jax.Array, window: Window) -> jax.Array:
    """All that each output sees of a padded x: (batch, *output, taps * channels), in the kernel's order."""
    for axis in range(len(window.size), 0, -1):
        x = jnp.concatenate(slid(x, window, axis), -1)
    return x


@jax.custom_vjp
def _product(rows: jax.Array, kernel: jax.Array) -> jax.Array:
    return rows @ kernel


def _product_forward(rows: jax.Array, kernel: jax.Array) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return rows @ kernel, (rows, kernel)


def _product_backward(kept: tuple[jax.Array, jax.Array], dy: jax.Array) -> tuple[jax.Array, jax.Array]:
    rows, kernel = kept
    flat_dy, flat_rows = (each.reshape(-1, each.shape[-1]) for each in (dy, rows))
    return dy @ kernel.T, (flat_dy.T @ flat_rows).T  # so, not rows.T @ dy: XLA need not copy the larger one


_product.defvjp(_product_forward, _product_backward)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def convolve_depthwise(x: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    """Each channel with filters of its own: (*size, channels, multiplier); (batch, *output, all filters)."""
    return _depthwise(x, kernel, window)


def _depthwise(x: jax.Array, kernel: jax.Array, window: Window) -> jax.Array:
    padded = pad(x, window)
    total = sum(seen(padded, window, tap)[..., None] * kernel[tap] for tap in taps(window))
    return jnp.asarray(total).reshape(x.shape[0], *window.output, -1)


def _depthwise_forward(
    x: jax.Array, kernel: jax.Array, window: Window
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return _depthwise(x, kernel, window), (x, kernel)


def _depthwise_backward(
    window: Window, kept: tuple[jax.Array, jax.Array], dy: jax.Array
) -> tuple[jax.Array, jax.Array]:
    x, kernel = kept
    padded, apart = pad(x, window), spread(dy, window)
    each = dy.reshape(*dy.shape[:-1], *kernel.shape[-2:])
    dkernel = [_added_up(seen(padded, window, tap)[..., None] * each) for tap in taps(window)]
    back = [received(apart, window, tap).reshape(*x.shape, -1) * kernel[tap] for tap in taps(window)]
    return jnp.sum(jnp.asarray(sum(back)), -1), jnp.stack(dkernel).reshape(kernel.shape)


def _added_up(products: jax.Array) -> jax.Array:
    """(batch, *spatial, channels, multiplier) summed over all but the last two, flat. A product with ones is quicker
    than XLA's own sum.
    """
    rows = products.reshape(-1, products.shape[-2] * products.shape[-1])
    return jnp.ones(len(rows), rows.dtype) @ rows


convolve_depthwise.defvjp(_depthwise_forward, _depthwise_backward)
