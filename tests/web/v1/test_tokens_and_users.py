"""/api/v1/tokens, /api/v1/users, /api/v1/me"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from tests.fakes import FakeClock
from tests.web.conftest import PASSWORD, basic

TOKENS, USERS = "/api/v1/tokens", "/api/v1/users"
NOON = "2026-03-02T12:00:00Z"


def new_token(client: FlaskClient, **body: Any) -> dict[str, Any]:
    answer = client.post(TOKENS, json={"name": "backup", **body})
    assert answer.status_code == 201, answer.get_json()
    shown: dict[str, Any] = answer.get_json()
    return shown


# Tokens


def test_a_token_is_shown_once(user_client: FlaskClient, client: FlaskClient) -> None:
    made = new_token(user_client, days=1)

    secret = made.pop("token")
    assert made == {
        "id": 1,
        "username": "uma",
        "name": "backup",
        "prefix": secret[:10],
        "created_at": NOON,
        "expires_at": "2026-03-03T12:00:00Z",
        "last_used_at": None,
        "revoked_at": None,
    }
    me = client.get("/api/v1/me", headers={"Authorization": f"Bearer {secret}"})
    assert me.get_json() == {"username": "uma", "role": "user", "enabled": True, "created_at": NOON}
    listed = user_client.get(TOKENS)
    assert listed.get_json() == {"tokens": [made | {"last_used_at": NOON}]}
    assert secret not in listed.get_data(as_text=True)


def test_a_user_sees_and_revokes_only_its_own(
    user_client: FlaskClient, admin_client: FlaskClient, client: FlaskClient
) -> None:
    own, other = new_token(user_client), new_token(admin_client)

    assert [one["id"] for one in user_client.get(TOKENS).get_json()["tokens"]] == [own["id"]]
    assert len(admin_client.get(TOKENS).get_json()["tokens"]) == 2
    assert user_client.delete(f"{TOKENS}/{other['id']}").status_code == 404
    assert admin_client.delete(f"{TOKENS}/{own['id']}").status_code == 204
    assert client.get("/api/v1/me", headers={"Authorization": f"Bearer {own['token']}"}).status_code == 401
    assert user_client.get(TOKENS).get_json()["tokens"][0]["revoked_at"] == NOON


def test_a_token_makes_no_tokens(admin_client: FlaskClient, client: FlaskClient) -> None:
    headers = {"Authorization": f"Bearer {new_token(admin_client)['token']}"}

    answer = client.post(TOKENS, json={"name": "for ever"}, headers=headers)

    assert (answer.status_code, answer.get_json()["code"]) == (403, "needs_password")
    assert len(admin_client.get(TOKENS).get_json()["tokens"]) == 1


def test_a_token_expires(user_client: FlaskClient, client: FlaskClient, clock: FakeClock) -> None:
    headers = {"Authorization": f"Bearer {new_token(user_client, days=1)['token']}"}
    clock.advance(days=1)

    assert client.get("/api/v1/me", headers=headers).status_code == 401


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": "x", "days": 0}, {"name": "x", "days": 3651}])
def test_a_token_that_cannot_be(body: dict[str, Any], user_client: FlaskClient) -> None:
    assert user_client.post(TOKENS, json=body).status_code == 422
    assert user_client.get(TOKENS).get_json() == {"tokens": []}


# Users


def test_a_user_is_added(admin_client: FlaskClient, client: FlaskClient) -> None:
    answer = admin_client.post(USERS, json={"username": "grace", "password": PASSWORD})

    assert answer.status_code == 201
    assert answer.get_json() == {"username": "grace", "role": "user", "enabled": True, "created_at": NOON}
    assert admin_client.get(f"{USERS}/grace").get_json() == answer.get_json()
    assert [user["username"] for user in admin_client.get(USERS).get_json()["users"]] == ["ada", "grace", "uma"]
    assert client.get("/api/v1/me", auth=basic("grace")).status_code == 200


def test_a_password_is_changed(admin_client: FlaskClient, client: FlaskClient) -> None:
    answer = admin_client.put(f"{USERS}/uma/password", json={"password": "another long password"})

    assert (answer.status_code, answer.data) == (204, b"")
    assert client.get("/api/v1/me", auth=basic("uma")).status_code == 401
    assert client.get("/api/v1/me", auth=basic("uma", "another long password")).status_code == 200


def test_a_user_is_kept_out_and_let_in(admin_client: FlaskClient, user_client: FlaskClient) -> None:
    off = admin_client.post(f"{USERS}/uma/disable")
    assert (off.get_json()["enabled"], user_client.get("/api/v1/me").status_code) == (False, 401)

    on = admin_client.post(f"{USERS}/uma/enable")
    assert (on.get_json()["enabled"], user_client.get("/api/v1/me").status_code) == (True, 200)


def test_nobody_locks_himself_out(admin_client: FlaskClient, services: Services) -> None:
    answer = admin_client.post(f"{USERS}/ADA/disable")

    assert (answer.status_code, answer.get_json()["code"]) == (409, "yourself")
    assert services.users.get("ada").disabled_at is None


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "", {"username": "uma", "password": PASSWORD}, 409),
        ("POST", "", {"username": "a b", "password": PASSWORD}, 422),
        ("POST", "", {"username": "grace", "password": "short"}, 422),
        ("POST", "", {"username": "grace", "password": PASSWORD, "role": "king"}, 422),
        ("GET", "/nobody", None, 404),
        ("PUT", "/nobody/password", {"password": PASSWORD}, 404),
        ("PUT", "/uma/password", {"password": "short"}, 422),
        ("POST", "/nobody/disable", None, 404),
    ],
)
def test_what_cannot_be(method: str, path: str, body: Any, status: int, admin_client: FlaskClient) -> None:
    answer = admin_client.open(USERS + path, method=method, json=body)

    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
    assert PASSWORD not in answer.get_data(as_text=True)


@pytest.mark.parametrize(("method", "path"), [("GET", ""), ("POST", ""), ("GET", "/uma"), ("POST", "/uma/enable")])
def test_users_are_for_administrators(method: str, path: str, user_client: FlaskClient) -> None:
    assert user_client.open(USERS + path, method=method, json={}).status_code == 403
