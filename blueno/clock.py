"""Times: seconds since 1970 inside, UTC in ISO 8601 wherever one is written or shown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


def iso(now: float) -> str:
    """`now` in seconds since 1970, as UTC with milliseconds.

    >>> iso(0.25)
    '1970-01-01T00:00:00.250Z'
    """
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def seconds(text: str) -> float:
    """The inverse of `iso`: seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


def words(duration_s: float) -> str:
    """A duration for people.

    >>> words(0.42), words(75), words(3 * 3600 + 65)
    ('0.4 s', '1 min 15 s', '3 h 1 min')
    """
    if duration_s < 60:
        return f"{duration_s:.1f} s" if duration_s < 10 else f"{duration_s:.0f} s"
    minutes, rest = divmod(round(duration_s), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def ago(duration_s: float) -> str:
    """How long ago something was, in one unit.

    >>> ago(20), ago(3 * 3600 + 65), ago(86_400), ago(40 * 86_400)
    ('just now', '3 h ago', '1 day ago', '40 days ago')
    """
    for unit_s, unit in ((86_400, "day"), (3600, "h"), (60, "min")):
        count = int(duration_s // unit_s)
        if count:
            return f"{count} {unit}{'s' if unit == 'day' and count > 1 else ''} ago"
    return "just now"


@dataclass
class SharedTime:
    """A clock for those who are at work together: it runs slower, the more they are, so that the difference between two
    readings is the share of each in the time that passed.
    """

    reading_s: float = 0.0
    seen_s: float = 0.0

    def read(self, now_s: float, count: int) -> float:
        """The reading now, when `count` have been at work since the last one."""
        if count:
            self.reading_s += (now_s - self.seen_s) / count
        self.seen_s = now_s
        return self.reading_s
