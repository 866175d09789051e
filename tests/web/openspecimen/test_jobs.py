"""/scheduled-jobs"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.statuses import TriggerKind
from app.core.triggers import TriggerSpec
from tests.web.conftest import ZONE, MakeJob, Play

ROOTS = ["", "/rest/ng", "/openspecimen/rest/ng"]
NOON = 1772452800000  # 2026-03-02 12:00 UTC in milliseconds


def person(services: Services, name: str = "ada", *, admin: bool = True) -> dict[str, Any]:
    return {
        "id": services.users.get(name).id,
        "firstName": name,
        "lastName": "",
        "loginName": name,
        "domain": "openspecimen",
        "admin": admin,
        "instituteAdmin": False,
    }


@pytest.mark.parametrize("root", ROOTS)
def test_a_job_is_shown_whole(
    root: str, user_client: FlaskClient, services: Services, make_job: MakeJob, play: Play
) -> None:
    job = make_job()
    play.run(job)

    response = user_client.get(f"{root}/scheduled-jobs/{job.id}")

    assert response.status_code == 200
    assert response.get_json() == {
        "id": job.id,
        "name": "nightly visits",
        "createdBy": person(services),
        "startDate": NOON,
        "endDate": None,
        "scheduledHour": 3,
        "scheduledMinute": 0,
        "scheduledDayOfWeek": None,
        "scheduledDayOfMonth": None,
        "hourlyInterval": 1,
        "minutelyInterval": 1,
        "repeatSchedule": "DAILY",
        "schedule": "At 03:00, every day (Europe/Paris)",
        "nextRunOn": NOON + 14 * 3600 * 1000,
        "activityStatus": "Active",
        "type": "QUERY",
        "taskImplFqn": "SQL_EXPORT",
        "command": None,
        "fixedArgs": None,
        "savedQuery": {"id": job.id, "title": "nightly visits"},
        "runAs": None,
        "recipients": [],
        "sharedWith": [],
        "isActiveJob": True,
        "lastRunOn": NOON,
        "rtArgsProvided": True,
        "rtArgsHelpText": "region least",
        "jobParameters": job.parameters,
        "triggers": [
            {
                "id": 1,
                "kind": "cron",
                "timezone": "Europe/Paris",
                "expression": "0 0 3 * * ?",
                "dialect": "quartz",
                "gap": "next",
                "overlap": "interval",
                "misfire": "smart",
                "misfire_threshold_seconds": 60,
                "next_fire_at": "2026-03-03T02:00:00Z",
            }
        ],
    }


def test_a_disabled_job_and_its_bounds(user_client: FlaskClient, make_job: MakeJob, play: Play) -> None:
    now = play.clock()
    bounded = TriggerSpec(TriggerKind.SIMPLE, ZONE, every_seconds=60, start_at=now, end_at=now)
    job = make_job(triggers=[bounded], enabled=False)

    shown = user_client.get(f"/scheduled-jobs/{job.id}").get_json()

    assert (shown["activityStatus"], shown["isActiveJob"], shown["nextRunOn"]) == ("Disabled", False, None)
    assert (shown["startDate"], shown["endDate"]) == (NOON, NOON)


def listed(client: FlaskClient, **arguments: Any) -> list[str]:
    response = client.get("/scheduled-jobs", query_string=arguments)
    assert response.status_code == 200
    return [job["name"] for job in response.get_json()]


@pytest.fixture
def four(make_job: MakeJob) -> None:
    for name in ("first", "Second", "third", "100%"):
        make_job(name)


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({}, ["100%", "third", "Second", "first"]),
        ({"query": "IR"}, ["third", "first"]),
        ({"query": "%"}, ["100%"]),
        ({"type": "QUERY", "maxResults": 1}, ["100%"]),
        ({"type": "INTERNAL"}, []),
        ({"type": "EXTERNAL"}, []),
        ({"startAt": 1, "maxResults": 2}, ["third", "Second"]),
        ({"startAt": 10**30}, []),
        ({"maxResults": 0}, []),
        ({"query": "", "type": "", "startAt": "", "maxResults": ""}, ["100%", "third", "Second", "first"]),
    ],
)
@pytest.mark.usefixtures("four")
def test_the_newest_job_is_first(arguments: dict[str, Any], names: list[str], user_client: FlaskClient) -> None:
    assert listed(user_client, **arguments) == names


@pytest.mark.usefixtures("four")
def test_jobs_are_counted(user_client: FlaskClient) -> None:
    for query, count in (("query=IR", 2), ("type=QUERY", 4), ("type=INTERNAL", 0)):
        assert user_client.get(f"/rest/ng/scheduled-jobs/count?{query}").get_json() == {"count": count}


def test_a_deleted_job_is_gone(user_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    job = make_job()
    services.jobs.delete(job.uid, by="ada")

    assert listed(user_client) == []
    assert user_client.get(f"/scheduled-jobs/{job.id}").status_code == 400
