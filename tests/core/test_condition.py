"""A full disk stops what begins, frees the ballast for what ends, and is over when there is room: nobody restarts."""

from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from app.adapters.disk import Disk
from app.bootstrap import Services
from app.core.condition import Condition, Room, TroubleKind
from app.core.db import Fault
from app.core.models import Job
from app.core.triggers import cron
from tests.core.conftest import MakeJob
from tests.core.test_pauses import ledger
from tests.fakes import FakeClock, FakeExecutor

MB = 1 << 20
EVERY_MINUTE = cron("0 * * * * ?", "UTC")


@dataclass
class FakeDisk:
    """A disk of which ``left`` bytes are neither ours nor others'."""

    left: int = 100 * MB
    ballast: int = 0

    def look(self) -> Room:
        return Room(self.left - self.ballast, 32 * MB)

    def has_ballast(self) -> bool:
        return self.ballast > 0

    def drop_ballast(self) -> None:
        self.ballast = 0

    def take_ballast(self, size: int) -> None:
        self.ballast = size


@pytest.fixture
def disk() -> FakeDisk:
    return FakeDisk()


@pytest.fixture
def condition(services: Services, disk: FakeDisk) -> Condition:
    services.condition.disk = disk
    services.condition.look()
    return services.condition


@pytest.fixture
def job(make_job: MakeJob) -> Job:
    return make_job(EVERY_MINUTE)


def test_the_ballast_is_freed_when_it_gets_tight_and_made_again_when_there_is_room(
    condition: Condition, disk: FakeDisk
) -> None:
    assert (disk.ballast, condition.troubles) == (32 * MB, ())

    disk.left = 39 * MB
    condition.look()
    assert (disk.ballast, condition.may_begin) == (0, False)
    assert [trouble.kind for trouble in condition.troubles] == [TroubleKind.DISK]

    disk.left = 47 * MB  # enough for the ballast, but it would be tight again at once
    condition.look()
    assert (disk.ballast, condition.may_begin) == (0, False)

    disk.left = 48 * MB
    condition.look()
    assert (disk.ballast, condition.troubles, condition.may_begin) == (32 * MB, (), True)


def test_a_write_that_finds_no_room_frees_it_too(condition: Condition, disk: FakeDisk, services: Services) -> None:
    services.db.fault = Fault.FULL
    assert not condition.may_begin

    condition.look()

    assert disk.ballast == 0
    assert services.db.fault is None  # as something could be written with its room
    condition.look()
    assert condition.may_begin
    assert disk.ballast == 32 * MB


def test_while_the_disk_is_full_nothing_begins_and_nothing_is_lost(
    condition: Condition, disk: FakeDisk, services: Services, executor: FakeExecutor, clock: FakeClock, job: Job
) -> None:
    services.engine.tick()
    disk.left = 0
    condition.look()
    clock.advance(minutes=1)
    services.engine.tick()
    services.runs.request(job.uid, "ada")
    services.engine.dispatch()

    assert executor.assignments == []
    assert ledger(services, job)[1:] == []

    disk.left = 100 * MB
    condition.look()
    services.engine.tick()
    services.engine.dispatch()

    assert len(executor.assignments) == 1  # the other moment met the run that was asked for by hand
    assert len(ledger(services, job)) == 2


def test_what_a_full_disk_made_late_says_so(
    condition: Condition, disk: FakeDisk, services: Services, clock: FakeClock, make_job: MakeJob
) -> None:
    job = make_job(replace(cron("0 0/10 * * * ?", "UTC"), misfire="do_nothing"))
    services.engine.tick()
    disk.left = 0
    condition.look()
    clock.advance(minutes=15)
    services.engine.tick()
    disk.left = 100 * MB
    condition.look()
    services.engine.tick()

    why = services.ledger.why(job.uid, clock().replace(minute=10))
    assert "missed: it was noticed too late" in why.answer
    assert "the disk was full from 2026-03-02 12:00:00 UTC to 2026-03-02 12:15:00 UTC" in why.answer


def test_the_real_ballast_takes_real_room(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    room = disk.look()
    assert 0 < room.ballast <= 32 * MB
    assert room.free > 0

    disk.take_ballast(MB)
    assert disk.has_ballast()
    assert (tmp_path / "ballast").stat().st_blocks * 512 >= MB

    disk.drop_ballast()
    disk.drop_ballast()
    assert not disk.has_ballast()
