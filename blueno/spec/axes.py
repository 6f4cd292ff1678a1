"""The values of an axis. Arithmetic is decimal, so that `range: [0.5, 0.9, 0.1]` ends at exactly 0.9."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, localcontext
from typing import Any

from .node import Mark, Node, Ref, found, is_broken, plain, shown
from .problems import Problems

DRAWN = ("uniform", "log_uniform", "int_uniform", "log_int_uniform")
FORMS = ("grid", "range", "linspace", "logspace", *DRAWN)
MAX_VALUES = 1_000_000  # of one axis; a spec may not have more configs than that either
_DIGITS = 60  # of decimal arithmetic, rounded once to the 17 of a float

Number = int | float


def values_of(form: str, node: Node, path: str, problems: Problems) -> list[Node]:
    """The values that `{form: node}` lists, in order; none if something is wrong with it, which is then a problem."""
    if form == "grid":
        return _grid(node, path, problems)
    numbers = _three_numbers(form, node, path, problems)
    if numbers is None:
        return []
    made = _COMPUTED[form](node, numbers, path, problems)
    return _distinct([Node(value, node.mark) for value in made], path, problems)


def ends_of(form: str, node: Node, path: str, problems: Problems) -> list[Node]:
    """The two ends of what `{form: node}` is drawn from; none, and a problem, if something is wrong with it."""
    items, whole = node.value, form.endswith("int_uniform")
    fix = f"write {{{form}: [low, high]}} with two {'whole ' if whole else ''}numbers"
    if not isinstance(items, list) or len(items) != 2:
        length = f"a list of {len(items)}" if isinstance(items, list) and items else found_list(node)[6:]
        problems.add(node.mark, path, f"{form} takes [low, high], found {length}", fix)
        return []
    kinds = (int,) if whole else (int, float)
    wrong = [item for item in items if isinstance(item.value, bool) or not isinstance(item.value, kinds)]
    for item in wrong:
        if not is_broken(item):
            problems.add(item.mark, path, f"expected a {'whole ' if whole else ''}number, {found(item)}", fix)
    if wrong:
        return []
    low, high = (item.value for item in items)
    if form.startswith("log") and low <= 0:
        problems.add(items[0].mark, path, "low must be above 0", f"write {{{form}: [1e-4, {_as_written(items[1])}]}}")
    elif not low < high:
        written = ", ".join(_as_written(item) for item in reversed(items))
        fix = f"write {{{form}: [{written}]}}" if low > high else f"write {_as_written(items[0])} alone"
        problems.add(items[0].mark, path, "low must be below high", fix)
    else:
        return [item._replace(value=item.value if whole else float(item.value)) for item in items]
    return []


def _grid(node: Node, path: str, problems: Problems) -> list[Node]:
    if not isinstance(node.value, list) or not node.value:
        problems.add(node.mark, path, f"grid takes a list of values, {found_list(node)}", "write {grid: [a, b]}")
        return []
    return _distinct(node.value, path, problems)


def found_list(node: Node) -> str:
    """`found(node)`, which tells an empty list from others."""
    return "found an empty list" if node.value == [] else found(node)


def _distinct(values: list[Node], path: str, problems: Problems) -> list[Node]:
    seen: dict[Any, Node] = {}
    for node in values:
        if is_broken(node):
            continue
        key = comparable(node)
        if key in seen:
            problems.add(node.mark, path, f"{shown(plain(node))} is on this axis already", "remove one of the two")
        seen.setdefault(key, node)
    return list(seen.values())


def comparable(node: Node) -> Any:
    """A hashable that is equal for equal values: 1 equals 1.0, but not true."""
    value = node.value
    if isinstance(value, dict):
        return "mapping", frozenset((key, comparable(child)) for key, child in value.items())
    if isinstance(value, list):
        return "list", tuple(comparable(child) for child in value)
    if isinstance(value, Ref):
        return "ref", value.path
    return isinstance(value, bool), value


def _three_numbers(form: str, node: Node, path: str, problems: Problems) -> list[Number] | None:
    last = "step" if form == "range" else "count"
    items = node.value
    if not isinstance(items, list) or len(items) != 3:
        length = f"a list of {len(items)}" if isinstance(items, list) and items else found_list(node)[6:]
        message = f"{form} takes [first, last, {last}], found {length}"
        problems.add(node.mark, path, message, f"write {{{form}: [first, last, {last}]}} with three numbers")
        return None
    wrong = [item for item in items if isinstance(item.value, bool) or not isinstance(item.value, Number)]
    for item in wrong:
        if not is_broken(item):
            problems.add(item.mark, path, f"expected a number, {found(item)}", _number_fix(form, last))
    return None if wrong else [item.value for item in items]


def _number_fix(form: str, last: str) -> str:
    return f"write {{{form}: [first, last, {last}]}} with three numbers"


def _range(node: Node, numbers: list[Number], path: str, problems: Problems) -> list[Number]:
    first, last, step = (_decimal(number) for number in numbers)
    if step <= 0:
        fix = f"write {{range: {shown([numbers[0], numbers[1], abs(numbers[2]) or 1])}}}"
        problems.add(node.value[2].mark, path, "step must be above 0", fix)
        return []
    if not _ascending("range", node, numbers, path, problems):
        return []
    count = int((last - first) / step) + 1
    if _too_many(count, node.mark, path, problems):
        return []
    whole = all(isinstance(number, int) for number in numbers)
    return [_number(first + step * index, whole) for index in range(count)]


def _linspace(node: Node, numbers: list[Number], path: str, problems: Problems) -> list[Number]:
    count = _count("linspace", node, numbers, path, problems)
    if not _ascending("linspace", node, numbers, path, problems) or not count:
        return []
    first, last = _decimal(numbers[0]), _decimal(numbers[1])
    with localcontext(prec=_DIGITS):
        made = [first + (last - first) * index / (count - 1) for index in range(count)]
    return _numbers(made, numbers)


def _logspace(node: Node, numbers: list[Number], path: str, problems: Problems) -> list[Number]:
    count = _count("logspace", node, numbers, path, problems)
    if numbers[0] <= 0:
        fix = "write the first value itself, not its exponent: {logspace: [1e-4, 1e-2, 3]}"
        problems.add(node.value[0].mark, path, "first must be above 0", fix)
        return []
    if not _ascending("logspace", node, numbers, path, problems) or not count:
        return []
    first, last = _decimal(numbers[0]), _decimal(numbers[1])
    with localcontext(prec=_DIGITS):
        growth = (last / first).ln()
        inner = [first * (growth * index / (count - 1)).exp() for index in range(1, count - 1)]
        tidy = [value.quantize(Decimal(1).scaleb(value.adjusted() - _DIGITS // 2)) for value in inner]
    return _numbers([first, *tidy, last], numbers)


_COMPUTED: dict[str, Callable[[Node, list[Number], str, Problems], list[Number]]] = {
    "range": _range,
    "linspace": _linspace,
    "logspace": _logspace,
}


def _ascending(form: str, node: Node, numbers: list[Number], path: str, problems: Problems) -> bool:
    if numbers[0] < numbers[1]:
        return True
    first, last = (_as_written(item) for item in node.value[:2])
    fix = f"write {{{form}: [{last}, {first}, {_as_written(node.value[2])}]}}"
    if numbers[0] == numbers[1]:
        fix = f"write {first} alone, or a last value above it"
    problems.add(node.value[0].mark, path, "first must be below last", fix)
    return False


def _count(form: str, node: Node, numbers: list[Number], path: str, problems: Problems) -> int:
    count = numbers[2]
    if not isinstance(count, int) or count < 2:
        fix = f"write {{{form}: {shown(numbers[:2])[:-1]}, 3]}} for 3 values"
        problems.add(node.value[2].mark, path, f"count must be a whole number of at least 2, found {count}", fix)
        return 0
    return 0 if _too_many(count, node.value[2].mark, path, problems) else count


def _too_many(count: int, mark: Mark, path: str, problems: Problems) -> bool:
    if count <= MAX_VALUES:
        return False
    problems.add(mark, path, f"{count} values are more than the {MAX_VALUES} that a spec may have", "take fewer values")
    return True


def _decimal(number: Number) -> Decimal:
    """The number as it was written (a float's shortest form is what a person wrote)."""
    return Decimal(repr(number))


def _number(value: Decimal, whole: bool) -> Number:
    return int(value) if whole else float(value)


def _numbers(values: list[Decimal], written: list[Number]) -> list[Number]:
    """Integers when both ends were written as such and all between are whole, else floats, each rounded once."""
    ends = isinstance(written[0], int) and isinstance(written[1], int)
    whole = ends and all(value == value.to_integral_value() for value in values)
    return [_number(value, whole) for value in values]


def _as_written(node: Node) -> str:
    return node.text or shown(node.value)
