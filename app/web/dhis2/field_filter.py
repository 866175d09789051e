"""``fields=``: which members of an object are sent (``id,name``, ``*``, ``:all``, ``!access``, ``access[read]``)."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.web.dhis2.errors import QueryError

DEEPEST = 10
PIECE = re.compile(r"([^,\[\]]*)([,\[\]]|$)")

IDENTIFIABLE = ("id", "name", "displayName", "created", "lastUpdated", "lastUpdatedBy", "createdBy", "href")
DERIVED = ("href", "displayName", "access", "jobStatus", "nextExecutionTime", "configurable", "favorite")

Preset = Callable[[str, Any], bool]

PRESETS: dict[str, Preset] = {
    "*": lambda name, value: True,
    ":all": lambda name, value: True,
    ":identifiable": lambda name, value: name in IDENTIFIABLE,
    ":nameable": lambda name, value: name in (*IDENTIFIABLE, "description"),
    ":idName": lambda name, value: name in ("id", "name"),
    ":owner": lambda name, value: name not in DERIVED,
    ":persisted": lambda name, value: name not in DERIVED,
    ":simple": lambda name, value: not isinstance(value, list | dict),
}


@dataclass
class Selection:
    presets: list[Preset] = field(default_factory=list)
    named: dict[str, "Selection"] = field(default_factory=dict)
    without: set[str] = field(default_factory=set)

    def pick(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self.pick(member) for member in value]
        if not isinstance(value, dict) or not (self.presets or self.named or self.without):
            return value
        return {name: self._member(name, member) for name, member in value.items() if self._takes(name, member)}

    def _takes(self, name: str, value: Any) -> bool:
        if value is None or name in self.without:
            return False
        return name in self.named or any(takes(name, value) for takes in self.presets) or self._only_leaves_out

    @property
    def _only_leaves_out(self) -> bool:
        return not self.named and not self.presets

    def _member(self, name: str, value: Any) -> Any:
        return self.named[name].pick(value) if name in self.named else value

    @property
    def single(self) -> str | None:
        """The one member that is named, if nothing else is."""
        names = [name for name, inner in self.named.items() if not inner.named]
        return names[0] if len(self.named) == len(names) == 1 and not (self.presets or self.without) else None

    def add(self, name: str, presets: Mapping[str, Preset] = PRESETS) -> "Selection":
        name = re.split(r"[~|]|::", name, maxsplit=1)[0].strip()  # transformations are not done
        inner = Selection()
        if name.startswith("!"):
            self.without.add(name[1:])
        elif name in presets:
            self.presets.append(presets[name])
        elif name and not name.startswith(":"):
            inner = self.named.setdefault(name, inner)
        return inner


def parse(text: str, presets: Mapping[str, Preset] = PRESETS) -> Selection:
    """Read a ``fields`` parameter. Raises ``QueryError``; names that no object has are no error."""
    open_ones = [Selection()]
    for name, sign in _pieces(text):
        inner = open_ones[-1].add(name, presets)
        if sign == "[":
            open_ones.append(inner)
        elif sign == "]":
            open_ones.pop()
        if not 1 <= len(open_ones) <= DEEPEST:
            raise QueryError(f"fields cannot be read: {text[:100]!r}")
    return open_ones[0]


def _pieces(text: str) -> Iterator[tuple[str, str]]:
    return ((match[1], match[2]) for match in PIECE.finditer(text))
