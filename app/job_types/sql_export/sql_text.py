"""What a SQL text says, as far as it can be told without asking a database: one statement, its words, its binds.

Databases disagree on where a literal ends (backslashes in MySQL, dollar quotes in PostgreSQL, brackets in SQL Server),
so each has a lexicon. A ``:name`` inside a literal, a quoted name, a comment or a ``::cast`` is no bind.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

_LETTER = r"[A-Za-z_\x80-\U0010ffff]"  # every database takes any character outside ASCII as a letter
_NAME = rf"{_LETTER}[A-Za-z0-9_\x80-\U0010ffff]*+"
_WORD = rf"{_LETTER}[A-Za-z0-9_$\x80-\U0010ffff]*+"

_STRING = r"'(?:[^']|'')*+'"
_NAME_IN_QUOTES = r'"(?:[^"]|"")*+"'
_NAME_IN_BACKTICKS = r"`(?:[^`]|``)*+`"
_NAME_IN_BRACKETS = r"\[(?:[^\]]|\]\])*+\]"
_BACKSLASH_STRING = r"'(?:[^'\\]|''|\\.)*+'"
_BACKSLASH_QUOTES = r'"(?:[^"\\]|""|\\.)*+"'
_DOLLAR_QUOTE = rf"\$(?P<tag>(?:{_NAME})?)\$.*?\$(?P=tag)\$"
# A literal goes on after white space with a line break in it, and the part after the break obeys the same escapes.
_CONTINUED = r"(?:[ \t\f\v]|--[^\n\r]*)*+[\n\r](?:[ \t\n\r\f\v]|--[^\n\r]*[\n\r])*+"
_ESCAPE_STRING = rf"[eE]{_BACKSLASH_STRING}(?:{_CONTINUED}{_BACKSLASH_STRING})*+"
_ORACLE_Q = r"[nN]?[qQ]'(?:\[.*?\]'|\{.*?\}'|\(.*?\)'|<.*?>'|(?P<fence>[^\s\[{(<]).*?(?P=fence)')"

_DASHES = r"--[^\n]*"
_BLOCK_EDGE = re.compile(r"/\*|\*/")


class Place(NamedTuple):
    """Where something is in a text, as people count: from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


class SqlTextError(ValueError):
    """The text cannot be one statement; the message says what is wrong and where."""

    def __init__(self, message: str, place: Place | None = None) -> None:
        super().__init__(f"{message} {place}" if place else message)
        self.place = place


@dataclass(frozen=True)
class Lexicon:
    """How one kind of database reads SQL text."""

    tokens: re.Pattern[str]
    nested_comments: bool = False
    executes_comments: bool = False


@dataclass(frozen=True)
class Token:
    kind: str
    text: str
    start: int


@dataclass(frozen=True)
class Bind:
    name: str
    start: int
    end: int


def _lexicon(
    quoted: Iterable[str],
    *,
    comment: str = _DASHES,
    opening: str = "'\"",
    nested_comments: bool = False,
    executes_comments: bool = False,
) -> Lexicon:
    parts = [
        rf"(?P<quoted>{'|'.join(quoted)})",
        rf"(?P<comment>{comment})",
        r"(?P<block>/\*)",
        rf"(?P<unclosed>[{re.escape(opening)}])",
        r"(?P<number>[0-9][A-Za-z0-9_.]*)",
        rf"(?P<word>{_WORD})",
        rf"(?P<bind>(?<![A-Za-z0-9_:\x80-\U0010ffff]):{_NAME})",  # not in ::cast, not in slice[1:n]
        r"(?P<other>::|:=|\S)",
    ]
    return Lexicon(re.compile("|".join(parts), re.DOTALL), nested_comments, executes_comments)


POSTGRESQL = _lexicon(
    [_ESCAPE_STRING, _STRING, _NAME_IN_QUOTES, _DOLLAR_QUOTE], comment=r"--[^\n\r]*", nested_comments=True
)
SQLITE = _lexicon([_STRING, _NAME_IN_QUOTES, _NAME_IN_BACKTICKS, _NAME_IN_BRACKETS], opening="'\"`[")
SQL_SERVER = _lexicon([_STRING, _NAME_IN_QUOTES, _NAME_IN_BRACKETS], opening="'\"[", nested_comments=True)
ORACLE = _lexicon([_ORACLE_Q, _STRING, _NAME_IN_QUOTES])
STANDARD = _lexicon([_STRING, _NAME_IN_QUOTES, _NAME_IN_BACKTICKS], opening="'\"`")


@lru_cache
def mysql(*, backslashes: bool = True, ansi_quotes: bool = False) -> Lexicon:
    """The two modes are those of ``sql_mode``: NO_BACKSLASH_ESCAPES (turned round) and ANSI_QUOTES."""
    double = _BACKSLASH_QUOTES if backslashes and not ansi_quotes else _NAME_IN_QUOTES
    return _lexicon(
        [_BACKSLASH_STRING if backslashes else _STRING, double, _NAME_IN_BACKTICKS],
        comment=r"#[^\n]*|--(?=[\s\x00-\x1f]|\Z)[^\n]*",  # in MySQL 3--1 is a sum
        opening="'\"`",
        executes_comments=True,
    )


