"""TensorBoard: a run a trial in `logs/tensorboard/SWEEP/TRIAL`, with curves and hyperparameters (tensorboardX)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from ..canonical import short
from ..clock import seconds
from ..errors import MissingLibrary
from ..tables import cell
from . import Finished, install

FOLDER = Path("logs") / "tensorboard"


def open_sink(root: Path) -> TensorBoard:
    """Raises MissingLibrary."""
    try:
        import tensorboardX
    except ImportError as error:
        raise MissingLibrary("tensorboardX is not installed", install("tensorboard")) from error
    return TensorBoard(root / FOLDER, tensorboardX)


class TensorBoard:
    """Event files, each run written beside and moved to its place when it is whole."""

    def __init__(self, folder: Path, library: Any) -> None:
        self.folder, self.library = folder, library

    def write(self, done: Finished) -> None:
        place = self.folder / done.sweep / short(done.trial["id"])
        made = place.with_name(f".{place.name}.{os.getpid()}")
        shutil.rmtree(made, ignore_errors=True)
        writer = self.library.SummaryWriter(str(made), write_to_disk=True)
        try:
            self._fill(writer, done)
        finally:
            writer.close()
        shutil.rmtree(place, ignore_errors=True)
        made.rename(place)

    def _fill(self, writer: Any, done: Finished) -> None:
        from tensorboardX.summary import hparams

        told = done.trial["result"]
        ended = seconds(told["ended"]) if told["ended"] else None
        for name, values in told["history"].items():
            for epoch, value in zip(told["epochs"], values, strict=False):
                if value is not None:
                    writer.add_scalar(name, value, epoch, walltime=ended)
        metrics = {f"final/{name}": value for name, value in told["metrics"].items() if value is not None}
        params = {path: value if isinstance(value, int | float | str | bool) else cell(value)
                  for path, value in done.params.items()}  # fmt: skip
        for summary in hparams(params, metrics):
            writer.file_writer.add_summary(summary)
        for name, value in metrics.items():
            writer.add_scalar(name, value, told["epoch"] or 0, walltime=ended)

    def close(self) -> None:
        pass  # each run is whole
