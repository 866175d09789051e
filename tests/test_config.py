"""Settings: loud and exact when wrong."""

from pathlib import Path

import pytest

from config import SettingsError, load


def test_nothing_needs_to_be_set() -> None:
    settings = load({})

    assert (settings.host, settings.port, settings.data_dir) == ("127.0.0.1", 8080, Path("data"))
    assert settings.workers >= 4
    assert settings.database.startswith("sqlite:///")
    assert settings.zone.key == settings.timezone


def test_everything_can_be_set(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("from a file\n")

    settings = load(
        {
            "CARILLON_PORT": "9000",
            "CARILLON_TIMEZONE": "Europe/Paris",
            "CARILLON_WORKERS": "2",
            "CARILLON_DATABASE_URL": "postgresql://u@h/d",
            "CARILLON_CONNECTION_MY_DB": "sqlite:///x.db",
            "CARILLON_ADMIN_PASSWORD_FILE": str(secret),
            "PATH": "/bin",
        }
    )

    assert (settings.port, settings.timezone, settings.workers) == (9000, "Europe/Paris", 2)
    assert settings.database == "postgresql+psycopg://u@h/d"
    assert settings.connections == {"my_db": "sqlite:///x.db"}
    assert settings.admin_password == "from a file"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("CARILLON_PORT", "http", "CARILLON_PORT='http' is not a whole number from 1 to 65535"),
        ("CARILLON_PORT", "70000", "from 1 to 65535"),
        ("CARILLON_WORKERS", "0", "from 1 to 512"),
        ("CARILLON_TIMEZONE", "Mars/Olympus", "no time zone"),
        ("CARILLON_LOG_FORMAT", "xml", "none of: text, json"),
        ("CARILLON_DATABASE_URL", "mysql://x", "neither a sqlite"),
        ("CARILLON_CONNECTION_X", "nonsense", "no SQLAlchemy URL"),
        ("CARILLON_CONNECTION_", "sqlite://", "no name for a connection"),
        ("CARILLON_PROT", "8080", "CARILLON_PROT is no setting of Carillon"),
        ("CARILLON_CONTROL_TOKEN", "short", "at least 16 characters"),
        ("CARILLON_ADMIN_PASSWORD_FILE", "/does/not/exist", "cannot be read"),
    ],
)
def test_a_wrong_setting_is_named_with_its_value(name: str, value: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        load({name: value})


def test_a_secret_is_given_once(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="both set"):
        load({"CARILLON_ADMIN_PASSWORD": "x", "CARILLON_ADMIN_PASSWORD_FILE": str(tmp_path)})


def test_secrets_are_not_in_the_repr() -> None:
    settings = load({"CARILLON_ADMIN_PASSWORD": "canary", "CARILLON_CONNECTION_X": "sqlite:///canary"})

    assert "canary" not in repr(settings)


@pytest.mark.parametrize(
    "url", ["mail.example", "http://mail.example", "smtp://", "smtp://x:0", "smtp://x/path", "smtp://u:s3cr3t@x?tls=no"]
)
def test_a_mail_server_that_is_none_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        load({"CARILLON_SMTP_URL": url})

    assert "s3cr3t" not in str(refused.value)


def test_pages_are_reached_where_it_listens_unless_something_else_is_said() -> None:
    assert load({"CARILLON_HOST": "::1"}).address == "http://[::1]:8080"
    assert load({"CARILLON_PUBLIC_URL": "https://jobs.clinic.example/"}).address == "https://jobs.clinic.example"


def test_the_sender_of_mail_is_an_address() -> None:
    assert load({"CARILLON_MAIL_FROM": "Carillon <c@x.example>"}).mail_from == "Carillon <c@x.example>"
    with pytest.raises(SettingsError):
        load({"CARILLON_MAIL_FROM": "nobody"})
