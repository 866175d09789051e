"""/api/v1/tokens"""

from typing import Any

from marshmallow import Schema, fields, validate

from app.core.errors import ForbiddenError, NotFoundError
from app.core.models import Token
from app.web.auth import Actor, Right, current_actor, services
from app.web.v1.fields import Moment
from app.web.v1.routes import operation

MOST_DAYS = 3650
EXAMPLE = {"name": "nightly export", "days": 365}


class TokenBodySchema(Schema):
    name = fields.String(required=True, validate=validate.Length(1, 200), metadata={"description": "What it is for."})
    days = fields.Integer(
        strict=True, load_default=None, allow_none=True, validate=validate.Range(1, MOST_DAYS),
        metadata={"description": "Until it expires. Left out: never."},
    )  # fmt: skip


class TokenSchema(Schema):
    """A token with the rights of its user. Of its text only the first characters are known."""

    id = fields.Integer(required=True)
    username = fields.String(required=True)
    name = fields.String(required=True)
    prefix = fields.String(required=True)
    created_at = Moment(required=True)
    expires_at = Moment(required=True, allow_none=True)
    last_used_at = Moment("To a minute.", required=True, allow_none=True)
    revoked_at = Moment(required=True, allow_none=True)


class NewTokenSchema(TokenSchema):
    """A token that was just made."""

    token = fields.String(required=True, metadata={"description": "Shown this once only: `Authorization: Bearer ...`."})


class TokensSchema(Schema):
    tokens = fields.List(fields.Nested(TokenSchema), required=True)


@operation("GET", "/tokens", Right.SEE, gives=TokensSchema)
def list_tokens() -> dict[str, Any]:
    """List your tokens; for administrators, all tokens"""
    return {"tokens": [_document(token) for token in _visible()]}


@operation("POST", "/tokens", Right.SEE, takes=TokenBodySchema, gives=NewTokenSchema, statuses=(201,), example=EXAMPLE)
def add_token(asked: dict[str, Any]) -> dict[str, Any]:
    """Make a token for yourself

    Needs your password: a token makes no tokens, so that one that leaks ends when it expires.
    """
    actor = current_actor()
    if actor.via == "token":
        raise ForbiddenError("a token makes no tokens: log in with your password", code="needs_password")
    token, secret = services().users.add_token(actor.name, asked["name"], asked["days"])
    return {**_document(token, actor), "token": secret}


@operation("DELETE", "/tokens/<int:token_id>", Right.SEE, statuses=(204,), errors=(404,))
def revoke_token(token_id: int) -> None:
    """Revoke a token of yours; for administrators, any token"""
    if token_id not in {token.id for token in _visible()}:
        raise NotFoundError(f"no token {token_id}")
    services().users.revoke_token(token_id)


def _visible() -> list[Token]:
    actor = current_actor()
    return [token for token in services().users.tokens() if actor.may(Right.EDIT) or token.user_id == actor.user.id]


def _document(token: Token, owner: Actor | None = None) -> dict[str, Any]:
    shown = {name: getattr(token, name) for name in TokenSchema._declared_fields if name != "username"}
    return {**shown, "username": owner.name if owner else token.user.username}
