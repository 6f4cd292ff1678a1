"""Numbers of things in messages."""

from __future__ import annotations


def counted(count: int, noun: str) -> str:
    """A number with its noun, which takes an s.

    >>> counted(1, "config"), counted(2, "config")
    ('1 config', '2 configs')
    """
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
