"""/api/jobConfigurations: all triggers of a job, in our extra member ``triggers``."""

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.calendars import CalendarSpec
from app.core.models import Job
from app.core.statuses import CalendarKind, TriggerKind
from app.core.triggers import TriggerSpec, cron
from tests.fakes import FakeClock
from tests.web.conftest import ZONE, MakeJob, after, every, sql
from tests.web.dhis2.test_job_configurations import URL, reported

NIGHTLY = {"kind": "cron", "expression": "0 0 3 * * ?"}
HOURLY = {"kind": "simple", "every_seconds": 3600}


def body(**members: Any) -> dict[str, Any]:
    return {"name": "weekly", "jobType": "SQL_EXPORT", "jobParameters": sql(), **members}


def created(client: FlaskClient, services: Services, **members: Any) -> Job:
    answer = client.post(URL, json=body(**members))
    assert answer.status_code == 201, answer.get_json()
    return services.jobs.get(answer.get_json()["response"]["uid"])


def read(client: FlaskClient, job: Job) -> Any:
    return client.get(f"{URL}/{job.uid}").get_json()


def rows(services: Services, job: Job) -> list[tuple[int, str | None, int | None]]:
    return [(row.id, row.expression, row.every_seconds) for row in services.jobs.get(job.uid).triggers]


def put(client: FlaskClient, job: Job, members: dict[str, Any]) -> Any:
    answer = client.put(f"{URL}/{job.uid}", json=members)
    assert answer.status_code == 200, answer.get_json()
    return answer


def test_a_job_is_made_with_several_triggers(admin_client: FlaskClient, services: Services) -> None:
    job = created(admin_client, services, triggers=[{**NIGHTLY, "timezone": "Asia/Tokyo"}, HOURLY])

    assert [TriggerSpec.of(row) for row in job.triggers] == [
        cron("0 0 3 * * ?", "Asia/Tokyo"), replace(every(3600), start_at=job.created_at),
    ]  # fmt: skip
    shown = read(admin_client, job)
    assert (shown["cronExpression"], shown["schedulingType"]) == ("0 0 3 * * ?", "CRON")
    assert shown["triggers"][1] == {
        "id": job.triggers[1].id,
        "kind": "simple",
        "timezone": ZONE,
        "every_seconds": 3600,
        "start_at": "2026-03-02T12:00:00Z",
        "misfire": "smart",
        "misfire_threshold_seconds": 60,
        "next_fire_at": "2026-03-02T12:00:00Z",
    }


