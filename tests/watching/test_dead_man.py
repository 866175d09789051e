"""The dead man's switch: a ping while all is well, silence when it is not, and no secret in any log"""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.adapters.dead_man import DeadManSwitch
from app.bootstrap import Services, build
from app.core.health import Health
from app.core.job_types import JobError
from app.job_types.http_call import webhook
from config import Settings, SettingsError, load
from tests.databases import put_migrated
from tests.fakes import TYPES, FakeClock, FakeExecutor, PlainHasher
from tests.notices.conftest import free_port
from tests.notices.test_webhook import listening

__all__ = ["free_port"]

WELL = Health(
    role="active", tick_age_seconds=0.5, threads={"timer": 0.5}, database="ok", disk_free_bytes=1 << 40,
    disk_reserve_bytes=1 << 26,
)  # fmt: skip


def switch(health: Health, answers: list[int | JobError]) -> DeadManSwitch:
    def ping() -> int:
        answer = answers.pop(0)
        if isinstance(answer, JobError):
            raise answer
        return answer

    return DeadManSwitch("watcher.example", ping, lambda: health, 60)


@pytest.mark.parametrize(
    "changed",
    [
        {"tick_age_seconds": 31.0},
        {"database": "it does not answer"},
        {"disk_free_bytes": 0},
        {"threads": {"dispatch": 61.0}},
        {"degraded": ("the disk is full",)},
        {"role": "standby"},
        {"stopped": "stopped by somebody"},
        {"asleep": "a backup was restored"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_who_is_not_well_is_silent(changed: dict[str, Any]) -> None:
    answers: list[int | JobError] = [200]

    assert switch(replace_health(WELL, changed), answers).step() is False
    assert answers == [200]


def replace_health(health: Health, changed: dict[str, Any]) -> Health:
    return replace(health, **changed)


def test_a_drain_is_no_reason_for_alarm() -> None:
    assert switch(replace(WELL, draining_until="2026-03-02T14:00:00Z"), [200]).step()


def test_a_watcher_that_does_not_answer_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    gone = JobError("no answer from watcher.example in 10 s")
    pings = switch(WELL, [200, gone, gone, 503, 200, 200])

    with caplog.at_level(logging.INFO, "app.adapters.dead_man"):
        assert [pings.step() for _ in range(6)] == [True, False, False, False, True, True]

    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_it_is_requested_for_real() -> None:
    with listening(200) as server:
        assert webhook.ping(server.url) == 200

    assert server.asked[0][0]["User-Agent"] == "Carillon"


def test_neither_log_nor_error_holds_the_secret_part(
    free_port: Callable[[], int], caplog: pytest.LogCaptureFixture
) -> None:
    url = f"http://127.0.0.1:{free_port()}/ping/s3cr3t"
    pings = DeadManSwitch(webhook.place(url), lambda: webhook.ping(url), lambda: WELL, 60)

    with caplog.at_level(logging.DEBUG):
        assert pings.step() is False

    assert "refused" in caplog.text
    assert "s3cr3t" not in caplog.text
    for wrong in ("ftp://x/s3cr3t", "https://user:s3cr3t@x/", "https://x/s3cr3t two", "https://[s3cr3t"):
        with pytest.raises(SettingsError) as refused:
            load({"CARILLON_PING_URL": wrong})
        assert "s3cr3t" not in str(refused.value)
    assert "s3cr3t" not in repr(Settings(ping_url=url))


def test_the_settings_make_one(tmp_path: Any) -> None:
    built: list[Services] = []
    for url in ("", "https://watcher.example/ping/s3cr3t"):
        settings = Settings(data_dir=put_migrated(tmp_path / f"data{len(built)}"), ping_url=url, ping_seconds=30)
        built.append(build(settings, now=FakeClock(), executor=FakeExecutor(), types=TYPES, hasher=PlainHasher()))
        built[-1].db.dispose()

    without, given = (services.dead_man for services in built)
    assert without is None
    assert given is not None
    assert (given.host, given.every) == ("watcher.example", 30)


def test_the_thread_survives_every_fault() -> None:
    turns: list[float] = []
    pings = switch(WELL, [])  # each ping raises IndexError

    def wait(seconds: float) -> bool:
        turns.append(seconds)
        return len(turns) > 2

    pings._stopping.wait = wait  # type: ignore[method-assign, assignment]
    pings._work()

    assert turns == [1.0, 60, 60]
