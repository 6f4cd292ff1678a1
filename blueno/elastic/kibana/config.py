"""One config and its learning curves: its replicates, and metrics over epochs."""

from __future__ import annotations

from ..templates import alias
from .axes import Facts
from .curves import curves
from .lens import big, count, lens, newest, newest_time, number, table, terms
from .saved import Control, Dashboard, Panel
from .sweep import dashboard_id, only
from .vega import panel
from .views import view_id

USUAL = ("loss", "accuracy")  # what is drawn when no sweep says what it measures


def config(prefix: str, facts: Facts | None = None) -> Dashboard:
    """The dashboard of one config, which is chosen above the panels; of any sweep, or made for one."""
    view, epochs = view_id(prefix, "trials"), alias(prefix, "epochs")
    metrics = list(dict.fromkeys(["loss", facts.curve[1]])) if facts else list(USUAL)
    width = 48 // len(metrics)
    charts = [
        panel(f"curves{place}", f"{metric} over epochs", (width, 16), curves(epochs, metric))
        for place, metric in enumerate(metrics)
    ]
    return Dashboard(
        f"{dashboard_id(prefix, facts.name)}-config" if facts else f"{prefix}-config",
        f"Blueno: one config of {facts.name} ({prefix})" if facts else f"Blueno: one config ({prefix})",
        "Choose a config above the panels.",
        [_numbers(view), charts, [_replicates(view)], [_made_of(prefix)]],
        [Control("config", "config_id", "Config", single=True), Control("owner", "owner", "Owner")],
        view,
        only(facts.name) if facts else None,
        "now-90d",
    )


def _numbers(view: str) -> list[Panel]:
    spread = {
        "mean": number("average", "objective.value", "objective, mean"),
        "least": number("min", "objective.value", "lowest"),
        "most": number("max", "objective.value", "highest"),
    }
    return [
        lens("replicates-n", "Replicates", (12, 6), view, {"n": count("trials")}, big("n")),
        *(
            lens(f"objective-{name}", column["label"], (12, 6), view, {name: column}, big(name))
            for name, column in spread.items()
        ),
    ]


def _replicates(view: str) -> Panel:
    columns = {
        "trial": terms("name", "trial", "changed", 50),
        "state": newest("state", "state"),
        "seed": newest("seed", "seed", "number"),
        "fold": newest("fold", "fold", "number"),
        "value": number("max", "objective.value", "objective"),
        "epoch": number("max", "objective.epoch", "epoch that counts"),
        "took": number("max", "duration_s", "took"),
        "engine": newest("engine", "engine"),
        "host": newest("host.name", "machine"),
        "error": newest("error.class", "error"),
        "changed": newest_time("changed last"),
    }
    return lens("replicates", "Replicates", (48, 12), view, columns, table(list(columns), "changed"))


def _made_of(prefix: str) -> Panel:
    """What it is: model, steps and every sweep that has it."""
    columns = {
        "config": terms("config_id", "config", "n", 20),
        "sweep": terms("sweep", "sweep", "n", 20),
        "n": count("documents"),
        "model": newest("model", "model"),
        "steps": newest("preprocess", "the last step"),
        "mean": number("average", "objective.mean", "objective, mean"),
        "std": number("average", "objective.std", "deviation"),
        "best": number("average", "objective.best", "best"),
        "worst": number("average", "objective.worst", "worst"),
        "time": number("average", "duration_s", "time"),
    }
    shown = [name for name in columns if name != "n"]
    return lens("made-of", "In its sweeps", (48, 10), view_id(prefix, "configs"), columns, table(shown))
