"""Who is asking, and whether they may. Every view declares its right; one without is refused (tested)."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal, TypeVar, cast

from flask import Flask, current_app, g, request, session
from werkzeug.exceptions import NotFound

from app.bootstrap import Services
from app.core import tallies
from app.core.errors import CarillonError, ForbiddenError
from app.core.models import User
from app.core.statuses import Role
from app.web import local
from app.web.requests_log import USER

View = TypeVar("View", bound=Callable[..., object])


class Right(IntEnum):
    """What a view needs. A role has all rights up to its own."""

    NONE = 0  # anybody, without a login
    SEE = 1
    RUN = 2
    EDIT = 3
    LOCAL = 4  # a program on this machine, see `local`: no role has it, and no login gives it


RIGHTS = {Role.USER: Right.RUN, Role.ADMINISTRATOR: Right.EDIT}


class UnauthenticatedError(CarillonError):
    """Nobody is logged in, or the credentials are wrong."""

    code = "unauthenticated"


@dataclass(frozen=True)
class Actor:
    """``via`` says how the caller proved it: only a browser's session needs proof that our own page asks."""

    user: User
    via: Literal["session", "basic", "token"]

    @property
    def name(self) -> str:
        return self.user.username

    def may(self, right: Right) -> bool:
        return right <= RIGHTS[self.user.role]


def allow(right: Right) -> Callable[[View], View]:
    """Declare what a view needs; put it below the route decorator."""

    def mark(view: View) -> View:
        view.right = right  # type: ignore[attr-defined]
        return view

    return mark


def services() -> Services:
    return cast(Services, current_app.extensions["carillon"])


def actor() -> Actor | None:
    """Who is asking; ``None`` for nobody. Looked up once per request."""
    if "actor" not in g:
        g.actor = _identify()
        if g.actor:
            request.environ[USER] = g.actor.name
    return cast("Actor | None", g.actor)


def current_actor() -> Actor:
    """Who is asking, in a view that needs a login."""
    found = actor()
    if found is None:
        raise UnauthenticatedError("log in first")
    return found


def init_app(app: Flask) -> None:
    app.before_request(_check_right)


def _check_right() -> None:
    if request.endpoint is None:
        return
    right = getattr(current_app.view_functions[request.endpoint], "right", None)
    local.check_listener(right is Right.LOCAL, bool(services().settings.control_bind))
    if request.endpoint == "static":
        return
    if right is None:
        raise NotFound  # deny by default
    if right is Right.LOCAL:
        local.refuse_others(services().settings.control_token)
    elif right > Right.NONE and not current_actor().may(right):
        tallies.security.add("denied")
        raise ForbiddenError("your role does not allow this; an administrator can do it")


def _identify() -> Actor | None:
    user_token = request.headers.get("X-Authenticated-User-Token")
    if user_token:  # Sunbird's clients: with them, Authorization is for a gateway in front
        return _actor(services().users.of_token(user_token), "token")
    if request.authorization is not None:
        return _by_header()
    token = request.headers.get("X-OS-API-TOKEN")
    if token:
        return _actor(services().users.of_session(token), "token")
    secret = session.get("login")
    return _actor(services().users.of_session(secret), "session") if secret else None


def _by_header() -> Actor | None:
    given = request.authorization
    assert given is not None  # noqa: S101 - asked by the caller
    if given.type == "bearer" and given.token:
        return _actor(services().users.of_token(given.token), "token")
    if given.type == "basic" and given.username and given.password:
        return _actor(services().users.authenticate(given.username, given.password, request.remote_addr or ""), "basic")
    return None


def _actor(user: User | None, via: Literal["session", "basic", "token"]) -> Actor | None:
    return Actor(user, via) if user else None
