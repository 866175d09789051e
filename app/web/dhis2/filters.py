"""``filter=`` and ``order=`` over documents: ``name:ilike:night``, ``jobParameters.query:like:visit``."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

from app.web.dhis2.documents import Document
from app.web.dhis2.errors import QueryError

Test = Callable[[Any, str], bool]


def _same_kind(value: Any, operand: str) -> Any:
    """Read an operand as what it is compared with. Raises ``QueryError``."""
    if isinstance(value, bool):
        return operand.lower() == "true"
    if isinstance(value, int | float):
        try:
            return float(operand)
        except ValueError:
            raise QueryError(f"`{operand}` is not a number.") from None
    return operand


def _compared(test: Callable[[Any, Any], bool]) -> Test:
    return lambda value, operand: value is not None and test(_plain(value), _same_kind(value, operand))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, list | dict) else value


def _text(test: Callable[[str, str], bool], *, fold: bool) -> Test:
    def compare(value: Any, operand: str) -> bool:
        left, right = ("" if value is None else str(value)), operand
        return test(left.lower(), right.lower()) if fold else test(left, right)

    return compare


def _among(value: Any, operand: str) -> bool:
    return any(EQUAL(value, option.strip()) for option in operand.strip("[]").split(","))


def _has_words(value: Any, operand: str) -> bool:
    return all(word in str(value or "").lower() for word in operand.lower().split())


EQUAL = _compared(lambda value, operand: value == operand)
OPERATORS: dict[str, Test] = {
    "eq": EQUAL,
    "ieq": _text(str.__eq__, fold=True),
    "gt": _compared(lambda value, operand: value > operand),
    "ge": _compared(lambda value, operand: value >= operand),
    "gte": _compared(lambda value, operand: value >= operand),
    "lt": _compared(lambda value, operand: value < operand),
    "le": _compared(lambda value, operand: value <= operand),
    "lte": _compared(lambda value, operand: value <= operand),
    "like": _text(str.__contains__, fold=False),
    "$like": _text(str.startswith, fold=False),
    "like$": _text(str.endswith, fold=False),
    "ilike": _text(str.__contains__, fold=True),
    "$ilike": _text(str.startswith, fold=True),
    "ilike$": _text(str.endswith, fold=True),
    "startsWith": _text(str.startswith, fold=True),
    "endsWith": _text(str.endswith, fold=True),
    "in": _among,
    "null": lambda value, operand: value is None,
    "empty": lambda value, operand: not value and value not in (0, False),
    "token": _has_words,
}
ALIASES = {"ne": "!eq", "neq": "!eq"}


def keep(documents: Sequence[Document], filters: Sequence[str], *, any_of: bool) -> list[Document]:
    """Those that pass all filters, or any of them. Raises ``QueryError``."""
    tests = [_read(text) for text in filters]
    if not tests:
        return list(documents)
    joined = any if any_of else all
    return [document for document in documents if joined(test(document) for test in tests)]


def arrange(documents: list[Document], orders: Iterable[str]) -> list[Document]:
    """Sort by ``property:direction``; the first counts most, what has no value comes last. Raises ``QueryError``."""
    for order in reversed(list(orders)):
        name, _, direction = order.partition(":")
        direction = direction or "asc"
        if direction not in ("asc", "desc", "iasc", "idesc"):
            raise QueryError(f"`{direction}` is not a valid order direction.")
        present = [document for document in documents if _value(document, name) is not None]
        absent = [document for document in documents if _value(document, name) is None]
        present.sort(key=partial(_sort_key, name=name), reverse=direction.endswith("desc"))
        documents = present + absent
    return documents


def _sort_key(document: Document, name: str) -> Any:
    value = _plain(_value(document, name))
    return value.lower() if isinstance(value, str) else value


def _read(text: str) -> Callable[[Document], bool]:
    name, _, rest = text.partition(":")
    operator, _, operand = rest.partition(":")
    operator = ALIASES.get(operator, operator)
    test = OPERATORS.get(operator.removeprefix("!"))
    if test is None:
        raise QueryError(f"`{operator}` is not a valid operator.")
    wanted = not operator.startswith("!")
    return lambda document: test(_value(document, name), operand) is wanted


def _value(document: Document, path: str) -> Any:
    first, *rest = path.split(".")
    if first not in document:
        raise QueryError(f"Unknown path property: {path}")
    value = document[first]
    for name in rest:
        value = value.get(name) if isinstance(value, dict) else None
    return value
