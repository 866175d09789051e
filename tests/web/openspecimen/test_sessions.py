"""/sessions"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from tests.web.conftest import PASSWORD
from tests.web.openspecimen.test_jobs import ROOTS


def log_in(client: FlaskClient, root: str = "", **given: Any) -> Any:
    body = {"loginName": "uma", "password": PASSWORD, "domainName": "openspecimen"} | given
    return client.post(f"{root}/sessions", json=body)


@pytest.mark.parametrize("root", ROOTS)
def test_a_token_serves_until_the_session_ends(root: str, client: FlaskClient, services: Services) -> None:
    response = log_in(client, root)

    token = response.get_json().pop("token")
    headers = {"X-OS-API-TOKEN": token}
    assert response.status_code == 200
    assert response.get_json() == {
        "id": services.users.get("uma").id,
        "firstName": "uma",
        "lastName": "",
        "loginName": "uma",
        "token": token,
        "admin": False,
        "instituteAdmin": False,
    }
    assert client.get(f"{root}/scheduled-jobs", headers=headers).status_code == 200
    assert client.delete(f"{root}/sessions", headers=headers).get_json() == {"Status": "Success"}
    assert client.get(f"{root}/scheduled-jobs", headers=headers).status_code == 401


def test_an_administrator_is_one(client: FlaskClient) -> None:
    assert log_in(client, loginName="ada").get_json()["admin"] is True


@pytest.mark.parametrize("given", [{"password": "wrong"}, {"loginName": "nobody"}])
def test_wrong_credentials(given: dict[str, Any], client: FlaskClient) -> None:
    response = log_in(client, **given)

    assert response.status_code == 401
    message = "Invalid login name or password."
    assert response.get_json() == [{"code": "AUTH_INVALID_CREDENTIALS", "message": message}]


def test_a_body_without_credentials(client: FlaskClient) -> None:
    response = client.post("/sessions", json={"loginName": 5})

    assert response.status_code == 400
    assert response.get_json() == [
        {"code": "INVALID_REQUEST", "message": "loginName: Not a valid string."},
        {"code": "INVALID_REQUEST", "message": "password: Missing data for required field."},
    ]


def test_logging_out_twice_is_no_error(client: FlaskClient) -> None:
    assert client.delete("/sessions").status_code == 200