@pytest.mark.parametrize(
    "triggers",
    [
        [cron("0 0 3 * * ?", ZONE), cron("0 0 4 * * *", "Asia/Tokyo"), every(90), after(5)],
        [every(90)],
        [after(0)],
        [],
        [TriggerSpec(TriggerKind.DAILY_INTERVAL, ZONE, every_seconds=60, from_time="08:00", to_time="09:00",
                     weekdays="MON,TUE", calendar="weekend", misfire_threshold_seconds=5)],
        [TriggerSpec(TriggerKind.CALENDAR_INTERVAL, ZONE, every_count=2, every_unit="month", month_end="skip")],
        [TriggerSpec(TriggerKind.CRON, ZONE, expression="0 3 * * *", dialect="unix", gap="skip", misfire="ask")],
    ],
    ids=["several", "rate", "continuous", "none", "daily", "monthly", "unix"],
)  # fmt: skip
def test_what_get_shows_put_takes_and_nothing_changes(
    triggers: list[TriggerSpec], admin_client: FlaskClient, services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    services.calendars.save(CalendarSpec("weekend", CalendarKind.WEEKLY, ZONE, {"weekdays": ["SAT", "SUN"]}))
    clock.advance(microseconds=1234)
    job = make_job(triggers=triggers)
    before, there = read(admin_client, job), rows(services, job)
    clock.advance(hours=1)

    put(admin_client, job, before)

    assert rows(services, job) == there
    assert {**read(admin_client, job), "lastUpdated": "", "lastUpdatedBy": ""} == {
        **before, "lastUpdated": "", "lastUpdatedBy": "",
    }  # fmt: skip


def test_a_once_that_is_over_can_be_sent_back(
    admin_client: FlaskClient, services: Services, make_job: MakeJob, clock: FakeClock
) -> None:
    moment = clock()
    clock.advance(hours=-1)
    job = make_job(triggers=[TriggerSpec(TriggerKind.ONCE, ZONE, start_at=moment)])
    clock.advance(days=1)

    put(admin_client, job, read(admin_client, job))


def test_who_knows_only_dhis2_changes_the_schedule_and_sends_the_old_triggers_back(
    admin_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    job = make_job(triggers=[cron("0 0 3 * * ?", "Asia/Tokyo"), every(90)])
    [_, rate] = rows(services, job)

    put(admin_client, job, {**read(admin_client, job), "cronExpression": "0 0 4 * * ?"})

    triggers = services.jobs.get(job.uid).triggers
    assert rate in rows(services, job)
    assert [(row.expression, row.timezone) for row in triggers if row.expression] == [("0 0 4 * * ?", "Asia/Tokyo")]


def test_who_knows_ours_changes_the_triggers_and_leaves_the_old_schedule_there(
    admin_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    job = make_job()
    [there] = rows(services, job)
    members = read(admin_client, job)

    put(admin_client, job, {**members, "triggers": [*members["triggers"], HOURLY]})
    assert [there[1:], (None, 3600)] == [row[1:] for row in rows(services, job)]
    assert rows(services, job)[0] == there

    put(admin_client, job, {**members, "triggers": [HOURLY]})
    assert [row[1:] for row in rows(services, job)] == [(None, 3600)]


def test_triggers_that_are_left_out_stay(admin_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    job = make_job(triggers=[every(90)])
    there = rows(services, job)

    put(admin_client, job, body(name="renamed"))

    assert rows(services, job) == there


def test_schedule_and_triggers_may_say_the_same(admin_client: FlaskClient, services: Services) -> None:
    job = created(admin_client, services, triggers=[HOURLY, NIGHTLY], cronExpression="0 0 3 * * ?",
                  schedulingType="CRON")  # fmt: skip

    assert len(job.triggers) == 2


@pytest.mark.parametrize(
    "members",
    [
        {"cronExpression": "0 0 4 * * ?"},
        {"delay": 60},
        {"schedulingType": "FIXED_DELAY"},
        {"continuousExecution": True},
    ],
)
def test_schedule_and_triggers_may_not_contradict_each_other(
    members: dict[str, Any], admin_client: FlaskClient, make_job: MakeJob
) -> None:
    words = "triggers and cronExpression, delay or schedulingType say different things: leave one of them out"

    made = admin_client.post(URL, json=body(triggers=[NIGHTLY], **members))
    changed = admin_client.put(f"{URL}/{make_job().uid}", json=body(triggers=[HOURLY], **members))

    for answer in (made, changed):
        assert answer.status_code == 409
        assert reported(answer.get_json()) == [("E7010", f"Failed to validate job runtime: `{words}`", "triggers")]


@pytest.mark.parametrize(
    ("triggers", "code", "words", "field"),
    [
        ([HOURLY, {**NIGHTLY, "expression": "0 0 25 * * ?"}], "E7005",
         "Cron expression is invalid: `0 0 25 * * ?`: hour: 25 is not between 0 and 23 (at character 5)",
         "cronExpression"),
        ([{**NIGHTLY, "expression": "0 0 3 * * ?", "dialect": "unix"}], "E7005",
         "the unix dialect has 5 fields", "cronExpression"),
        ([{"kind": "cron"}], "E7004", "Cron expression must be not null", "cronExpression"),
        ([{"kind": "fixed_delay"}], "E7007", "Delay must be not null", "delay"),
        ([{"kind": "fixed_delay", "delay_seconds": 5}, {"kind": "fixed_delay", "delay_seconds": -7}], "E4008",
         "but number given was -7", "delay"),
        ([{"kind": "simple", "every_seconds": 0}], "E7010", "every_seconds: must be from 1", None),
        ([{**NIGHTLY, "calendar": "none"}], "E7010", "calendar: no calendar named 'none'", None),
        ([], "E7004", "Cron expression must be not null", "cronExpression"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_trigger_has_dhis2s_code(
    triggers: list[Any], code: str, words: str, field: str | None, admin_client: FlaskClient
) -> None:
    answer = admin_client.post(URL, json=body(triggers=triggers))

    [(found, message, place)] = reported(answer.get_json())
    assert (answer.status_code, found, place) == (409, code, field)
    assert words in message


@pytest.mark.parametrize(
    "triggers", [5, [5], [{}], [{"kind": "weekly"}], [{**NIGHTLY, "calender": "x"}], [{**NIGHTLY, "delay_seconds": 3}]]
)
def test_triggers_that_are_none_are_refused(triggers: Any, admin_client: FlaskClient) -> None:
    answer = admin_client.post(URL, json=body(triggers=triggers))

    assert answer.status_code == 409
    assert "triggers" in answer.get_json()["message"]


def test_a_disabled_job_needs_no_trigger(admin_client: FlaskClient, services: Services) -> None:
    assert created(admin_client, services, triggers=[], enabled=False).triggers == []
