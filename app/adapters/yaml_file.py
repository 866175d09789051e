"""Definitions as YAML, for people and for version control.

Read is what JSON could say, too: no tags, no anchors and aliases (a few lines of them can stand for gigabytes), no name
twice in an object, and of plain words only null, true, false and numbers mean something else than themselves, so that
a time of day is no number and ``on`` is no truth.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

import yaml

from app.core.definitions.documents import KINDS, Document
from app.core.definitions.reading import TRIGGER
from app.core.errors import FieldError, InvalidError
from app.core.triggers import EPOCH, TriggerSpec, calculator
from app.schedule.describe import describe

LARGEST = 10_000_000  # bytes
DEEPEST = 40
MOST_PARTS = 2_000_000
MOST_PLACES = 100_000_000  # characters of all paths: a long name stands in that of everything below it
HEAD = """\
# Definitions of Carillon. To try what it would change: carillon import FILE --dry-run
# Not in it: passwords, users, system jobs, keep-rules, contracts, and everything that has happened.
"""
PLAIN = {
    "null": re.compile(r"null|~|"),
    "bool": re.compile(r"true|false"),
    "int": re.compile(r"-?(0|[1-9][0-9]*)"),
    "float": re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?"),
}
STRANGE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ufeff]")
"""What YAML takes for the end of a line, or does not take at all."""
QUOTED = ("'", '"', "|", ">")


class Lines(dict[str, int]):
    """Where the value at each path begins, counted from 1."""

    def __init__(self) -> None:
        super().__init__()
        self._left = MOST_PLACES

    def note(self, path: str, line: int) -> None:
        """Raises ``InvalidError`` where the paths would fill the memory."""
        self._left -= len(path)
        if self._left < 0:
            raise InvalidError.of("file", f"line {line}: the names are too long")
        self[path] = line


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


# Reading


def read(data: bytes) -> tuple[Any, Lines]:
    """Raises ``InvalidError`` with the line."""
    if len(data) > LARGEST:
        raise InvalidError.of("file", f"has more than {LARGEST // 1_000_000} MB")
    try:
        text = data.decode("utf-8-sig")
        _check_size(text)
        node = yaml.compose(text, _Loader)
    except UnicodeDecodeError as error:
        raise InvalidError.of("file", f"is no UTF-8: {error}") from None
    except yaml.YAMLError as error:
        raise InvalidError.of("file", _words(error)) from None
    lines = Lines()
    return (_value(node, "", lines) if node is not None else None), lines


def located(error: InvalidError, lines: Mapping[str, int]) -> InvalidError:
    """The same with the line of each field in its message."""
    return InvalidError([FieldError(each.field, _at(each, lines), each.code) for each in error.errors])


def _at(error: FieldError, lines: Mapping[str, int]) -> str:
    path = error.field
    while path and path not in lines:
        path = path.rpartition(".")[0]
    return f"{error.message} (line {lines[path]})" if path else error.message


def _check_size(text: str) -> None:
    depth = 0
    for parts, event in enumerate(yaml.parse(text, _Loader)):
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise InvalidError.of("file", f"line {event.start_mark.line + 1}: anchors and aliases are not read")
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST or parts > MOST_PARTS:
            raise InvalidError.of("file", f"line {event.start_mark.line + 1}: it is too deep or too large")


def _words(error: yaml.YAMLError) -> str:
    mark = getattr(error, "problem_mark", None)
    what = getattr(error, "problem", None) or str(error)
    return f"line {mark.line + 1}, column {mark.column + 1}: {what}" if mark else what


def _value(node: Any, path: str, lines: Lines) -> Any:
    line = node.start_mark.line + 1
    lines.note(path, line)
    at = f"{path}." if path else ""
    if isinstance(node, yaml.MappingNode):
        found: dict[str, Any] = {}
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else None
            if name is None or name in found:
                words = f"{name!r} is there twice" if name is not None else "a name must be a text"
                raise InvalidError.of("file", f"line {key.start_mark.line + 1}: {words}")
            found[name] = _value(value, f"{at}{name}", lines)
        return found
    if isinstance(node, yaml.SequenceNode):
        return [_value(each, f"{at}{number}", lines) for number, each in enumerate(node.value)]
    return _scalar(node, line)


def _scalar(node: Any, line: int) -> Any:
    if node.style in QUOTED:
        return node.value
    for kind, pattern in PLAIN.items():
        if pattern.fullmatch(node.value):
            return _plain(kind, node.value, line)
    return node.value


def _plain(kind: str, text: str, line: int) -> Any:
    if kind in ("int", "float") and len(text) > 40:
        raise InvalidError.of("file", f"line {line}: the number is too long")
    match kind:
        case "null":
            return None
        case "bool":
            return text == "true"
    number = int(text) if kind == "int" else float(text)
    if math.isinf(number):  # no database keeps such a number in JSON
        raise InvalidError.of("file", f"line {line}: the number is too large")
    return number


# Writing


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> Any:
    """Queries as they were written."""
    looks_plain = any(pattern.fullmatch(value) for pattern in PLAIN.values())
    style = '"' if STRANGE.search(value) else "|" if "\n" in value else "'" if looks_plain else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def write(document: Document) -> str:
    """The same document gives the same text; above each trigger stands what it says, in words."""
    parts = [HEAD, f"carillon: {document['carillon']}\n"]
    for kind in KINDS:
        if document.get(kind):
            parts.append(f"\n{kind}:\n")
            parts += [_item(each) for each in document[kind]]
    return "".join(parts)


def _item(item: Document) -> str:
    dumped: str = yaml.dump(
        [item], Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10_000, default_flow_style=False
    )  # fmt: skip
    words = iter([_in_words(each) for each in item.get("triggers", ())])
    lines = []
    for line in dumped.removesuffix("\n").split("\n"):
        if line.startswith("  - kind: "):  # of nothing else: parameters stand further to the right
            lines.append(f"  # {next(words)}")
        lines.append(line)
    return "\n".join(lines) + "\n"


def _in_words(said: Document) -> str:
    spec = TriggerSpec(**{name: TRIGGER[name](value) for name, value in said.items()})
    return " ".join(describe(calculator(spec.row(EPOCH))).split())
