"""/api/v1/users, /api/v1/me"""

from typing import Any

from marshmallow import Schema, fields, validate

from app.core.errors import ConflictError
from app.core.models import User
from app.core.statuses import Role
from app.core.users import PASSWORD_LENGTH, USERNAME
from app.web.auth import Right, current_actor, services
from app.web.v1.fields import TEXT, Moment, Truth
from app.web.v1.routes import operation

EXAMPLE = {"username": "grace", "password": "correct horse battery", "role": "user"}


class Password(fields.String):
    def __init__(self) -> None:
        super().__init__(required=True, load_only=True, validate=validate.Length(*PASSWORD_LENGTH))


class UserSchema(Schema):
    """Somebody who may log in."""

    username = fields.String(required=True)
    role = fields.Enum(Role, by_value=True, required=True, metadata={**TEXT, "description": (
        "A user sees, runs and downloads; an administrator also edits."
    )})  # fmt: skip
    enabled = Truth(required=True)
    created_at = Moment(required=True)


class UsersSchema(Schema):
    users = fields.List(fields.Nested(UserSchema), required=True)


class NewUserSchema(Schema):
    username = fields.String(required=True, validate=validate.Regexp(f"^{USERNAME.pattern}$"))
    password = Password()
    role = fields.Enum(Role, by_value=True, load_default=Role.USER, metadata=TEXT)


class PasswordSchema(Schema):
    password = Password()


@operation("GET", "/me", Right.SEE, gives=UserSchema)
def show_me() -> dict[str, Any]:
    """Show who you are"""
    return _document(current_actor().user)


@operation("GET", "/users", Right.EDIT, gives=UsersSchema)
def list_users() -> dict[str, Any]:
    """List all users"""
    return {"users": [_document(user) for user in services().users.list()]}


@operation("POST", "/users", Right.EDIT, takes=NewUserSchema, gives=UserSchema, statuses=(201,), errors=(409,),
           example=EXAMPLE)  # fmt: skip
def add_user(asked: dict[str, Any]) -> dict[str, Any]:
    """Add a user"""
    return _document(services().users.add(asked["username"], asked["password"], asked["role"]))


@operation("GET", "/users/<name>", Right.EDIT, gives=UserSchema, errors=(404,))
def show_user(name: str) -> dict[str, Any]:
    """Show a user"""
    return _document(services().users.get(name))


@operation("PUT", "/users/<name>/password", Right.EDIT, takes=PasswordSchema, statuses=(204,), errors=(404,),
           example={"password": "battery staple correct"})  # fmt: skip
def set_password(name: str, asked: dict[str, Any]) -> None:
    """Give a user a new password

    The user's logins end.
    """
    services().users.set_password(name, asked["password"])


@operation("POST", "/users/<name>/enable", Right.EDIT, gives=UserSchema, errors=(404,))
def enable_user(name: str) -> dict[str, Any]:
    """Let a user in again"""
    services().users.switch(name, True)
    return _document(services().users.get(name))


@operation("POST", "/users/<name>/disable", Right.EDIT, gives=UserSchema, errors=(404, 409))
def disable_user(name: str) -> dict[str, Any]:
    """Keep a user out: logins and tokens end at once

    Not yourself: somebody has to be left who can let users in.
    """
    if name.lower() == current_actor().name.lower():
        raise ConflictError("you cannot keep yourself out", code="yourself")
    services().users.switch(name, False)
    return _document(services().users.get(name))


def _document(user: User) -> dict[str, Any]:
    return {
        "username": user.username,
        "role": user.role,
        "enabled": user.disabled_at is None,
        "created_at": user.created_at,
    }
