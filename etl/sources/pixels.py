"""Many picture files as one array, decoded by several processes side by side, which write straight into it.

Threads would share Python's lock, which small pictures hold for most of their time: two threads took half as long again
as one for pictures of 64x64. The processes are no `multiprocessing`, which would run the user's main module anew.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from blueno.errors import DataError

from .decode import CHANNELS, Report, Wanted, pieces, size_of

WORTH_BYTES = 16 * 2**20  # a process for so much, since starting it costs as long as decoding a thousandth of it
FILE_BYTES = 20_000  # what a file costs beside its bytes, counted in bytes
MOST_PROCESSES = 16
SHOWN = 3  # files in a message
OF_FAULT = {
    "broken": ("cannot be read as a picture", "remove or replace them; files whose names begin with a dot are ignored"),
    "depth": ("have another depth", "say mode: gray16 for pictures of 16 bits, and rgb or gray for those of 8"),
}


class Pictures(NamedTuple):
    """n pictures of one size, and the SHA-256 of each file."""

    pixels: np.ndarray  # (n, height, width, channels), uint8; uint16 for the mode gray16
    shas: list[str]


def read_pictures(
    folder: str, names: Sequence[str], mode: str, size: tuple[int, int] | None, processes: int | None = None
) -> Pictures:
    """Pictures below a folder by their names; `mode` is a key of `CHANNELS`, `size` the height and width to make them.

    DataError when a file is no picture, or when sizes differ and `size` is None. `processes`: as many as are worth it.
    """
    height, width = size or _size_of_first(folder, names)
    wanted = Wanted(mode, height, width, size is not None)
    pixels = np.empty((len(names), height, width, CHANNELS[mode]), dtype="<u2" if mode == "gray16" else "uint8")
    bounds = _bounds(folder, names, processes)
    with ThreadPoolExecutor(len(bounds) - 1) as pool:  # one for each process: they wait, and copy what comes
        fill = _fill_here if len(bounds) == 2 else _fill_by_process
        reports = list(
            pool.map(lambda own: fill(folder, names[slice(*own)], wanted, pixels[slice(*own)]), pairwise(bounds))
        )
    _check(names, bounds, reports, wanted)
    return Pictures(pixels, [sha for report in reports for sha in report.shas])


def _size_of_first(folder: str, names: Sequence[str]) -> tuple[int, int]:
    """Height and width of the first file that says any; of none, something: each is told as broken then."""
    return next((found for name in names if (found := size_of(f"{folder}/{name}"))), (1, 1))


def _bounds(folder: str, names: Sequence[str], processes: int | None) -> list[int]:
    """Where the share of each process begins, and the end: shares of about as many bytes."""
    costs = np.cumsum([_cost(f"{folder}/{name}") for name in names])
    most = processes or min(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2, MOST_PROCESSES)
    count = processes or int(min(most, 1 + costs[-1] // WORTH_BYTES))
    inner = np.searchsorted(costs, costs[-1] * np.arange(1, count) / count)
    return [0, *(int(bound) for bound in inner), len(names)]


def _cost(file: str) -> int:
    try:
        return FILE_BYTES + os.stat(file).st_size
    except OSError:
        return FILE_BYTES


def _fill_here(folder: str, names: Sequence[str], wanted: Wanted, pixels: np.ndarray) -> Report:
    report, flat, step = Report([], []), _bytes_of(pixels), wanted.row_bytes()
    for number, piece in enumerate(pieces(folder, names, wanted, report)):
        flat[number * step : (number + 1) * step] = piece
    return report


def _fill_by_process(folder: str, names: Sequence[str], wanted: Wanted, pixels: np.ndarray) -> Report:
    """The same, by a process that runs `decode`, whose output goes into the array as it comes."""
    command = [sys.executable, "-P", "-m", f"{__package__}.decode"]
    told = json.dumps({"folder": folder, "names": list(names), "wanted": wanted}).encode() + b"\n"
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin and process.stdout, "BUG: a process without its pipes"
        process.stdin.write(told)
        process.stdin.close()
        _read_into(process.stdout, _bytes_of(pixels))
        rest = process.stdout.read()
    if process.returncode:
        raise DataError(
            f"a process that decoded pictures ended with {process.returncode}", "its log says why; try again"
        )
    return Report(*json.loads(rest))


def _bytes_of(pixels: np.ndarray) -> memoryview:
    """The array's own memory, to be written to."""
    return pixels.reshape(-1).view("uint8").data


def _read_into(pipe: Any, view: memoryview) -> None:
    """Fills `view` from a pipe; less, if it ends before."""
    done = 0
    while done < len(view) and (count := pipe.readinto(view[done:])):
        done += count


def _check(names: Sequence[str], bounds: list[int], reports: list[Report], wanted: Wanted) -> None:
    """DataError for the first kind of fault that there is."""
    starts = zip(bounds, reports, strict=False)
    faults = [(names[start + number], *rest) for start, report in starts for number, *rest in report.faults]
    for kind, (what, fix) in OF_FAULT.items():
        found = [f"{name} ({detail})" for name, fault, detail in faults if fault == kind]
        if found:
            raise DataError(f"{len(found)} files {what}: {_few(found)}", fix)
    if faults:
        name, _, detail = faults[0]
        first = next(each for each in names if each not in {fault[0] for fault in faults})
        smallest = [
            min(sides) for sides in zip((wanted.height, wanted.width), map(int, detail.split("x")), strict=True)
        ]
        raise DataError(
            f"pictures differ in size: {first} is {wanted.height}x{wanted.width}, {name} is {detail}",
            f"say size: {smallest} (height, width): they are resized as they are read",
        )


def _few(found: list[str]) -> str:
    return ", ".join(found[:SHOWN]) + (", ..." if len(found) > SHOWN else "")