LEXICONS = (POSTGRESQL, SQLITE, mysql(), SQL_SERVER, ORACLE, STANDARD)


def place(text: str, offset: int) -> Place:
    """Say where in the text an offset (from 0) is."""
    before = text[:offset]
    return Place(before.count("\n") + 1, offset - before.rfind("\n"))


def place_of(text: str, words: str) -> Place | None:
    """Say where these words are, if they are there only once."""
    first = text.find(words) if words else -1
    return place(text, first) if first >= 0 and text.find(words, first + 1) < 0 else None


def _block_end(text: str, start: int, lexicon: Lexicon) -> int:
    if lexicon.executes_comments and re.match(r"/\*M?!", text[start:]):
        raise SqlTextError("a comment that the server executes is not allowed:", place(text, start))
    depth = 0
    for edge in _BLOCK_EDGE.finditer(text, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0 or (edge.group() == "*/" and not lexicon.nested_comments):
            return edge.end()
    raise SqlTextError("a comment is not closed: it begins at", place(text, start))


def _tokens(text: str, lexicon: Lexicon) -> Iterator[Token]:
    """Give everything but white space and comments."""
    position = 0
    while match := lexicon.tokens.search(text, position):
        kind, position = str(match.lastgroup), match.end()
        if kind == "block":
            position = _block_end(text, match.start(), lexicon)
        elif kind == "unclosed":
            raise SqlTextError("a quote is not closed: it begins at", place(text, match.start()))
        elif kind != "comment":
            yield Token(kind, match.group(), match.start())


@dataclass(frozen=True)
class Spelled:
    """A statement with its binds spelled out; knows which place of the original a place in it comes from."""

    text: str
    original: str
    steps: tuple[tuple[int, int], ...]  # (offset here, offset in the original), rising

    def place(self, offset: int) -> Place:
        """Say where in the original the character at this offset (from 0) was."""
        here, there = self.steps[max(bisect_right(self.steps, (offset, len(self.original))) - 1, 0)]
        return place(self.original, min(there + offset - here, len(self.original)))


@dataclass(frozen=True)
class Statement:
    """One statement, without the semicolon at its end."""

    text: str
    head: str = ""  # the first word, upper case: SELECT, WITH ...
    words: tuple[str, ...] = ()  # all words outside quotes in their order, upper case
    quoted_calls: frozenset[str] = frozenset()  # names in quotes before a parenthesis, upper case
    binds: tuple[Bind, ...] = field(default=())

    @property
    def bind_names(self) -> frozenset[str]:
        return frozenset(bind.name for bind in self.binds)

    def spelled(self, spell: Callable[[str], str], *, between: Callable[[str], str] = str) -> Spelled:
        """Replace every bind by what ``spell`` gives for its name, and the text between binds by ``between`` of it."""
        pieces: list[str] = []
        steps: list[tuple[int, int]] = []
        length = 0
        for piece, origin in self._pieces(spell, between):
            steps.append((length, origin))
            pieces.append(piece)
            length += len(piece)
        return Spelled("".join(pieces), self.text, tuple(steps))

    def _pieces(self, spell: Callable[[str], str], between: Callable[[str], str]) -> Iterator[tuple[str, int]]:
        start = 0
        for bind in self.binds:
            yield between(self.text[start : bind.start]), start
            yield spell(bind.name), bind.start
            start = bind.end
        yield between(self.text[start:]), start


def read_statement(text: str, lexicon: Lexicon) -> Statement:
    """Read a text that must be one statement. Raises ``SqlTextError``."""
    if "\0" in text:
        # libpq would stop there
        raise SqlTextError("a NUL character is not allowed:", place(text, text.index("\0")))
    tokens = list(_tokens(text, lexicon))
    while tokens and tokens[-1].text == ";":
        tokens.pop()
    if not tokens:
        raise SqlTextError("the query is empty")
    for token, following in pairwise(tokens):
        if token.text == ";":
            raise SqlTextError("only one statement is allowed: a second one begins at", place(text, following.start))
    last = tokens[-1]
    return Statement(
        text[: last.start + len(last.text)],
        head=_head(tokens),
        words=tuple(token.text.upper() for token in tokens if token.kind == "word"),
        quoted_calls=frozenset(_quoted_calls(tokens)),
        binds=tuple(_binds(tokens)),
    )


def _head(tokens: Iterable[Token]) -> str:
    first = next((token for token in tokens if token.text != "("), None)
    return first.text.upper() if first and first.kind == "word" else ""


def _quoted_calls(tokens: Sequence[Token]) -> Iterator[str]:
    for token, following in pairwise(tokens):
        if token.kind == "quoted" and following.text == "(":
            yield token.text[1:-1].upper()


def _binds(tokens: Iterable[Token]) -> Iterator[Bind]:
    for token in tokens:
        if token.kind == "bind":
            yield Bind(token.text[1:], token.start, token.start + len(token.text))
