"""Random layers with a number of the lane's instead of their own, against layers that were made with that number."""

from __future__ import annotations

from typing import Any

import jax
import keras
import numpy as np
import pytest

from blueno.ml import keras_names
from blueno.ml.engines.fused.numbers import pairs, standing_in
from blueno.ml.engines.fused.strengths import places_of, strengths_of, varied
from blueno.planning.families import STRENGTHS

OTHERS: dict[str, dict[str, Any]] = {
    "randombrightness": {"value_range": [0.0, 1.0]}, "randomcontrast": {"value_range": [0.0, 1.0]},
    "randomcolordegeneration": {"value_range": [0.0, 1.0]}, "randomhue": {"value_range": [0.0, 1.0]},
    "randomsaturation": {"value_range": [0.0, 1.0]}, "randomsharpness": {"value_range": [0.0, 1.0]},
    "randomerasing": {"value_range": [0.0, 1.0]}, "randomtranslation": {"height_factor": 0.1, "width_factor": 0.1},
    "randomzoom": {"height_factor": 0.1, "width_factor": 0.1},
}  # fmt: skip
PLACES = [(layer, name) for layer, names in STRENGTHS.items() for name in sorted(names)]


def augmented(choice: dict[str, Any], images: np.ndarray) -> tuple[keras.Model, Any]:
    """The layer in a model of its own, and a function that augments the images."""
    inputs = keras.Input(images.shape[1:])
    model = keras.Model(inputs, keras.layers.Identity()(keras_names.layer(choice, None)(inputs)))
    state = [each.value for each in model.variables]

    def outputs(values: Any, places: Any) -> Any:
        with standing_in(places, values):
            return model.stateless_call([], state, images, training=True)[0]

    return model, outputs


@pytest.mark.parametrize(("layer", "name"), PLACES)
def test_a_layer_augments_as_strongly_as_its_lane_says(layer: str, name: str) -> None:
    images = np.random.default_rng(0).random((16, 8, 8, 3)).astype("float32")
    weak, strong = ({layer: OTHERS.get(layer, {}) | {name: value, "seed": 1}} for value in (0.1, 0.35))
    one, other = strengths_of([weak], None), strengths_of([strong], None)
    names = varied([one, other])
    model, outputs = augmented(weak, images)
    places = places_of(names, model)
    found = jax.jit(lambda values: outputs(values, places))({each: pairs(np.array(other[each])) for each in names})
    expected, before = (augmented(choice, images)[1]({}, {}) for choice in (strong, weak))
    assert np.abs(np.asarray(expected) - np.asarray(before)).max() > 0.01
    np.testing.assert_allclose(np.asarray(found), np.asarray(expected), atol=2e-5)
