"""Jobs: made, changed, switched, taken away."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from app.bootstrap import Services
from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.job_order import JobOrder
from app.core.jobs import JobSpec, next_fire
from app.core.runs import RunFilter
from app.core.statuses import PauseScope, RunStatus, TriggerKind
from app.core.triggers import TriggerSpec, cron
from app.core.uids import UID
from tests.core.conftest import MakeJob
from tests.fakes import FakeClock

NIGHTLY = cron("0 0 3 * * ?", "Europe/Berlin")
HOURLY = cron("0 0 * * * ?", "Europe/Berlin")


def problems(services: Services, spec: JobSpec) -> list[tuple[str, str]]:
    with pytest.raises(InvalidError) as caught:
        services.jobs.create(spec, by="ada")
    return [(error.field, error.code) for error in caught.value.errors]


def test_a_new_job_knows_its_next_fire(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job(NIGHTLY)

    found = services.jobs.get(job.uid)
    assert UID.fullmatch(found.uid)
    assert found.triggers[0].next_fire_at == clock().replace(day=3, hour=2)
    assert next_fire(found) is found.triggers[0]


def test_a_time_that_is_past_today_waits_for_tomorrow(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job(cron("0 0 9 * * ?", "UTC"))

    assert job.triggers[0].next_fire_at == (clock() + timedelta(days=1)).replace(hour=9)


def test_a_client_may_bring_its_own_uid(services: Services) -> None:
    services.jobs.create(JobSpec("a", "NOTHING", uid="KBcP6Qw37gT"), by="ada")

    with pytest.raises(ConflictError):
        services.jobs.create(JobSpec("b", "NOTHING", uid="KBcP6Qw37gT"), by="ada")
    assert problems(services, JobSpec("c", "NOTHING", uid="1bad")) == [("uid", "invalid")]


def test_everything_that_is_wrong_is_said_at_once(services: Services) -> None:
    bad = JobSpec(
        " ",
        "NOTHING",
        {"number": 11},
        [cron("0 0 * * * ?", "Mars/Olympus"), TriggerSpec(TriggerKind.FIXED_DELAY, "UTC")],
    )

    assert problems(services, bad) == [
        ("name", "required"),
        ("triggers.0.timezone", "invalid"),
        ("triggers.1.delay_seconds", "required"),
        ("parameters.number", "invalid"),
    ]


def test_a_bad_expression_is_refused_with_the_reason(services: Services) -> None:
    bad = TriggerSpec(TriggerKind.CRON, "UTC", expression="0 0 25 * * ?", dialect="quartz")

    assert problems(services, JobSpec("a", "NOTHING", triggers=[bad])) == [("triggers.0.expression", "cron")]


def test_an_unknown_type_is_refused(services: Services) -> None:
    assert problems(services, JobSpec("a", "NOPE")) == [("job_type", "unknown")]


def test_a_once_in_the_past_is_refused(services: Services, clock: FakeClock) -> None:
    past = TriggerSpec(TriggerKind.ONCE, "UTC", start_at=clock())

    assert problems(services, JobSpec("a", "NOTHING", triggers=[past])) == [("triggers.0.start_at", "invalid")]


def test_a_name_is_unique_until_its_job_is_deleted(services: Services, make_job: MakeJob) -> None:
    job = make_job(name="nightly")
    assert problems(services, JobSpec("nightly", "NOTHING")) == [("name", "taken")]

    services.jobs.delete(job.uid, by="ada")

    assert make_job(name="nightly").id != job.id


def test_a_deleted_job_keeps_its_history(services: Services, make_job: MakeJob) -> None:
    job = make_job(NIGHTLY)
    run = services.runs.request(job.uid, by="ada")

    services.jobs.delete(job.uid, by="ada")

    assert services.runs.get(run.id).status is RunStatus.CANCELLED
    assert [found.job_name for found in services.runs.list(RunFilter())] == ["nightly"]
    with pytest.raises(NotFoundError):
        services.jobs.get(job.uid)


def test_an_edit_that_leaves_a_trigger_alone_keeps_its_place_in_time(
    services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    every = TriggerSpec(TriggerKind.SIMPLE, "UTC", every_seconds=600)
    job = make_job(every, NIGHTLY)
    before = {row.id: row.next_fire_at for row in services.jobs.get(job.uid).triggers}
    clock.advance(minutes=4)

    services.jobs.update(job.uid, JobSpec("renamed", "NOTHING", triggers=[NIGHTLY, every]), by="bob")

    changed = services.jobs.get(job.uid)
    assert {row.id: row.next_fire_at for row in changed.triggers} == before
    assert (changed.name, changed.version, changed.updated_by) == ("renamed", 2, "bob")


def test_an_edit_of_the_schedule_takes_effect_at_once(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job(NIGHTLY)

    services.jobs.update(job.uid, JobSpec("nightly", "NOTHING", triggers=[HOURLY]), by="ada")

    [trigger] = services.jobs.get(job.uid).triggers
    assert trigger.next_fire_at == clock() + timedelta(hours=1)


def test_a_switched_off_job_has_no_next_fire(services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    job = make_job(HOURLY)

    services.jobs.disable(job.uid, "ada")
    assert next_fire(services.jobs.get(job.uid)) is None

    clock.advance(days=3)
    services.jobs.enable(job.uid, "ada")
    assert services.jobs.get(job.uid).triggers[0].next_fire_at == clock() + timedelta(hours=1)


def test_the_type_of_a_job_stays(services: Services, make_job: MakeJob) -> None:
    job = make_job()

    services.jobs.update(job.uid, JobSpec("nightly", "OTHER"), by="ada")

    assert services.jobs.get(job.uid).job_type == "NOTHING"


def test_jobs_are_found_by_name_whatever_the_case(services: Services, make_job: MakeJob) -> None:
    for name in ("beta", "Alpha", "100%"):
        make_job(name=name)

    assert [job.name for job in services.jobs.list()] == ["100%", "Alpha", "beta"]
    assert [job.name for job in services.jobs.list(text="ALP")] == ["Alpha"]
    assert [job.name for job in services.jobs.list(text="%")] == ["100%"]
    assert services.jobs.count(text="a") == 2


def test_the_list_knows_the_newest_run_of_each_job(services: Services, make_job: MakeJob) -> None:
    job, other = make_job(name="one"), make_job(name="two")
    run = services.runs.request(job.uid, by="ada")

    assert {job_id: run.id for job_id, run in services.jobs.last_runs([job, other]).items()} == {job.id: run.id}
    assert services.jobs.active_runs([job, other]) == {job.id: RunStatus.QUEUED}


def test_lists_skip_and_search_in_an_index(services: Services, make_job: MakeJob) -> None:
    plans: list[str] = []

    def explain(connection: Any, cursor: Any, statement: str, parameters: Any, *others: Any) -> None:
        if "FROM job" in statement and not statement.startswith("EXPLAIN"):
            plan = connection.connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append(" / ".join(row[3] for row in plan))

    event.listen(services.db.engine, "before_cursor_execute", explain)
    for asked in ({}, {"text": "x"}, {"enabled": True, "system": False}, {"offset": 5}):
        services.jobs.list(limit=50, **asked)
        services.jobs.count(**{key: asked[key] for key in asked if key != "offset"})
    event.remove(services.db.engine, "before_cursor_execute", explain)

    assert len(plans) >= 8
    assert all("INDEX ix_job_by_name" in plan for plan in plans), plans


def test_jobs_are_listed_by_their_next_start(services: Services, make_job: MakeJob) -> None:
    make_job(NIGHTLY, name="night")
    make_job(NIGHTLY, HOURLY, name="hour")
    make_job(name="by hand")
    make_job(HOURLY, name="a paused one")
    services.pauses.begin(PauseScope.JOB, services.jobs.list(text="paused")[0].uid, "ada")

    def names(offset: int, limit: int, **asked: Any) -> list[str]:
        found = services.jobs.list(order=JobOrder.NEXT_START, offset=offset, limit=limit, **asked)
        return [job.name for job in found]

    assert names(0, 10, system=False) == ["hour", "night", "a paused one", "by hand"]
    assert [names(number, 1, system=False) for number in range(5)] == [
        ["hour"], ["night"], ["a paused one"], ["by hand"], [],
    ]  # fmt: skip
    assert names(0, 10, text="h") == ["hour", "night", "by hand"]
