"""The cells of a row, as they are spelled in it; and rows told anew in another spelling.

A cell stays quoted, so that NULL (nothing) and an empty text (``""``) are different bytes.
"""

import re
from collections.abc import Callable, Container, Sequence
from operator import itemgetter
from typing import Any

from app.core.formula_guard import guarded
from app.core.rows.dialect import Dialect

Row = bytes
Cell = bytes
Retell = Callable[[Row], Row]

_SPECIAL = re.compile(rb'[,"\r\n]')
_NUMBER = re.compile(rb"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
_DATES = {
    "DMY_DOTS": (re.compile(rb"(\d\d)\.(\d\d)\.(\d{4,})( .*)?", re.DOTALL), rb"\3-\2-\1\4"),
    "DMY_SLASHES": (re.compile(rb"(\d\d)/(\d\d)/(\d{4,})( .*)?", re.DOTALL), rb"\3-\2-\1\4"),
    "MDY_SLASHES": (re.compile(rb"(\d\d)/(\d\d)/(\d{4,})( .*)?", re.DOTALL), rb"\3-\1-\2\4"),
}


def cutter(delimiter: str) -> Callable[[Row], list[Cell]]:
    """Give what cuts rows into cells."""
    apart = delimiter.encode()
    find = re.compile(rb'(?:^|%b)("(?:[^"]|"")*+"|[^%b]*)' % (re.escape(apart), re.escape(apart))).findall
    return lambda row: find(row) if b'"' in row else row.split(apart)


def picker(delimiter: str, places: Sequence[int]) -> Callable[[Row], Any]:
    """Give what takes the cells at these places out of rows, for comparing: one cell, or a tuple of them."""
    cut, pick = cutter(delimiter), itemgetter(*places)
    if list(places) != [0]:
        return lambda row: pick(cut(row))
    apart = delimiter.encode()
    return lambda row: pick(cut(row)) if row[:1] == b'"' else row.partition(apart)[0]


def value_of(cell: Cell, dialect: Dialect) -> str | None:
    """What a person reads in a cell; ``None`` for NULL."""
    text = cell.decode(dialect.encoding, "replace")
    if text.startswith('"'):
        return text[1:-1].replace('""', '"')
    return None if text == dialect.null_text else text


def plain_cell(text: str) -> Cell:
    """A text in the plain dialect."""
    return _quoted(text.encode("utf-8", "surrogatepass"))


def _quoted(value: bytes) -> Cell:
    if value and not _SPECIAL.search(value):
        return value
    return b'"' + value.replace(b'"', b'""') + b'"'


def reteller(dialect: Dialect, places: Sequence[int], *, guard: bool, texts: Container[int] = ()) -> Retell:
    """Give what tells rows of a dialect in the plain one, with the cells at these places only.

    ``guard``: the other file is guarded against formulas. In columns that are not known to be ``texts``, cells that
    look like numbers or dates are told in the plain spelling.
    """
    cut, guard = cutter(dialect.delimiter), guard and not dialect.guarded
    any_cell, text = (_cell_reteller(dialect, guard, is_text=is_text) for is_text in (False, True))
    cells = [(place, text if place in texts else any_cell) for place in places]
    return lambda row: b",".join([told(found[place]) for found in (cut(row),) for place, told in cells])


def _cell_reteller(dialect: Dialect, guard: bool, *, is_text: bool) -> Callable[[Cell], Cell]:
    null = dialect.null_text.encode(dialect.encoding, "replace")
    spell = _speller(dialect, guard, is_text=is_text)

    def retell(cell: Cell) -> Cell:
        if cell[:1] == b'"':
            return _quoted(spell(cell[1:-1].replace(b'""', b'"')))
        return b"" if cell == null else _quoted(spell(cell))

    return retell


def _speller(dialect: Dialect, guard: bool, *, is_text: bool) -> Callable[[bytes], bytes]:
    turns: list[Callable[[bytes], bytes]] = []
    if dialect.encoding not in ("UTF-8", "UTF-16LE"):
        turns.append(lambda value: value.decode(dialect.encoding, "replace").encode())
    if dialect.decimal_mark == "COMMA" and not is_text:
        turns.append(lambda value: value.replace(b",", b".") if _NUMBER.fullmatch(value) else value)
    if dialect.date_format in _DATES and not is_text:
        turns.append(_dates(*_DATES[dialect.date_format]))
    if guard:
        turns.append(lambda value: guarded(value.decode("latin-1")).encode("latin-1"))

    def spell(value: bytes) -> bytes:
        for turn in turns:
            value = turn(value)
        return value

    return spell


def _dates(pattern: re.Pattern[bytes], iso: bytes) -> Callable[[bytes], bytes]:
    def turn(value: bytes) -> bytes:
        found = pattern.fullmatch(value)
        return found.expand(iso) if found else value

    return turn
