"""/api/delete-orphans: what stands in the schedule without a job, and what is missing in it."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, text

from app.bootstrap import Services
from app.core.models import Job
from app.core.statuses import TriggerKind
from app.core.triggers import TriggerSpec, cron
from tests.fakes import FakeClock
from tests.web.conftest import ZONE, MakeJob, Play, after
from tests.web.control.conftest import Ask, triggers_of

NEVER = cron("0 0 3 * * ? 2020", ZONE)
DRY = {"message": "Scheduler: nothing deleted, dry run!", "orphans": [], "missing": []}
AT_THREE = "Tue, 03 Mar 2026 02:00:00 GMT"


@pytest.fixture
def job(make_job: MakeJob, services: Services) -> Job:
    job = make_job()
    services.timer.store.reconcile()
    return job


def run_sql(services: Services, statement: str, **values: Any) -> None:
    with services.db.transaction() as session:
        session.execute(text(statement), values)


def listed(services: Services) -> dict[str, float | None]:
    table = services.timer.store.jobs_t
    with services.db.reading() as session:
        return dict(session.execute(select(table.c.id, table.c.next_run_time)).all())


@pytest.mark.usefixtures("job")
def test_nothing_is_wrong(ask: Ask) -> None:
    assert ask("/delete-orphans?dry_run=1") == DRY
    assert ask("/delete-orphans") == {"message": "Scheduler: orphans deleted!"}


def test_an_entry_without_a_trigger(ask: Ask, services: Services, job: Job) -> None:
    table = services.timer.store.jobs_t
    with services.db.transaction() as session:
        for name in ("trigger-99", "theirs"):
            session.execute(insert(table).values(id=name, next_run_time=1_800_000_000.0, job_state=b"x"))

    assert ask("/delete-orphans?dry_run=1")["orphans"] == [
        {"id": None, "trigger": 99, "next_run_time": "Fri, 15 Jan 2027 08:00:00 GMT",
         "reason": "there is no such trigger"}
    ]  # fmt: skip
    assert "trigger-99" in listed(services)

    ask("/delete-orphans")

    assert listed(services).keys() == {f"trigger-{triggers_of(services, job)[0].id}", "theirs"}
    assert ask("/delete-orphans?dry_run=1") == DRY


def test_a_trigger_whose_job_is_gone(ask: Ask, services: Services, job: Job) -> None:
    [trigger] = triggers_of(services, job)
    run_sql(services, "UPDATE job SET deleted_at = created_at WHERE id = :id", id=job.id)

    assert ask("/delete-orphans?dry_run=1")["orphans"] == [
        {"id": str(job.id), "trigger": trigger.id, "next_run_time": AT_THREE, "reason": "its job is gone"}
    ]
    ask("/delete-orphans")

    assert listed(services) == {}
    assert services.fires.next_fire_at() is None


def test_a_trigger_without_a_next_time(ask: Ask, services: Services, job: Job) -> None:
    [trigger] = triggers_of(services, job)
    run_sql(services, "UPDATE trigger SET next_fire_at = NULL")

    assert ask("/delete-orphans?dry_run=1") == {
        **DRY,
        "missing": [
            {"id": str(job.id), "trigger": trigger.id, "next_run_time": AT_THREE,
             "reason": "the trigger has no next time"}
        ],
    }  # fmt: skip
    assert ask("/scheduled") == []

    ask("/delete-orphans")

    assert ask("/details")[0]["next_run_time"] == AT_THREE
    assert ask("/delete-orphans?dry_run=1") == DRY


def test_an_entry_that_the_list_lacks(ask: Ask, services: Services, job: Job) -> None:
    [trigger] = triggers_of(services, job)
    run_sql(services, "DELETE FROM apscheduler_jobs")

    [missing] = ask("/delete-orphans?dry_run=1")["missing"]
    assert (missing["trigger"], missing["reason"]) == (trigger.id, "the timer's list lacks the entry")

    ask("/delete-orphans")

    assert listed(services).keys() == {f"trigger-{trigger.id}"}


def test_what_rests_or_is_over_is_not_missing(
    ask: Ask, services: Services, make_job: MakeJob, play: Play, clock: FakeClock
) -> None:
    make_job("over", triggers=[NEVER])
    make_job("off", enabled=False)
    make_job("past", triggers=[TriggerSpec(TriggerKind.ONCE, ZONE, start_at=clock() + timedelta(minutes=1))])
    make_job("going on", triggers=[after(60)])
    clock.advance(minutes=2)
    services.engine.tick()
    services.timer.store.reconcile()

    assert ask("/delete-orphans?dry_run=1") == DRY


@pytest.mark.parametrize(("argument", "is_dry"), [("1", True), ("true", True), ("0", False), ("", False)])
def test_dry_or_not(argument: str, is_dry: bool, ask: Ask) -> None:
    assert ("orphans" in ask(f"/delete-orphans?dry_run={argument}")) is is_dry
