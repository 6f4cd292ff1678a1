"""Networks; snapshotted with train.py, which imports it."""

from torch import nn


def dense(inputs: int, outputs: int, hidden: list[int], dropout: float) -> nn.Module:
    """Dense layers with ReLU and dropout between them."""
    layers: list[nn.Module] = []
    for width in hidden:
        layers += [nn.Linear(inputs, width), nn.ReLU(), nn.Dropout(dropout)]
        inputs = width
    return nn.Sequential(*layers, nn.Linear(inputs, outputs))
