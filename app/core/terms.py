"""What a contract says, held against what is known of a result: pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

from app.core.errors import FieldError
from app.core.models import ResultFile

MOST_COLUMNS = 10_000
LARGEST = 2**53
ROOM = 100  # rows that a learnt contract leaves above a small result


@dataclass(frozen=True)
class Terms:
    """``None`` asks for nothing. ``least_rows=1``: not empty. Freshness: a result older than that is not given out."""

    columns: Sequence[str] | None = None  # exactly these, in this order
    least_rows: int | None = None
    most_rows: int | None = None
    max_age_seconds: int | None = None
    unique_key: Sequence[str] | None = None  # no two rows have the same values in these; of CSV files
    types: Mapping[str, str] | None = None  # of columns, in the words of the database

    @classmethod
    def read(cls, stored: Mapping[str, Any] | None) -> "Terms | None":
        return None if stored is None else cls(**stored)

    def written(self) -> dict[str, Any]:
        lists = {name: getattr(self, name) for name in ("columns", "unique_key")}
        return asdict(self) | {name: None if value is None else list(value) for name, value in lists.items()}

    @property
    def max_age(self) -> timedelta | None:
        return None if self.max_age_seconds is None else timedelta(seconds=self.max_age_seconds)

    def problems(self) -> Iterator[FieldError]:
        columns = self.columns or ()
        if len(set(columns)) < len(columns) or not all(columns) or len(columns) > MOST_COLUMNS:
            yield FieldError("columns", "name each column once")
        for name, least in (("least_rows", 0), ("most_rows", 0), ("max_age_seconds", 1)):
            value = getattr(self, name)
            if value is not None and not least <= value <= LARGEST:
                yield FieldError(name, f"must be at least {least}")
        key, types = self.unique_key, self.types or {}
        if key is not None and (not key or len(set(key)) < len(key) or not all(key)):
            yield FieldError("unique_key", "name at least one column, and each once")
        for field, names in (("unique_key", key or ()), ("types", types)):
            if self.columns is not None and (others := [name for name in names if name not in columns]):
                yield FieldError(field, f"{others[0]!r} is none of the columns", "unknown")
        if not all(isinstance(type_, str) and type_ for type_ in types.values()):
            yield FieldError("types", "give each column one type")
        if None not in (self.least_rows, self.most_rows) and self.least_rows > self.most_rows:  # type: ignore[operator]
            yield FieldError("most_rows", "must not be less than the least")


@dataclass(frozen=True)
class Facts:
    """What is known of a result; ``None`` where its worker has said nothing."""

    columns: Sequence[str] | None = None
    rows: int | None = None
    types: Sequence[str | None] | None = None  # of the columns
    repeated: Mapping[str, Any] | None = None  # see ``MadeFile.repeated``

    @classmethod
    def of(cls, made: ResultFile) -> "Facts":
        return cls(made.columns, made.rows, made.types, made.repeated)

    def types_by_name(self) -> dict[str, str]:
        """Of columns that share their name nothing can be said."""
        columns = list(self.columns or ())
        known = zip(columns, self.types or (), strict=False)
        return {name: type_ for name, type_ in known if type_ and columns.count(name) == 1}


def learnt(facts: Facts) -> Terms:
    """What a good result says of those to come: the same columns and types, from half to twice as many rows."""
    terms, rows = Terms(facts.columns, types=facts.types_by_name() or None), facts.rows
    if rows is None:
        return terms
    return replace(terms, least_rows=(rows + 1) // 2, most_rows=max(2 * rows, rows + ROOM))


def breaches(terms: Terms, facts: Facts) -> list[str]:
    """What is wrong with a result, in words. What its worker did not say of it cannot be wrong."""
    columns, rows = facts.columns, facts.rows
    wrong = [] if terms.columns is None or columns is None else list(_wrong_columns(terms.columns, columns))
    wrong += _wrong_types(terms.types or {}, facts.types_by_name())
    if rows is not None and terms.least_rows is not None and rows < terms.least_rows:
        wrong.append("it is empty" if not rows else f"it has {rows} rows, fewer than {terms.least_rows}")
    if rows is not None and terms.most_rows is not None and rows > terms.most_rows:
        wrong.append(f"it has {rows} rows, more than {terms.most_rows}")
    return wrong + list(_wrong_key(terms, facts))


def _wrong_columns(wanted: Sequence[str], columns: Sequence[str]) -> Iterator[str]:
    missing = [name for name in wanted if name not in columns]
    new = [name for name in columns if name not in wanted]
    if missing:
        yield f"without {_named(missing)}"
    if new:
        yield f"with the new {_named(new)}"
    if not missing and not new and list(wanted) != list(columns):
        yield "its columns are in another order"


def _wrong_types(wanted: Mapping[str, str], types: Mapping[str, str]) -> list[str]:
    wrong = [name for name, type_ in types.items() if name in wanted and not _fits(type_, wanted[name])]
    words = [f"column {name!r} is {types[name]}, not {wanted[name]}" for name in wrong[:5]]
    return [*words, "..."] if len(wrong) > 5 else words


def _fits(seen: str, wanted: str) -> bool:
    """SQLite has types of values only: a column of several has their names with / between, and whole numbers may stand
    where there were others."""
    kinds = set(wanted.split("/"))
    return seen == wanted or set(seen.split("/")) <= (kinds | {"INTEGER"} if "REAL" in kinds else kinds)


def _wrong_key(terms: Terms, facts: Facts) -> Iterator[str]:
    key = terms.unique_key or ()
    if missing := [name for name in key if facts.columns is not None and name not in facts.columns]:
        yield f"without {_named(missing)} of its key"
    if key and facts.repeated and facts.repeated["count"]:
        count, such = facts.repeated["count"], ", ".join(map(repr, facts.repeated["examples"]))
        yield (
            f"{count} value{'s' if count > 1 else ''} of the key {_names(key)} come{'' if count > 1 else 's'}"
            f" several times, as {such}"
        )


def _named(columns: Sequence[str]) -> str:
    return f"column{'s' if len(columns) > 1 else ''} {_names(columns)}"


def _names(columns: Sequence[str]) -> str:
    return ", ".join(map(repr, columns[:5])) + (" ..." if len(columns) > 5 else "")


def widened(terms: Terms, facts: Facts) -> Terms:
    """The same terms as far as this result keeps them, and changed where it does not."""
    if facts.rows is not None:
        least = None if terms.least_rows is None else min(terms.least_rows, facts.rows)
        most = None if terms.most_rows is None else max(terms.most_rows, facts.rows)
        terms = replace(terms, least_rows=least, most_rows=most)
    if terms.columns is not None and facts.columns is not None:
        terms = replace(terms, columns=facts.columns)
    if terms.types is not None:
        terms = replace(terms, types=_widened_types(terms.types, facts) or None)
    return replace(terms, unique_key=None) if list(_wrong_key(terms, facts)) else terms


def _widened_types(types: Mapping[str, str], facts: Facts) -> dict[str, str]:
    """Types that fit stay; those of columns that are gone go."""
    now = facts.types_by_name()
    told = dict(types) | {
        name: type_ for name, type_ in now.items() if name not in types or not _fits(type_, types[name])
    }
    return {name: type_ for name, type_ in told.items() if facts.columns is None or name in facts.columns}
