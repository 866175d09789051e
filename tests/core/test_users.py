"""Users, logins and tokens."""

import pytest

from app.bootstrap import Services
from app.core.errors import ConflictError, InvalidError
from app.core.statuses import Role
from app.core.throttle import FREE_FAILURES, LONGEST_WAIT
from app.core.users import ABSOLUTE, IDLE
from tests.fakes import FakeClock

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def ada(services: Services) -> None:
    services.users.add("ada", PASSWORD, Role.USER)


def test_the_first_start_makes_the_administrator_once(services: Services) -> None:
    assert services.users.ensure_administrator("admin", None) is None


def test_right_and_wrong_passwords(services: Services) -> None:
    assert services.users.authenticate("ADA", PASSWORD) is not None
    for name, password in (("ada", "wrong"), ("bob", PASSWORD), ("ada", ""), ("ada", "x" * 1_000_000)):
        assert services.users.authenticate(name, password) is None


def test_names_and_passwords_have_rules(services: Services) -> None:
    with pytest.raises(ConflictError):
        services.users.add("Ada", PASSWORD, Role.USER)
    for name, password in (("a b", PASSWORD), ("bob", "short"), ("bob", "x" * 129)):
        with pytest.raises(InvalidError):
            services.users.add(name, password, Role.USER)


def test_a_session_ends_when_it_is_closed_idle_or_old(services: Services, clock: FakeClock) -> None:
    user = services.users.get("ada")
    closed, idle = services.users.open_session(user), services.users.open_session(user)
    services.users.close_session(closed)
    assert services.users.of_session(closed) is None
    assert services.users.of_session(idle) is not None

    clock.advance(seconds=IDLE.total_seconds() + 1)
    assert services.users.of_session(idle) is None

    busy = services.users.open_session(user)
    for _ in range(int(ABSOLUTE / IDLE * 2)):
        assert services.users.of_session(busy) is not None
        clock.advance(seconds=IDLE.total_seconds() / 2)
    clock.advance(minutes=1)
    assert services.users.of_session(busy) is None


def test_a_token_works_until_it_expires_or_is_revoked(services: Services, clock: FakeClock) -> None:
    _, short = services.users.add_token("ada", "short", days=1)
    long, secret = services.users.add_token("ada", "long")
    clock.advance(days=1)

    assert services.users.of_token(short) is None
    assert services.users.of_token(secret) is not None
    services.users.revoke_token(long.id)
    assert services.users.of_token(secret) is None
    assert services.users.of_token("crl_guess") is None


def test_a_token_is_kept_as_a_digest_only(services: Services) -> None:
    token, secret = services.users.add_token("ada", "x")

    assert secret not in str(vars(token))
    assert secret.startswith(token.prefix)


def test_a_new_password_ends_the_logins(services: Services) -> None:
    login = services.users.open_session(services.users.get("ada"))

    services.users.set_password("ada", "another long password")

    assert services.users.of_session(login) is None
    assert services.users.authenticate("ada", PASSWORD) is None
    assert services.users.authenticate("ada", "another long password") is not None
    with pytest.raises(InvalidError):
        services.users.set_password("ada", "short")


def test_a_disabled_user_is_kept_out_everywhere(services: Services) -> None:
    login, (_, token) = services.users.open_session(services.users.get("ada")), services.users.add_token("ada", "x")

    services.users.switch("ada", False)
    assert services.users.authenticate("ada", PASSWORD) is None
    assert services.users.of_session(login) is None
    assert services.users.of_token(token) is None

    services.users.switch("ada", True)
    assert services.users.authenticate("ada", PASSWORD) is not None


def test_guessing_is_slowed_down_for_its_own_address_only(services: Services, clock: FakeClock) -> None:
    for _ in range(FREE_FAILURES):
        assert services.users.authenticate("ada", "wrong", "192.0.2.1") is None

    assert services.users.authenticate("ada", PASSWORD, "192.0.2.1") is None
    assert services.users.authenticate("ada", PASSWORD, "192.0.2.2") is not None
    clock.advance(seconds=1)
    assert services.users.authenticate("ada", PASSWORD, "192.0.2.1") is not None

    for _ in range(FREE_FAILURES * 3):
        services.users.authenticate("ada", "wrong", "192.0.2.1")
        clock.advance(seconds=LONGEST_WAIT.total_seconds())
    services.users.authenticate("ada", "wrong", "192.0.2.1")
    clock.advance(seconds=LONGEST_WAIT.total_seconds() - 1)
    assert services.users.authenticate("ada", PASSWORD, "192.0.2.1") is None
    clock.advance(seconds=1)
    assert services.users.authenticate("ada", PASSWORD, "192.0.2.1") is not None
