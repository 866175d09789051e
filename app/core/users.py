"""Users, their logins and their API tokens."""

import logging
import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session, joinedload

from app.core import tallies
from app.core.db import Database
from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.models import LoginSession, Token, User
from app.core.ports import Clock
from app.core.statuses import Role
from app.core.throttle import Throttle
from app.core.uids import digest, new_secret, new_uid

log = logging.getLogger(__name__)

USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
PASSWORD_LENGTH = (12, 128)
IDLE = timedelta(hours=12)
ABSOLUTE = timedelta(days=7)
SEEN_EVERY = timedelta(minutes=1)
"""``seen_at`` and ``last_used_at`` are written at most this often: reading a page must not write each time."""


class Hasher(Protocol):
    """Slow hash of passwords."""

    def hash(self, password: str) -> str: ...

    def matches(self, hashed: str, password: str) -> bool: ...


class Users:
    def __init__(self, db: Database, clock: Clock, hasher: Hasher) -> None:
        self.db = db
        self.clock = clock
        self.hasher = hasher
        self._nobody = hasher.hash(new_secret())
        self.throttle = Throttle()

    def add(self, username: str, password: str, role: Role) -> User:
        """Raises ``InvalidError``, ``ConflictError``."""
        return self._add(username, _acceptable(password), role)

    def set_password(self, username: str, password: str) -> None:
        """Also ends the user's logins. Raises ``NotFoundError``, ``InvalidError``."""
        hashed = self.hasher.hash(_acceptable(password))
        with self.db.transaction() as session:
            user = _found(session, username)
            user.password_hash = hashed
            session.execute(delete(LoginSession).where(LoginSession.user_id == user.id))

    def switch(self, username: str, enabled: bool) -> None:
        """Let a user in or keep it out; its tokens and logins follow at once. Raises ``NotFoundError``."""
        with self.db.transaction() as session:
            user = _found(session, username)
            user.disabled_at = None if enabled else self.clock()

    def _add(self, username: str, password: str, role: Role) -> User:
        if not USERNAME.fullmatch(username):
            raise InvalidError.of("username", "use 1 to 64 letters, digits and . _ @ -")
        hashed = self.hasher.hash(password)
        with self.db.transaction() as session:
            if session.scalar(_named(username)):
                raise ConflictError(f"a user named {username!r} already exists")
            user = User(
                uid=new_uid(), username=username, password_hash=hashed, role=role, created_at=self.clock()
            )  # fmt: skip
            session.add(user)
        return user

    def ensure_administrator(self, username: str, password: str | None) -> str | None:
        """On the first start make the administrator. Gives the generated password, or ``None``.

        A password that the settings give is the operator's own choice: its length is not judged.
        """
        with self.db.reading() as session:
            if session.scalar(select(func.count()).select_from(User)):
                return None
        generated = None if password else secrets.token_urlsafe(15)
        self._add(username, password or generated or "", Role.ADMINISTRATOR)
        return generated

    def list(self) -> Sequence[User]:
        with self.db.reading() as session:
            return session.scalars(select(User).order_by(func.lower(User.username))).all()

    def get(self, username: str) -> User:
        """Raises ``NotFoundError``."""
        with self.db.reading() as session:
            return _found(session, username)

    def authenticate(self, username: str, password: str, address: str = "") -> User | None:
        """Give the user if name and password are right. Takes as long for an unknown name as for a known one.

        After many failures from one address nothing is looked at for a while; the answer is the same.
        """
        key, now = (username.lower()[:64], address), self.clock()
        if not self.throttle.is_open(key, now):
            log.warning("too many wrong passwords for %r from %s", key[0], address or "here")
            tallies.security.add("throttled")
            return None
        user = self._authenticate(username, password)
        if user is None:
            self.throttle.failed(key, now)
            tallies.security.add("wrong_password")
        else:
            self.throttle.succeeded(key)
        return user

    def _authenticate(self, username: str, password: str) -> User | None:
        with self.db.reading() as session:
            user = session.scalar(_named(username)) if USERNAME.fullmatch(username) else None
        hashed = user.password_hash if user else self._nobody
        right = len(password) <= PASSWORD_LENGTH[1] and self.hasher.matches(hashed, password)
        return user if right and user and user.disabled_at is None else None

    # Logins

    def open_session(self, user: User) -> str:
        """Log in; gives the secret that names the session."""
        secret = new_secret()
        now = self.clock()
        with self.db.transaction() as session:
            session.execute(delete(LoginSession).where(LoginSession.created_at < now - ABSOLUTE))
            session.add(LoginSession(digest=digest(secret), user_id=user.id, created_at=now, seen_at=now))
        return secret

    def of_session(self, secret: str) -> User | None:
        now = self.clock()
        with self.db.reading() as session:
            login = session.get(LoginSession, digest(secret), options=[joinedload(LoginSession.user)])
        if login is None or login.user.disabled_at or now - login.seen_at > IDLE or now - login.created_at > ABSOLUTE:
            return None
        if now - login.seen_at > SEEN_EVERY:
            self._touch(LoginSession, login.digest, "seen_at", now)
        return login.user

    def forget_expired(self) -> int:
        """Remove the logins that no longer let anybody in. Gives their number."""
        now = self.clock()
        over = (LoginSession.created_at < now - ABSOLUTE) | (LoginSession.seen_at < now - IDLE)
        with self.db.transaction() as session:
            return session.connection().execute(delete(LoginSession).where(over)).rowcount

    def close_session(self, secret: str) -> None:
        with self.db.transaction() as session:
            session.execute(delete(LoginSession).where(LoginSession.digest == digest(secret)))

    # Tokens

    def add_token(self, username: str, name: str, days: int | None = None) -> tuple[Token, str]:
        """Make an API token with its user's rights; its text is given here and never again."""
        user = self.get(username)
        secret = "crl_" + new_secret()
        expires_at = self.clock() + timedelta(days=days) if days else None
        with self.db.transaction() as session:
            token = Token(
                user_id=user.id, name=name, prefix=secret[:10], digest=digest(secret), created_at=self.clock(),
                expires_at=expires_at,
            )  # fmt: skip
            session.add(token)
        return token, secret

    def tokens(self) -> Sequence[Token]:
        with self.db.reading() as session:
            return session.scalars(select(Token).options(joinedload(Token.user)).order_by(Token.id)).all()

    def revoke_token(self, token_id: int) -> None:
        """Raises ``NotFoundError``."""
        with self.db.transaction() as session:
            token = session.get(Token, token_id)
            if token is None:
                raise NotFoundError(f"no token {token_id}")
            token.revoked_at = token.revoked_at or self.clock()

    def of_token(self, secret: str) -> User | None:
        now = self.clock()
        with self.db.reading() as session:
            token = session.scalar(select(Token).where(Token.digest == digest(secret)).options(joinedload(Token.user)))
        if (
            token is None
            or token.revoked_at
            or token.user.disabled_at
            or (token.expires_at and token.expires_at <= now)
        ):
            return None
        if token.last_used_at is None or now - token.last_used_at > SEEN_EVERY:
            self._touch(Token, token.id, "last_used_at", now)
        return token.user

    def _touch(self, kind: type[Token] | type[LoginSession], key: object, name: str, now: datetime) -> None:
        with self.db.transaction() as session:
            _set(session, kind, key, name, now)


def _set(session: Session, kind: type[Token] | type[LoginSession], key: object, name: str, now: datetime) -> None:
    row = session.get(kind, key)
    if row is not None:
        setattr(row, name, now)


def _acceptable(password: str) -> str:
    least, most = PASSWORD_LENGTH
    if not least <= len(password) <= most:
        raise InvalidError.of("password", f"a password has {least} to {most} characters")
    return password


def _found(session: Session, username: str) -> User:
    user = session.scalar(_named(username))
    if user is None:
        raise NotFoundError(f"no user named {username!r}")
    return user


def _named(username: str) -> Select[User]:
    return select(User).where(func.lower(User.username) == username.lower())
