"""JSON Patch (RFC 6902) with its JSON Pointers (RFC 6901)."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from typing import Any

from app.core.errors import CarillonError

MOST_OPERATIONS = 1000
MOST_CHARACTERS = 1_000_000
"""Of the document after a copy: copies of copies double it."""
INDEX = re.compile(r"0|[1-9][0-9]{0,8}")

Path = Sequence[str]


class PatchError(CarillonError):
    """The patch is none, or cannot be applied."""

    code = "patch"


def patched(document: Any, operations: Any) -> Any:
    """Give the document as it is after all operations; the given one stays as it is. Raises ``PatchError``."""
    if not isinstance(operations, list):
        raise PatchError("a JSON patch is a list of operations")
    if len(operations) > MOST_OPERATIONS:
        raise PatchError(f"a JSON patch has at most {MOST_OPERATIONS} operations")
    result = deepcopy(document)
    for number, operation in enumerate(operations, 1):
        try:
            result = _applied(result, operation)
        except PatchError as error:
            raise PatchError(f"operation {number} of the patch: {error.message}") from None
        except RecursionError:
            raise PatchError("the document becomes nested too deeply") from None
    return result


def first_names(operations: Any) -> set[str]:
    """The members of the document at which the operations aim, as far as they can be read."""
    rows = operations if isinstance(operations, list) else []
    aims = [row.get("path") for row in rows if isinstance(row, dict) and row.get("op") != "test"]
    return {_pointer(aim)[0] for aim in aims if isinstance(aim, str) and aim.startswith("/")}


def _applied(document: Any, operation: Any) -> Any:
    if not isinstance(operation, dict):
        raise PatchError("is no object")
    name = operation.get("op")
    if not isinstance(name, str) or name not in OPERATIONS:
        raise PatchError(f"op is none of: {', '.join(OPERATIONS)}")
    return OPERATIONS[name](document, _pointer(_member(operation, "path")), operation)


def _member(operation: Mapping[str, Any], name: str) -> Any:
    if name not in operation:
        raise PatchError(f"{name} is missing")
    return operation[name]


def _pointer(text: Any) -> Path:
    if not isinstance(text, str) or (text and not text.startswith("/")) or re.search(r"~(?![01])", text):
        raise PatchError(f"{text!r:.100} is no JSON pointer")
    return [token.replace("~1", "/").replace("~0", "~") for token in text.split("/")[1:]]


def _at(document: Any, path: Path) -> Any:
    for token in path:
        if isinstance(document, dict) and token in document:
            document = document[token]
        elif isinstance(document, list) and INDEX.fullmatch(token) and int(token) < len(document):
            document = document[int(token)]
        else:
            raise PatchError(f"there is no /{'/'.join(path):.100}")
    return document


def _put(document: Any, path: Path, value: Any) -> Any:
    """Add a value: in an object it may replace one, in a list it moves those behind it."""
    if not path:
        return value
    parent, last = _at(document, path[:-1]), path[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif isinstance(parent, list) and last == "-":
        parent.append(value)
    elif isinstance(parent, list) and INDEX.fullmatch(last) and int(last) <= len(parent):
        parent.insert(int(last), value)
    else:
        raise PatchError(f"nothing can be added at /{'/'.join(path):.100}")
    return document


def _taken(document: Any, path: Path) -> Any:
    """Remove a value and give it."""
    if not path:
        raise PatchError("the whole document cannot be taken away")
    value, parent = _at(document, path), _at(document, path[:-1])
    del parent[path[-1] if isinstance(parent, dict) else int(path[-1])]
    return value


def _add(document: Any, path: Path, operation: Mapping[str, Any]) -> Any:
    return _put(document, path, _member(operation, "value"))


def _remove(document: Any, path: Path, operation: Mapping[str, Any]) -> Any:
    _taken(document, path)
    return document


def _replace(document: Any, path: Path, operation: Mapping[str, Any]) -> Any:
    value = _member(operation, "value")
    if not path:
        return value
    _taken(document, path)
    return _put(document, path, value)


def _move(document: Any, path: Path, operation: Mapping[str, Any]) -> Any:
    source = _pointer(_member(operation, "from"))
    if len(source) < len(path) and list(path[: len(source)]) == list(source):
        raise PatchError("a value cannot be moved into itself")
    return _put(document, path, _taken(document, source) if source else document)


def _copy(document: Any, path: Path, operation: Mapping[str, Any]) -> Any:
    document = _put(document, path, deepcopy(_at(document, _pointer(_member(operation, "from")))))
    if len(json.dumps(document)) > MOST_CHARACTERS:
        raise PatchError("the document becomes too large")
    return document


def _test(document: Any, path: Path, operation: Mapping[str, Any]) -> Any:
    if not _same(_at(document, path), _member(operation, "value")):
        raise PatchError(f"the value at /{'/'.join(path):.100} is another one")
    return document


def _same(left: Any, right: Any) -> bool:
    """Equality as JSON has it: ``1`` is ``1.0``, but not ``true``."""
    match left, right:
        case dict(), dict():
            return left.keys() == right.keys() and all(_same(left[name], right[name]) for name in left)
        case list(), list():
            return len(left) == len(right) and all(map(_same, left, right))
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


OPERATIONS: dict[str, Callable[[Any, Path, Mapping[str, Any]], Any]] = {
    "add": _add,
    "remove": _remove,
    "replace": _replace,
    "move": _move,
    "copy": _copy,
    "test": _test,
}
