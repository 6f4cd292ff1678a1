"""A query's text as a tree.

query      = every { "or" every }
every      = part { "and" part }
part       = "not" part | "(" query ")" | comparison
comparison = FIELD relation VALUE | FIELD ["not"] "in" "(" VALUE { "," VALUE } ")" | FIELD "exists" | "exists" FIELD
"""

from __future__ import annotations

import time
from difflib import get_close_matches

from ..errors import Problem
from ..spec.metrics import direction_of, read_name
from ..spec.problems import nearest
from .fields import ALIASES, FIELDS, OTHER_VALUES
from .operands import operand
from .tree import And, Comparison, Field, Node, Not, Operand, Or, QueryError
from .words import RELATIONS, Word, words

HP = "hp."
DEEPEST = 100
EXAMPLE = "val_accuracy > 0.9 and model = cnn"


def parse(query: str, now: float | None = None) -> Node:
    """The tree of a query. Raises QueryError, with its place, for what cannot be understood."""
    reader = _Reader(query, time.time() if now is None else now)
    node = reader.query(0)
    if reader.next.kind != "end":
        raise reader.expected("and, or, or the end")
    return node


def field_of(written: str, column: int = 1) -> Field:
    """What a name means: a parameter (`hp.NAME`), one of FIELDS, else a metric."""
    if written.startswith(HP):
        return Field("hp", written.removeprefix(HP), column)
    name = ALIASES.get(written, written)
    return Field("field" if name in FIELDS else "metric", name if name in FIELDS else written, column)


def kind_of(field: Field) -> str:
    """What a field's values are: a kind of FIELDS, or "any" for a parameter."""
    return FIELDS[field.name].kind if field.group == "field" else "any" if field.group == "hp" else "number"


class _Reader:
    """The place in the words of a query."""

    def __init__(self, query: str, now: float) -> None:
        self.text, self.now = query, now
        self.words = words(query)
        self.index = 0

    @property
    def next(self) -> Word:
        return self.words[self.index]

    def take(self) -> Word:
        self.index += 1
        return self.words[self.index - 1]

    def taken(self, kind: str, text: str) -> bool:
        """Whether the next word is this one, which is then behind us."""
        is_there = (self.next.kind, self.next.text) == (kind, text)
        self.index += is_there
        return is_there

    def expected(self, what: str, fix: str = "") -> QueryError:
        found = self.next.text if self.next.kind != "end" else "the end"
        fix = fix or f"write a query like '{EXAMPLE}'"
        return QueryError(self.text, self.next.column, f"expected {what}, found {found}", fix)

    def query(self, depth: int) -> Node:
        parts = [self.every(depth)]
        while self.taken("keyword", "or"):
            parts.append(self.every(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def every(self, depth: int) -> Node:
        parts = [self.part(depth)]
        while self.taken("keyword", "and"):
            parts.append(self.part(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def part(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise QueryError(
                self.text, self.next.column, f"more than {DEEPEST} parentheses and nots deep", "write less"
            )
        if self.taken("keyword", "not"):
            return Not(self.part(depth + 1))
        if self.taken("mark", "("):
            node = self.query(depth + 1)
            if not self.taken("mark", ")"):
                raise self.expected("and, or or )")
            return node
        return self.comparison()

    def field(self) -> Field:
        word = self.next
        if word.kind not in ("plain", "quoted") or not word.text:
            raise self.expected("the name of a field")
        self.take()
        if word.text == HP:
            raise QueryError(self.text, word.column, "expected a parameter's name after hp.", "write hp.learning_rate")
        return field_of(word.text, word.column)

    def comparison(self) -> Node:
        if self.taken("keyword", "exists"):
            return Comparison(self.field(), "exists")
        field = self.field()
        if self.taken("keyword", "exists"):
            return Comparison(field, "exists")
        if self.taken("keyword", "in"):
            return self.listed(field, "=")
        if self.taken("keyword", "not"):
            if not self.taken("keyword", "in"):
                raise self.expected("in")
            return self.listed(field, "!=")
        if self.next.kind != "relation":
            raise self.expected(f"{', '.join(RELATIONS)}, in or exists", self.meant(field))
        relation = self.take().text
        return Comparison(field, relation, (self.value(field, relation),))

    def meant(self, field: Field) -> str:
        """A fix for a name with nothing after it: the first word of two that belong together, or a field alone."""
        if self.next.kind == "plain" and (near := get_close_matches(self.next.text.lower(), ("exists", "in"), 1)):
            return f"write {near[0]}"
        return f"write `{field.name} exists` for trials that have it" if field.group != "hp" else ""

    def listed(self, field: Field, relation: str) -> Comparison:
        if not self.taken("mark", "("):
            raise self.expected("( and a list of values", "write it like: model in (mlp, cnn)")
        found = [self.value(field, relation)]
        while self.taken("mark", ","):
            found.append(self.value(field, relation))
        if not self.taken("mark", ")"):
            raise self.expected(", or )")
        return Comparison(field, relation, tuple(found))

    def value(self, field: Field, relation: str) -> Operand:
        word = self.next
        if word.kind not in ("plain", "quoted", "list"):
            fix = f"put it in quotes: '{word.text}'" if word.kind == "keyword" else ""
            raise self.expected("a value", fix)
        self.take()
        if relation == "~" and kind_of(field) in ("number", "time", "duration"):
            raise QueryError(
                self.text, word.column, f"{field.name} is no text", "use = < <= > >= for numbers and times"
            )
        if relation in ("=", "!="):
            self.check_value(field, word)
        try:
            return operand(self.text, word, kind_of(field), relation, self.now)
        except QueryError as error:
            if field.group != "metric":
                raise
            raise self.no_number(field, word, error.problems[0]) from None

    def no_number(self, field: Field, word: Word, problem: Problem) -> QueryError:
        """What a metric cannot be compared with; a name that is nearly that of a field was meant to be one."""
        near = nearest(field.name, [*FIELDS, *ALIASES])
        if near.startswith("write ") and not direction_of(read_name(field.name)):
            message = f"there is no field {field.name}, and a metric is compared with a number, not {word.text!r}"
            return QueryError(self.text, field.column, message, near)
        message = f"{problem.message}: {field.name} is no field, so it is taken for a metric"
        return QueryError(self.text, word.column, message, problem.fix)

    def check_value(self, field: Field, word: Word) -> None:
        """Raises QueryError for a value that a field never has, where all are known."""
        values = FIELDS[field.name].values if field.group == "field" else ()
        if values and word.text not in values:
            meant = OTHER_VALUES.get(word.text.lower(), word.text)
            message = f"there is no {field.name} {word.text!r}, only {', '.join(values)}"
            raise QueryError(self.text, word.column, message, nearest(meant, values))
