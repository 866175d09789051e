"""/healthz, /readyz, /livez: what each says in which state, and to whom"""

import threading
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.errors import UnavailableError
from tests.fakes import FakeClock
from tests.web.conftest import basic

STRANGER = {"REMOTE_ADDR": "192.0.2.1"}


def status_of(client: FlaskClient) -> dict[str, int]:
    return {name: client.get(f"/{name}").status_code for name in ("healthz", "readyz", "livez")}


def test_details_are_for_this_machine_and_for_who_is_logged_in(services: Services, client: FlaskClient) -> None:
    services.timer.step()

    near = client.get("/healthz").get_json()
    far = client.get("/healthz", environ_base=STRANGER).get_json()
    proxied = client.get("/healthz", headers={"X-Forwarded-For": "192.0.2.1"}).get_json()
    known = client.get("/healthz", environ_base=STRANGER, auth=basic("ada")).get_json()

    assert far == proxied == {"status": "ok"}
    assert near.keys() == known.keys()
    assert near.keys() > {"role", "tick_age_seconds", "threads", "database", "disk_free_bytes", "keeper", "stopped"}
    assert (near["status"], near["database"], near["troubles"]) == ("ok", "ok", [])


def test_a_server_that_has_not_ticked_keeps_no_time(client: FlaskClient) -> None:
    answer = client.get("/healthz")

    assert status_of(client) == {"healthz": 503, "readyz": 200, "livez": 200}
    assert answer.get_json()["status"] == "failing"
    assert answer.get_json()["troubles"] == ["the time is not kept: the last tick was never"]


def test_a_database_that_takes_no_writes_makes_a_server_unhealthy_and_does_not_end_it(
    services: Services, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading still works, as on a full disk: only a write shows it."""
    services.timer.step()
    services.database_probe.fresh_for = 0
    assert status_of(client) == {"healthz": 200, "readyz": 200, "livez": 200}

    with monkeypatch.context() as patched:
        patched.setattr(services.db, "transaction", _full)

        assert status_of(client) == {"healthz": 503, "readyz": 503, "livez": 200}
        assert client.get("/healthz").get_json()["troubles"] == ["the database: the disk is full"]
        assert client.get("/healthz", environ_base=STRANGER).get_json() == {"status": "failing"}

    assert status_of(client) == {"healthz": 200, "readyz": 200, "livez": 200}


def _full() -> None:
    raise UnavailableError("the disk is full")


def test_a_database_that_hangs_does_not_hang_the_answer(
    services: Services, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    goes_on = threading.Event()
    services.timer.step()
    services.database_probe.patience = 0.05
    monkeypatch.setattr(services.db, "transaction", lambda: goes_on.wait(30))

    assert client.get("/healthz").get_json()["database"] == "it does not answer"
    assert client.get("/healthz").status_code == 503

    goes_on.set()


def test_the_database_is_asked_once_a_second_however_many_ask(
    services: Services, client: FlaskClient, clock: FakeClock
) -> None:
    seconds = [0.0]
    services.database_probe.monotonic = lambda: seconds[0]
    probed = []
    write = services.database_probe._write
    services.database_probe._write = lambda: probed.append(write())  # type: ignore[method-assign]

    for seconds[0] in (0.0, 0.5, 0.9, 1.1):
        client.get("/healthz")

    assert len(probed) == 2


def test_a_server_that_stands_by_is_well_and_writes_nothing(
    services: Services, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.keeper.active = False
    monkeypatch.setattr(services.db, "transaction", _full)

    assert status_of(client) == {"healthz": 200, "readyz": 200, "livez": 200}
    assert client.get("/readyz").get_json()["role"] == "standby"


def test_a_thread_that_hangs_is_what_a_restart_mends(services: Services, client: FlaskClient) -> None:
    services.timer.step()
    services.watchdog.ages = {"dispatch": lambda: 61.0}

    assert status_of(client) == {"healthz": 503, "readyz": 200, "livez": 503}
    assert client.get("/livez").get_json()["troubles"] == ["nothing is heard of the thread 'dispatch' for 61 s"]


def test_a_disk_with_little_room_is_a_warning_and_a_full_one_is_trouble(
    services: Services, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    services.timer.step()

    monkeypatch.setattr(services.store, "free_bytes", lambda: 20 << 20)
    little = client.get("/healthz")
    monkeypatch.setattr(services.store, "free_bytes", lambda: 4096)
    full = client.get("/healthz")

    assert (little.status_code, little.get_json()["warnings"]) == (
        200, ["20 MB of the disk are free: too little for results"],
    )  # fmt: skip
    assert (full.status_code, full.get_json()["troubles"]) == (503, ["the disk of the data directory is full"])


def test_free_room_is_told_before_there_are_results(services: Services, tmp_path: Path) -> None:
    assert (services.store.free_bytes() or 0) > 0
