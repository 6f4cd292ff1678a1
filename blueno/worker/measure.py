"""Metrics that were asked for when a trial was done, from the predictions that it left: nothing trains again."""

from __future__ import annotations

import math
from pathlib import Path

from ..cache import Cache
from ..messages import Message
from . import failures
from .code import code_folder, unpacked
from .epochs import finite


def measured(
    message: Message, root: Path, cache: Cache, models: Cache, fatal: tuple[type[BaseException], ...]
) -> Message:
    """What a `measured` says of the metrics that a `measure` asks for. Exceptions of the types in `fatal` pass."""
    return _measured(message["metrics"], message, root, cache, models, fatal)


def _measured(
    asked: list[Message],
    message: Message,
    root: Path,
    cache: Cache,
    models: Cache,
    fatal: tuple[type[BaseException], ...],
) -> Message:
    """If they cannot be measured together, each is by itself, so that one that fails takes no other along."""
    from ..ml.metrics import measure_predictions

    try:
        code = code_folder(root, cache, message["code"])
        predictions = models.get(message["predictions"])
        values, notes = measure_predictions(predictions, [each["metric"] for each in asked], code)
    except fatal:
        raise
    except BaseException as error:
        if len(asked) == 1:
            described = failures.describe(error, unpacked(root, message["code"]), "data")
            return {"metrics": {}, "notes": {}, "errors": {asked[0]["id"]: described}}
        parts = [_measured([each], message, root, cache, models, fatal) for each in asked]
        return {key: {id: it for part in parts for id, it in part[key].items()} for key in parts[0]}
    found = {each["id"]: finite(values.get(each["name"], math.nan)) for each in asked}
    why = {each["id"]: note for each in asked for note in notes if note.startswith(f"{each['name']} ")}
    return {"metrics": found, "notes": why, "errors": {}}
