"""Pauses: what they hold, how they end, and what becomes of what came due meanwhile."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from app.bootstrap import Services
from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.jobs import JobSpec
from app.core.models import Fire, Job
from app.core.statuses import FireOutcome, FireReason, PauseScope
from app.core.triggers import cron
from tests.core.conftest import MakeJob
from tests.fakes import FakeClock

EVERY_MINUTE = cron("0 * * * * ?", "UTC")
ALL, GROUP, JOB, TRIGGER = PauseScope.ALL, PauseScope.GROUP, PauseScope.JOB, PauseScope.TRIGGER
NAMES: dict[PauseScope, Callable[[Job], str]] = {
    ALL: lambda job: "",
    GROUP: lambda job: job.group,
    JOB: lambda job: job.uid,
    TRIGGER: lambda job: str(job.triggers[0].id),
}


def ledger(services: Services, job: Job) -> list[tuple[str, FireOutcome, FireReason | None]]:
    with services.db.reading() as session:
        fires = session.scalars(select(Fire).where(Fire.job_id == job.id).order_by(Fire.scheduled_for)).all()
    return [(f"{fire.scheduled_for:%H:%M}", fire.outcome, fire.reason) for fire in fires]


@pytest.mark.parametrize("scope", list(PauseScope))
def test_what_is_paused_does_not_fire(
    services: Services, make_job: MakeJob, clock: FakeClock, scope: PauseScope
) -> None:
    job, other = make_job(EVERY_MINUTE, group="night"), make_job(EVERY_MINUTE, name="other", group="day")
    services.pauses.begin(scope, NAMES[scope](job), "ada", reason="move")

    clock.advance(minutes=1)
    services.engine.tick()

    assert ledger(services, job) == []
    assert bool(ledger(services, other)) == (scope is not ALL)


def test_what_came_due_meanwhile_is_decided_at_the_end_by_the_same_rules(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    job = make_job(cron("0 0 * * * ?", "UTC"))
    services.pauses.begin(JOB, job.uid, "ada", reason="database move")
    clock.advance(hours=3, minutes=10)
    services.engine.tick()

    services.pauses.resume(JOB, job.uid, "bob")
    services.engine.tick()

    assert ledger(services, job) == [
        ("13:00", FireOutcome.MISSED, FireReason.COALESCED),
        ("14:00", FireOutcome.MISSED, FireReason.COALESCED),
        ("15:00", FireOutcome.STARTED, None),
    ]


def test_what_is_left_out_says_who_paused_it_when_and_why(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    trigger = cron("0 0 * * * ?", "UTC")
    job = make_job(type(trigger)(**vars(trigger) | {"misfire": "do_nothing"}))
    services.pauses.begin(ALL, by="ada", reason="database move")
    clock.advance(hours=1, minutes=10)
    services.pauses.resume(ALL)

    services.engine.tick()

    assert ledger(services, job) == [("13:00", FireOutcome.MISSED, FireReason.PAUSED)]
    assert services.ledger.why(job.uid, clock() - timedelta(minutes=10)).answer == (
        "missed: it was paused, and the trigger leaves out what is late "
        "(paused by ada from 2026-03-02 12:00:00 UTC to 2026-03-02 13:10:00 UTC: database move)"
    )


def test_a_pause_ends_by_itself_at_its_time(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job(EVERY_MINUTE)
    services.pauses.begin(ALL, until=clock() + timedelta(seconds=90))

    clock.advance(minutes=1)
    assert services.engine.tick() == clock() + timedelta(seconds=30)
    clock.advance(seconds=30)
    services.engine.tick()

    assert services.pauses.current() == []
    assert [outcome for _, outcome, _ in ledger(services, job)] == [FireOutcome.STARTED]


def test_what_two_pauses_hold_waits_for_both(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job(EVERY_MINUTE)
    services.pauses.begin(ALL)
    services.pauses.begin(JOB, job.uid)

    services.pauses.resume(ALL)
    clock.advance(minutes=1)
    services.engine.tick()

    assert ledger(services, job) == []
    assert [pause.scope for pause in services.pauses.of(services.jobs.get(job.uid))] == [JOB]


def test_a_job_that_is_made_or_moved_into_a_paused_group_is_held(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    make_job(group="night")
    services.pauses.begin(GROUP, "night")
    new, moved = make_job(EVERY_MINUTE, name="new", group="night"), make_job(EVERY_MINUTE, name="moved")
    services.jobs.update(moved.uid, JobSpec("moved", "NOTHING", triggers=[EVERY_MINUTE], group="night"), by="ada")

    clock.advance(minutes=1)
    services.engine.tick()

    assert ledger(services, new) == ledger(services, moved) == []


def test_a_pause_is_there_after_a_restart(services: Services, make_job: MakeJob, tmp_path: Path) -> None:
    make_job(EVERY_MINUTE)
    services.pauses.begin(ALL, by="ada", reason="until Monday")

    services.outages.begin()

    [pause] = services.pauses.current()
    assert (pause.began_by, pause.reason) == ("ada", "until Monday")


def test_a_moment_that_is_due_when_the_job_is_switched_off_is_told(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    job = make_job(EVERY_MINUTE)
    clock.advance(minutes=2)

    services.jobs.disable(job.uid, by="ada")
    services.engine.tick()

    assert ledger(services, job) == [
        ("12:01", FireOutcome.SKIPPED, FireReason.DISABLED),
        ("12:02", FireOutcome.SKIPPED, FireReason.DISABLED),
    ]


def test_a_moment_that_is_due_when_the_trigger_goes_is_told(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    job = make_job(EVERY_MINUTE)
    clock.advance(minutes=1)
    services.jobs.update(job.uid, JobSpec("nightly", "NOTHING"), by="ada")

    assert ledger(services, job) == [("12:01", FireOutcome.SKIPPED, FireReason.EDITED)]


def test_after_a_downtime_the_ledger_says_from_when_to_when(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    trigger = cron("0 0 * * * ?", "UTC")
    job = make_job(type(trigger)(**vars(trigger) | {"misfire": "do_nothing"}))
    services.engine.tick()
    clock.advance(hours=1, minutes=30)

    services.outages.begin()
    services.engine.tick()

    assert ledger(services, job) == [("13:00", FireOutcome.MISSED, FireReason.DOWNTIME)]
    answer = services.ledger.why(job.uid, clock() - timedelta(minutes=30)).answer
    assert "no server kept the time from 2026-03-02 12:00:00 UTC to 2026-03-02 13:30:00 UTC" in answer


def test_a_time_that_the_clocks_left_out_has_its_row(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    trigger = cron("0 30 2 * * ?", "Europe/Berlin")
    job = make_job(type(trigger)(**vars(trigger) | {"gap": "skip"}))
    for _ in range(29):  # until the morning of 31 March; the clocks go forward on the 29th
        clock.advance(days=1)
        services.engine.tick()
        services.runs.cancel_job(job.id, by="ada")

    gaps = [row for row in ledger(services, job) if row[2] is FireReason.DST_GAP]

    assert gaps == [("01:00", FireOutcome.SKIPPED, FireReason.DST_GAP)]


def test_bad_pauses_are_refused(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job()
    services.pauses.begin(JOB, job.uid)

    with pytest.raises(ConflictError):
        services.pauses.begin(JOB, job.uid)
    with pytest.raises(InvalidError):
        services.pauses.begin(ALL, until=clock())
    for scope, name in ((GROUP, "none"), (JOB, "none"), (TRIGGER, "77"), (TRIGGER, "x")):
        with pytest.raises(NotFoundError):
            services.pauses.begin(scope, name)
    [pause] = services.pauses.current()
    services.pauses.end(pause.id, "ada")
    with pytest.raises(ConflictError):
        services.pauses.end(pause.id, "ada")
