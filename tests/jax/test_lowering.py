"""What replaces Keras's convolutions and pooling gives what they give, gradients too."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import keras
import numpy as np
import pytest
from jax import lax
from keras.src import backend

from blueno.ml.engines.fused.lowering import LOWERINGS, lowered
from blueno.ml.engines.fused.replacing import Traced

# spatial shape, window, strides, dilation, padding
GRID: list[tuple[tuple[int, ...], Any, int, int, str]] = [
    (spatial, window, strides, dilation, padding)
    for spatial, windows in [((9,), [1, 5]), ((8, 7), [2, (2, 3)]), ((4, 5, 6), [(1, 2, 3)])]
    for window, (strides, dilation), padding in itertools.product(
        windows, [(1, 1), (2, 1), (3, 1), (1, 2)], ["same", "valid"]
    )
    if padding == "same" or (np.max(window) - 1) * dilation + 1 <= min(spatial)
]
HALF = [each for each in GRID if each[1] == (2, 3) and each[2:4] != (3, 1)]  # compared in half precision too
CASES = [(case, "float32") for case in GRID] + [(case, kind) for case in HALF for kind in ("bfloat16", "float16")]
TOLERANCE = {"float32": 2e-6, "bfloat16": 2e-2, "float16": 2e-3}  # of the largest number compared


def kernel_size(window: Any, axes: int) -> tuple[int, ...]:
    return (window,) * axes if isinstance(window, int) else window


def normal(seed: int, shape: tuple[int, ...], dtype: str = "float32") -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), dtype)


def with_gradients(function: Callable[..., jax.Array], *operands: jax.Array) -> list[np.ndarray]:
    """Output and gradients of its product with fixed numbers, which are different at each place."""

    def weighed(*given: jax.Array) -> tuple[jax.Array, jax.Array]:
        output = function(*given)
        return jnp.sum(output * normal(9, output.shape, output.dtype)), output

    (_, output), gradients = jax.jit(jax.value_and_grad(weighed, argnums=tuple(range(len(operands))), has_aux=True))(
        *operands
    )
    return [np.asarray(each, np.float64) for each in (output, *gradients)]


def assert_alike(function: Callable[..., jax.Array], *operands: jax.Array, name: str) -> None:
    """The same with and without lowering, which is really used."""
    expected = with_gradients(function, *operands)
    with lowered({name}) as traced:
        got = with_gradients(function, *operands)
    assert traced.replaced[name] and not traced.left
    for ours, stock in zip(got, expected, strict=True):
        assert ours.shape == stock.shape
        limit = TOLERANCE[str(operands[0].dtype)] * max(1.0, np.abs(stock).max())
        np.testing.assert_allclose(ours, stock, rtol=0, atol=limit)


# ---- each function over the grid


@pytest.mark.parametrize(("case", "dtype"), CASES, ids=str)
def test_convolution(case: Any, dtype: str) -> None:
    spatial, window, strides, dilation, padding = case
    x = normal(0, (2, *spatial, 3), dtype)
    kernel = normal(1, (*kernel_size(window, len(spatial)), 3, 4), dtype)
    assert_alike(lambda x, k: keras.ops.conv(x, k, strides, padding, "channels_last", dilation), x, kernel, name="conv")


@pytest.mark.parametrize(("case", "dtype"), [each for each in CASES if len(each[0][0]) < 3], ids=str)
def test_depthwise_convolution(case: Any, dtype: str) -> None:
    spatial, window, strides, dilation, padding = case
    multiplier = len(spatial)
    x = normal(0, (2, *spatial, 3), dtype)
    kernel = normal(1, (*kernel_size(window, len(spatial)), 3, multiplier), dtype)

    def function(x: jax.Array, kernel: jax.Array) -> jax.Array:
        return keras.ops.depthwise_conv(x, kernel, strides, padding, "channels_last", dilation)

    assert_alike(function, x, kernel, name="depthwise_conv")


@pytest.mark.parametrize("name", ["max_pool", "average_pool"])
@pytest.mark.parametrize(("case", "dtype"), [each for each in CASES if each[0][3] == 1], ids=str)
def test_pooling(case: Any, dtype: str, name: str) -> None:
    spatial, window, strides, _, padding = case
    function = getattr(keras.ops, name)
    x = normal(0, (2, *spatial, 3), dtype)
    assert_alike(lambda x: function(x, window, strides, padding, "channels_last"), x, name=name)
    assert_alike(lambda x: function(x, window, window, padding, "channels_last"), x, name=name)


@pytest.mark.parametrize("strides", [1, 2, 3])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_gradient_of_equal_maxima_goes_to_the_first(strides: int, padding: str) -> None:
    few = jnp.asarray(np.random.default_rng(2).integers(-1, 2, (3, 7, 7, 2)), jnp.float32)  # ties everywhere
    assert_alike(lambda x: keras.ops.max_pool(x, 3, strides, padding, "channels_last"), few, name="max_pool")


def test_nan_is_the_largest() -> None:
    x = normal(0, (1, 4, 4, 1)).at[0, 1, 2, 0].set(jnp.nan)
    with lowered():
        pooled = np.asarray(keras.ops.max_pool(x, 2, 2))
    np.testing.assert_array_equal(np.isnan(pooled)[0, ..., 0], [[False, True], [False, False]])


# ---- what is left to Keras


def left(function: Callable[[], Any]) -> Traced:
    stock = np.asarray(function())
    with lowered() as traced:
        np.testing.assert_array_equal(np.asarray(function()), stock)
    assert not traced.replaced
    return traced


@pytest.mark.parametrize(
    ("reason", "function"),
    [
        ("conv: channels in groups", lambda: keras.ops.conv(normal(0, (2, 5, 4)), normal(1, (3, 2, 6)))),
        ("max_pool: a large window", lambda: keras.ops.max_pool(normal(0, (1, 300, 1)), 200, 1)),
        ("max_pool: numbers of dtype int32", lambda: backend.nn.max_pool(jnp.zeros((1, 4, 1), jnp.int32), 2, 2)),
    ],
)
def test_left_to_keras(reason: str, function: Callable[[], Any]) -> None:
    assert dict(left(function).left) == {reason: 1}


def test_channels_first_is_left_to_keras() -> None:
    def traced_only() -> Any:
        function = lambda x: keras.ops.max_pool(x, 2, 2, data_format="channels_first")  # noqa: E731
        return jax.eval_shape(function, jax.ShapeDtypeStruct((1, 2, 4, 4), jnp.float32)).shape

    assert dict(left(traced_only).left) == {"max_pool: channels first": 1}


@pytest.mark.parametrize("name", ["conv", "depthwise_conv"])
def test_a_kernel_larger_than_its_image_is_keras_affair(name: str) -> None:
    function = getattr(backend.nn, name)

    def outcome() -> Any:
        try:
            return function(normal(0, (1, 2, 1)), normal(1, (3, 1, 1))).shape
        except ValueError as error:
            return str(error)

    expected = outcome()
    with lowered() as traced:
        function = getattr(backend.nn, name)
        assert outcome() == expected
    assert dict(traced.left) == {f"{name}: a window larger than its image": 1}


def test_a_function_with_other_parameters_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def conv(inputs: Any, kernel: Any, something: Any) -> str:
        return "its own"

    monkeypatch.setattr(backend.nn, "conv", conv)
    with lowered() as traced:
        assert backend.nn.conv is conv
    assert dict(traced.left) == {"conv: takes other parameters in this version of Keras": 1}


def test_put_back_whatever_happens() -> None:
    before = {name: getattr(backend.nn, name) for name in LOWERINGS}
    with pytest.raises(ZeroDivisionError), lowered({"conv"}):
        assert backend.nn.conv is not before["conv"] and backend.nn.max_pool is before["max_pool"]
        raise ZeroDivisionError
    assert {name: getattr(backend.nn, name) for name in LOWERINGS} == before


# ---- in loops, and in models


def step(weights: tuple[jax.Array, ...], x: jax.Array) -> tuple[jax.Array, ...]:
    """Gradient descent through every one of the functions."""

    def loss(weights: tuple[jax.Array, ...]) -> jax.Array:
        kernel, depthwise = weights
        y = keras.ops.max_pool(keras.ops.conv(x, kernel, padding="same"), 2, 2)
        y = keras.ops.average_pool(keras.ops.depthwise_conv(y, depthwise, padding="same"), 2, 2)
        return jnp.sum(jnp.sin(y))

    return tuple(w - 0.01 * g for w, g in zip(weights, jax.grad(loss)(weights), strict=True))


LANES, STEPS = 3, 4
FIRST = (normal(0, (LANES, 3, 3, 2, 4)), normal(1, (LANES, 3, 3, 4, 1)))
IMAGES = normal(2, (STEPS, 5, 8, 8, 2))


def by_scan(weights: Any) -> Any:
    return lax.scan(lambda w, x: (step(w, x), None), weights, IMAGES)[0]


def by_loop(weights: Any) -> Any:
    return lax.fori_loop(0, STEPS, lambda i, w: step(w, IMAGES[i]), weights)


@pytest.mark.parametrize("along", [by_scan, by_loop])
@pytest.mark.parametrize("across", [jax.vmap, lambda f: lambda lanes: lax.map(f, lanes)], ids=["vmap", "map"])
def test_inside_loops(along: Any, across: Any) -> None:
    one = jax.jit(along)
    expected = [one(tuple(w[lane] for w in FIRST)) for lane in range(LANES)]
    with lowered() as traced:
        got = jax.jit(across(along))(FIRST)
    assert set(traced.replaced) == set(LOWERINGS)
    for i, each in enumerate(got):
        np.testing.assert_allclose(each, np.stack([lane[i] for lane in expected]), rtol=1e-5, atol=1e-5)


def network() -> keras.Model:
    layers = keras.layers
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.SeparableConv2D(8, 3, padding="same"),
            layers.DepthwiseConv2D(3, padding="same", activation="relu"),
            layers.AveragePooling2D(2),
            layers.Reshape((4, 8)),
            layers.Conv1D(8, 3, padding="causal", dilation_rate=2),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def trained(steps: int) -> list[np.ndarray]:
    """Weights and statistics after some steps."""
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    model = network()
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9), "sparse_categorical_crossentropy")
    generator = np.random.default_rng(3)
    images, labels = generator.normal(size=(steps * 16, 8, 8, 1)), generator.integers(0, 10, steps * 16)
    model.fit(images.astype(np.float32), labels, batch_size=16, shuffle=False, verbose=0)
    return [np.asarray(each) for each in model.get_weights()]


@pytest.mark.parametrize("steps", [1, 5])
def test_a_network_trains_alike(steps: int) -> None:
    expected = trained(steps)
    with lowered() as traced:
        got = trained(steps)
    assert set(traced.replaced) == set(LOWERINGS) and not traced.left
    for ours, stock in zip(got, expected, strict=True):
        np.testing.assert_allclose(ours, stock, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_computes_in_the_layers_dtype(policy: str) -> None:
    layer = keras.layers.Conv2D(3, 3, dtype=policy)
    layer.build((2, 6, 6, 2))
    x = normal(0, (2, 6, 6, 2))
    stock = layer(x)
    with lowered() as traced:
        ours = layer(x)
    assert traced.replaced["conv"] == 1 and ours.dtype == stock.dtype
    np.testing.assert_allclose(np.asarray(ours, np.float32), np.asarray(stock, np.float32), rtol=2e-2, atol=2e-2)


@pytest.mark.parametrize("strides", [[2, 2], (2, 2), 2])
def test_strides_as_keras_passes_them(strides: Any) -> None:
    x, kernel = normal(0, (2, 6, 6, 2)), keras.Variable(normal(1, (3, 3, 2, 4)))
    stock = backend.nn.conv(x, kernel, tuple(strides) if isinstance(strides, list) else strides)
    with lowered({"conv"}) as traced:
        np.testing.assert_allclose(backend.nn.conv(x, kernel, strides), stock, rtol=1e-5, atol=1e-5)
    assert traced.replaced["conv"] == 1
