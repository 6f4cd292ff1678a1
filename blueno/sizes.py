"""Sizes as people write them."""

from __future__ import annotations

import re

_BYTES = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kKMGT]?)(i?)B\Z")


def bytes_of(text: str) -> int | None:
    """A size in bytes; None if it is none.

    >>> bytes_of("24GB")
    24000000000
    """
    match = _BYTES.match(text)
    if match is None:
        return None
    number, prefix, binary = match.groups()
    power = " KMGT".index(prefix.upper() or " ")
    return round(float(number) * (1024 if binary else 1000) ** power)
