"""What libyaml says about broken YAML, in words that help: a place, a message and a fix."""

from __future__ import annotations

from typing import Any

# (what libyaml's problem holds, message, fix), the first that fits
_KNOWN = (
    ("cannot start any token", "no value may begin with this character", "put the value into quotes"),
    ("mapping values are not allowed", "a second ': ' in one line, or a line that is indented too far",
     "quote a value that holds ': ', or align the key with its neighbours"),
    ("could not find expected ':'", "a key without a colon", "write key: value"),
    ("did not find expected key", "this does not fit the mapping it stands in",
     "align it with its neighbours, and close brackets and quotes before it"),
    ("did not find expected '-' indicator", "this does not fit the list it stands in",
     "begin each item with - in the same column"),
    ("did not find expected ',' or ']'", "the list that begins with [ is not closed", "add the missing , or ]"),
    ("did not find expected ',' or '}'", "the mapping that begins with { is not closed", "add the missing , or }"),
    ("unexpected end of stream", "the text ends inside quotes", "add the closing quote"),
    ("did not find expected node content", "a value is missing here", "write a value, or null"),
    ("block sequence entries are not allowed", "a list item cannot begin here", "begin the list on a line of its own"),
    ("did not find expected <document start>", "nothing may follow the end of the document here", "remove it"),
)  # fmt: skip


_BEGAN_EARLIER = ("is not closed", "inside quotes", "without a colon")  # marked where that began


def syntax_problem(error: Any, text: str) -> tuple[tuple[int, int], str, str]:
    """((line, column), message, fix) for an error of PyYAML's; lines and columns count from 1."""
    if hasattr(error, "position"):  # a character that YAML does not allow
        return _unprintable(text)
    mark = error.problem_mark or error.context_mark
    said = " ".join(part for part in (error.problem, error.context) if part)
    message, fix = next(((m, f) for part, m, f in _KNOWN if part in said), (said, ""))
    if any(part in message for part in _BEGAN_EARLIER) and error.context_mark is not None:
        mark = error.context_mark
    if text[mark.index : mark.index + 1] == "\t":
        message, fix = "a tab where the text is indented", "indent with spaces"
    return (mark.line + 1, mark.column + 1), message, fix


def _unprintable(text: str) -> tuple[tuple[int, int], str, str]:
    index = next((i for i, character in enumerate(text) if not _allowed(character)), 0)
    before = text[:index]
    place = (before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1)
    return place, f"the character U+{ord(text[index]):04X} is not allowed in YAML", "remove it"


def _allowed(character: str) -> bool:
    code = ord(character)
    return character in "\t\n\r\x85" or 0x20 <= code <= 0x7E or (code >= 0xA0 and code not in (0xFFFE, 0xFFFF))
