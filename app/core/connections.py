"""Connections: databases that jobs may read, by name."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import EllipsisType
from typing import Protocol

from sqlalchemy import select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError
from sqlalchemy.orm import Session

from app.core.db import Database
from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.models import Connection, Job
from app.core.ports import Clock

NAME = re.compile(r"[a-z0-9_][a-z0-9_-]{0,63}")
MOST_RUNS = 1000
PASSWORD_OPTIONS = ("password", "passwd")
REDIRECTING_OPTIONS = (
    "host",
    "hostaddr",
    "port",
    "user",
    "dbname",
    "service",
    "servicefile",
    "passfile",
    "unix_socket",
)
HARMLESS_OPTIONS = ("sslkey", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count")
SECRET_OPTION = re.compile(r"pass|pwd|secret|token|key|odbc_connect|credential")
LOCAL = ("", "localhost", "127.0.0.1", "::1")


class Vault(Protocol):
    """Seals secrets at rest."""

    def seal(self, secret: str) -> str: ...

    def open(self, sealed: str) -> str:
        """Raises ``InvalidError`` when it was sealed with another key."""


@dataclass(frozen=True)
class ConnectionView:
    """What may be shown of a connection: its URL never holds the password."""

    name: str
    url: str
    driver: str  # postgresql, sqlite, mysql ...
    from_environment: bool
    has_password: bool
    max_runs: int | None = None  # at most so many runs use it at a time


class Connections:
    def __init__(self, db: Database, clock: Clock, vault: Vault, environment: Mapping[str, str]) -> None:
        """``environment`` holds those of the settings, name to URL; they cannot be changed here."""
        self.db = db
        self.clock = clock
        self.vault = vault
        self.environment = environment

    def list(self) -> Sequence[ConnectionView]:
        """By name; those of the environment hide stored ones of the same name."""
        with self.db.reading() as session:
            rows = session.scalars(select(Connection)).all()
        views = {row.name: _of_row(row) for row in rows}
        for name, url in self.environment.items():
            views[name] = _view(name, make_url(url), True, bool(make_url(url).password))
        return [views[name] for name in sorted(views)]

    def get(self, name: str) -> ConnectionView:
        """Raises ``NotFoundError``."""
        for view in self.list():
            if view.name == name:
                return view
        raise NotFoundError(f"no connection named {name!r}")

    def save(
        self, name: str, url: str, password: str | None = None, *, max_runs: int | EllipsisType | None = ...
    ) -> None:
        """Add a connection or replace it. The password may stand in the URL or apart.

        A replaced one keeps its password when none is given and server and user stay the same: a password is never
        sent to a server it was not given for. ``max_runs``: at most so many runs use it at a time, ``None`` for any
        number, ``...`` for as it is. Raises ``InvalidError``, ``ConflictError``.
        """
        parsed, in_query = _lift_password(self._checked(name, url))
        if isinstance(max_runs, int) and not 1 <= max_runs <= MOST_RUNS:
            raise InvalidError.of("max_runs", f"must be from 1 to {MOST_RUNS}")
        password = password or parsed.password or in_query
        bare = _without_password(parsed).render_as_string()
        with self.db.transaction() as session:
            row = session.scalar(select(Connection).where(Connection.name == name))
            if row is None:
                row = Connection(name=name, url=bare, created_at=self.clock())
                session.add(row)
            if password:
                row.password = self.vault.seal(password)
            elif not _same_server(make_url(row.url), parsed):
                row.password = None
            if not isinstance(max_runs, EllipsisType):
                row.max_runs = max_runs
            row.url, row.updated_at = bare, self.clock()

    def _checked(self, name: str, url: str) -> URL:
        if not NAME.fullmatch(name):
            raise InvalidError.of("name", "use 1 to 64 small letters, digits, _ and -")
        if name in self.environment:
            raise ConflictError(f"connection {name!r} is set by the environment and cannot be changed here")
        _refuse_stray_at(url)
        try:
            parsed = make_url(url.strip())
            parsed.get_dialect()
        except (ArgumentError, NoSuchModuleError, ImportError, ValueError):
            example = "postgresql://user@host/database"
            raise InvalidError.of(
                "url", f"this is no database URL that can be used here; an example: {example}"
            ) from None
        if _same_database(parsed, make_url(self.db.url)):
            raise InvalidError.of("url", "this is Carillon's own database; jobs may not read it", "own_database")
        _refuse_options(parsed)
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            parsed = parsed.set(database=os.path.abspath(parsed.database))  # from where, later, nobody would know
        return parsed

    def remove(self, name: str) -> None:
        """Raises ``NotFoundError``, ``ConflictError`` while jobs name it."""
        with self.db.transaction() as session:
            row = session.scalar(select(Connection).where(Connection.name == name))
            if row is None:
                raise NotFoundError(f"no stored connection named {name!r}")
            users = _jobs_using(session, name)
            if users:
                raise ConflictError(f"connection {name!r} is used by {', '.join(map(repr, users[:5]))}", code="in_use")
            session.delete(row)

    def used_by(self, name: str) -> Sequence[str]:
        """The names of the jobs that use a connection."""
        with self.db.reading() as session:
            return _jobs_using(session, name)

    def url(self, name: str) -> str:
        """Give the URL with its password: for workers and tests only. Raises ``NotFoundError``, ``InvalidError``."""
        if name in self.environment:
            parsed = make_url(self.environment[name])
        else:
            with self.db.reading() as session:
                row = session.scalar(select(Connection).where(Connection.name == name))
            if row is None:
                raise NotFoundError(f"no connection named {name!r}")
            parsed = make_url(row.url)
            if row.password:
                parsed = parsed.set(password=self.vault.open(row.password))
        if _same_database(parsed, make_url(self.db.url)):
            raise InvalidError.of("url", "this is Carillon's own database; jobs may not read it", "own_database")
        return parsed.render_as_string(hide_password=False)


def _view(name: str, url: URL, from_environment: bool, has_password: bool) -> ConnectionView:
    bare = _without_password(url)
    hidden = {
        key: "***" for key in bare.query if key.lower() not in HARMLESS_OPTIONS and SECRET_OPTION.search(key.lower())
    }
    shown = bare.update_query_dict(hidden).render_as_string() if hidden else bare.render_as_string()
    return ConnectionView(name, shown, url.get_backend_name(), from_environment, has_password)


def _of_row(row: Connection) -> ConnectionView:
    return replace(_view(row.name, make_url(row.url), False, row.password is not None), max_runs=row.max_runs)


def _without_password(url: URL) -> URL:
    """``URL.set(password=None)`` would leave it in place."""
    return URL.create(url.drivername, url.username, None, url.host, url.port, url.database, url.query)


def _same_server(old: URL, new: URL) -> bool:
    """Options count, too: they can name another server."""
    return _server_of(old) == _server_of(new)


def _server_of(url: URL) -> tuple[object, ...]:
    return (url.drivername, url.host, url.port, url.username, dict(url.query))


def _refuse_stray_at(url: str) -> None:
    """``user:p@ss@host``: half of the password would be read as something that is shown."""
    authority = url.partition("://")[2].partition("/")[0]
    if authority.count("@") > 1:
        raise InvalidError.of("url", "write an @ in a user name or a password as %40, or give the password apart")


def _lift_password(url: URL) -> tuple[URL, str | None]:
    """Take a password out of the options, where some drivers look for it."""
    given = [name for name in url.query if name.lower() in PASSWORD_OPTIONS]
    value = url.query[given[0]] if given else None
    password = value if isinstance(value, str) or value is None else value[0]
    return url.difference_update_query(given), password


def _refuse_options(url: URL) -> None:
    """Options that name another server or a file of secrets, or that hold a secret: they would be shown."""
    for name in url.query:
        plain = name.lower()
        if plain in REDIRECTING_OPTIONS:
            raise InvalidError.of(
                "url", f"option {name!r} is not taken: give server, user and database in the URL itself"
            )
        if plain not in (*PASSWORD_OPTIONS, *HARMLESS_OPTIONS) and SECRET_OPTION.search(plain):
            raise InvalidError.of("url", f"option {name!r} may hold a secret, and options are shown")


def _same_database(one: URL, other: URL) -> bool:
    """A first look at the names; a run looks again for our own table, which no alias can hide."""
    if one.get_backend_name() != other.get_backend_name():
        return False
    if one.get_backend_name() == "sqlite":
        return _file(one) == _file(other)
    return _server(one) == _server(other) and one.database == other.database


def _file(url: URL) -> Path:
    return Path((url.database or "").removeprefix("file:").partition("?")[0]).resolve()


def _server(url: URL) -> tuple[str, int]:
    host = (url.host or "").lower()
    return ("" if host in LOCAL else host, url.port or 5432)


def _jobs_using(session: Session, name: str) -> Sequence[str]:
    query = select(Job.name).where(Job.deleted_at.is_(None), Job.parameters["connection"].as_string() == name)
    return session.scalars(query.order_by(Job.name)).all()
