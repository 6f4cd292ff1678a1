"""Picture files to bytes, with nothing but Pillow. Run as a module it is one of the processes that decode side by side:
it reads one line of JSON, writes the pixels of every file, then a line of JSON about them.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator, Sequence
from hashlib import sha256
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image, UnidentifiedImageError

CHANNELS = {"rgb": 3, "gray": 1, "gray16": 1}
BYTES = {"rgb": 3, "gray": 1, "gray16": 2}  # of a pixel
PILLOW = {"rgb": "RGB", "gray": "L", "gray16": "I"}  # Pillow's mode to work in


class Wanted(NamedTuple):
    """What every picture becomes."""

    mode: str  # a key of CHANNELS
    height: int
    width: int
    resize: bool  # else a picture of another size is a fault

    def row_bytes(self) -> int:
        """Of one picture."""
        return self.height * self.width * BYTES[self.mode]


class Decoded(NamedTuple):
    """A file's pixels, row by row (16 bits: little-endian), and its SHA-256; where there is a fault, only that."""

    pixels: bytes
    sha: str
    fault: str = ""  # "size", "depth" or "broken"
    detail: str = ""  # its height and width; what Pillow says


def decode(file: str, wanted: Wanted) -> Decoded:
    """One picture. Never raises for what is in the file."""
    try:
        with open(file, "rb", buffering=0) as opened:
            content = opened.read()
    except OSError as error:
        return Decoded(b"", "", "broken", str(error.strerror))
    sha = sha256(content).hexdigest()
    try:
        with Image.open(BytesIO(content)) as image:
            return _converted(image, wanted, sha)
    except UnidentifiedImageError:
        return Decoded(b"", sha, "broken", "of no format that Pillow knows" if content else "empty")
    except Exception as error:  # whatever a broken file makes of Pillow: OSError, SyntaxError, ValueError, struct.error
        return Decoded(b"", sha, "broken", str(error))


def _converted(image: Image.Image, wanted: Wanted, sha: str) -> Decoded:
    is_deep = image.mode.startswith(("I", "F"))
    if is_deep != (wanted.mode == "gray16") or image.mode == "F":
        return Decoded(b"", sha, "depth", image.mode)
    if not wanted.resize and image.size != (wanted.width, wanted.height):
        return Decoded(b"", sha, "size", f"{image.height}x{image.width}")
    mode = PILLOW[wanted.mode]
    made = image if image.mode == mode else image.convert(mode)
    if made.size != (wanted.width, wanted.height):
        made = made.resize((wanted.width, wanted.height), Image.Resampling.BILINEAR)
    return Decoded(made.convert("I;16").tobytes() if is_deep else made.tobytes(), sha)


def size_of(file: str) -> tuple[int, int] | None:
    """Height and width as the file's head says; None where it says none."""
    try:
        with Image.open(file) as image:
            return image.height, image.width
    except Exception:  # as above; what is wrong with it is said when it is decoded
        return None


class Report(NamedTuple):
    """What is known of some files: the SHA-256 of each, and faults as [number, fault, detail]."""

    shas: list[str]
    faults: list[tuple[int, str, str]]


def pieces(folder: str, names: Sequence[str], wanted: Wanted, report: Report) -> Iterator[bytes]:
    """The pixels of each file in turn, zeros where there is a fault; fills `report`."""
    for number, name in enumerate(names):
        decoded = decode(f"{folder}/{name}", wanted)
        report.shas.append(decoded.sha)
        if decoded.fault:
            report.faults.append((number, decoded.fault, decoded.detail))
        yield decoded.pixels or bytes(wanted.row_bytes())


def main() -> None:
    """A process of its own: dies quietly with whoever started it."""
    for number in (signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    told: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    report = Report([], [])
    for piece in pieces(told["folder"], told["names"], Wanted(*told["wanted"]), report):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.write(json.dumps(report).encode())


if __name__ == "__main__":
    main()
