"""DHIS2's scheduler app from a folder: behind the login, inside its folder, with a policy of its own."""

from base64 import b64encode
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from config import Settings, SettingsError, load

SCRIPT = "window.started = true"
PAGE = f"""<!doctype html><meta name="dhis2-base-url" content="__DHIS2_BASE_URL__">
<script>{SCRIPT}</script><script type="module" src="./assets/main-a1b2c3d4.js"></script>"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A stand-in for the built app, with a secret beside it."""
    built = tmp_path / "app"
    (built / "assets").mkdir(parents=True)
    (built / "index.html").write_text(PAGE)
    (built / "manifest.webapp").write_text("{}")
    (built / "assets" / "main-a1b2c3d4.js").write_text("// the app")
    (built / ".env").write_text("secret")
    (built / "outside").symlink_to(tmp_path / "secret")
    (tmp_path / "secret").write_text("secret")
    return built


@pytest.fixture
def settings(settings: Settings, folder: Path) -> Settings:
    return replace(settings, dhis2_app_dir=folder)


def test_the_first_page_knows_its_server(user_client: FlaskClient) -> None:
    answer = user_client.get("/apps/scheduler/")

    digest = b64encode(sha256(SCRIPT.encode()).digest()).decode()
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    assert 'content="../.."' in answer.text
    assert f"script-src 'self' 'sha256-{digest}';" in answer.headers["Content-Security-Policy"]
    assert "style-src 'self' 'unsafe-inline'" in answer.headers["Content-Security-Policy"]
    assert set(answer.headers["Cache-Control"].split(", ")) == {"private", "no-cache"}
    assert answer.headers["X-Frame-Options"] == "DENY"
    again = user_client.get("/apps/scheduler/index.html", headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_files_whose_name_changes_with_them_are_kept(user_client: FlaskClient) -> None:
    script = user_client.get("/apps/scheduler/assets/main-a1b2c3d4.js", buffered=True)
    manifest = user_client.get("/apps/scheduler/manifest.webapp", buffered=True)

    assert (script.data, script.mimetype) == (b"// the app", "text/javascript")
    assert {"private", "max-age=31536000", "immutable"} == set(script.headers["Cache-Control"].split(", "))
    assert set(manifest.headers["Cache-Control"].split(", ")) == {"private", "no-cache"}
    assert "unsafe-inline" not in script.headers["Content-Security-Policy"].partition("style-src")[0]


def test_its_address_ends_with_a_slash(user_client: FlaskClient) -> None:
    answer = user_client.get("/apps/scheduler")

    assert (answer.status_code, answer.location) == (308, "/apps/scheduler/")


@pytest.mark.parametrize(
    "name",
    ["missing.js", "assets", "../secret", "%2e%2e/secret", "..%2fsecret", "a/../../secret", ".env",
     "assets/%2e%2e/.env", "outside", "%2fetc%2fpasswd", "..%5csecret", "x" * 500],
)  # fmt: skip
def test_nothing_else_is_served(name: str, user_client: FlaskClient) -> None:
    answer = user_client.get(f"/apps/scheduler/{name}")

    assert answer.status_code in (404, 308)
    assert b"secret" not in answer.data


@pytest.mark.parametrize("path", ["", "index.html", "assets/main-a1b2c3d4.js", "missing.js"])
def test_one_has_to_log_in_first(path: str, client: FlaskClient) -> None:
    answer = client.get(f"/apps/scheduler/{path}", headers={"Accept": "text/html"})

    assert answer.status_code == 303
    assert answer.location.startswith("/login?next=/apps/scheduler/")


def test_a_folder_without_a_page_is_no_app(tmp_path: Path, folder: Path) -> None:
    assert load({"CARILLON_DHIS2_APP_DIR": str(folder)}).dhis2_app_dir == folder
    with pytest.raises(SettingsError, match="holds no index"):
        load({"CARILLON_DHIS2_APP_DIR": str(tmp_path)})
