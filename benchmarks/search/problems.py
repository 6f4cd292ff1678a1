"""Standard test functions as specs, and as Optuna alone asks for them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import optuna


class Problem(NamedTuple):
    """A function to minimize: its `model` in a spec, its value of a config's params, and the same for Optuna."""

    name: str
    model: str
    value: Callable[[dict[str, Any]], float]
    suggest: Callable[[optuna.Trial], dict[str, Any]]
    least: float


def _floats(names: list[str], low: float, high: float) -> tuple[str, Callable[[optuna.Trial], dict[str, Any]]]:
    model = ", ".join(f"{name}: {{uniform: [{low}, {high}]}}" for name in names)
    return model, lambda trial: {name: trial.suggest_float(name, low, high) for name in names}


def _sphere(p: dict[str, Any]) -> float:
    return float(sum(value**2 for key, value in p.items() if key.startswith("x")))


def _branin(p: dict[str, Any]) -> float:
    x, y = p["x"], p["y"]
    bend = y - 5.1 / (4 * math.pi**2) * x**2 + 5 / math.pi * x - 6
    return bend**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10


_A = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]]
_P = [
    [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
    [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
    [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
    [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
]


def _hartmann(p: dict[str, Any]) -> float:
    """Hartmann's function of six variables; its least value is -3.32237."""
    x = [p[f"x{i}"] for i in range(6)]
    weights = (1.0, 1.2, 3.0, 3.2)
    return -sum(
        weight * math.exp(-sum(a * (each - c) ** 2 for a, each, c in zip(row, x, centre, strict=True)))
        for weight, row, centre in zip(weights, _A, _P, strict=True)
    )


def _mixed(p: dict[str, Any]) -> float:
    """A kernel with its own parameters, a rate on a logarithmic scale, and a depth."""
    value = (math.log10(p["rate"]) + 2.5) ** 2 + 0.2 * abs(p["depth"] - 5)
    if p["kind"] == "smooth":
        return value + (p["width"] - 0.7) ** 2
    return value + 0.3 + (0.0 if p["degree"] == 3 else 0.5)


def _suggest_mixed(trial: optuna.Trial) -> dict[str, Any]:
    found: dict[str, Any] = {
        "rate": trial.suggest_float("rate", 1e-5, 1.0, log=True),
        "depth": trial.suggest_int("depth", 1, 12),
        "kind": trial.suggest_categorical("kind", ["smooth", "rough"]),
    }
    if found["kind"] == "smooth":
        return found | {"width": trial.suggest_float("width", 0.0, 1.0)}
    return found | {"degree": trial.suggest_int("degree", 1, 6)}


_MIXED = (
    "rate: {log_uniform: [1e-5, 1.0]}, depth: {int_uniform: [1, 12]}, one_of: "
    "[{kind: smooth, width: {uniform: [0.0, 1.0]}, as: smooth}, {kind: rough, degree: {range: [1, 6, 1]}, as: rough}]"
)
_FIVE, _SIX = [f"x{i}" for i in range(5)], [f"x{i}" for i in range(6)]


def _branin_suggest(trial: optuna.Trial) -> dict[str, Any]:
    return {"x": trial.suggest_float("x", -5.0, 10.0), "y": trial.suggest_float("y", 0.0, 15.0)}


PROBLEMS = [
    Problem("sphere", _floats(_FIVE, -5.0, 5.0)[0], _sphere, _floats(_FIVE, -5.0, 5.0)[1], 0.0),
    Problem("Branin", "x: {uniform: [-5.0, 10.0]}, y: {uniform: [0.0, 15.0]}", _branin, _branin_suggest, 0.397887),
    Problem("Hartmann 6", _floats(_SIX, 0.0, 1.0)[0], _hartmann, _floats(_SIX, 0.0, 1.0)[1], -3.32237),
    Problem("mixed", _MIXED, _mixed, _suggest_mixed, 0.0),
]
