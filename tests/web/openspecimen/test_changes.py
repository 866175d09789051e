"""POST, PUT and DELETE of /scheduled-jobs"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.errors import NotFoundError
from app.core.models import Job
from app.core.statuses import TriggerKind
from app.core.triggers import TriggerSpec, cron
from tests.fakes import FakeClock
from tests.web.conftest import ZONE, MakeJob, Play, every, sql
from tests.web.openspecimen.test_jobs import NOON, ROOTS, person

NIGHTLY = {"repeatSchedule": "DAILY", "scheduledHour": 23, "scheduledMinute": 0}
HOUR = 3600 * 1000  # milliseconds


def wanted(**members: Any) -> dict[str, Any]:
    return {"name": "Nightly", "type": "QUERY", "jobParameters": sql(), **NIGHTLY, **members}


def problems(answer: Any) -> list[tuple[str, str]]:
    assert answer.status_code == 400, answer.get_json()
    return [(one["code"].removeprefix("SCHEDULED_JOB_"), one["message"]) for one in answer.get_json()]


def posted(client: FlaskClient, **members: Any) -> dict[str, Any]:
    answer = client.post("/scheduled-jobs", json=wanted(**members))
    assert answer.status_code == 200, answer.get_json()
    shown: dict[str, Any] = answer.get_json()
    return shown


def put(client: FlaskClient, job_id: int, body: dict[str, Any]) -> dict[str, Any]:
    answer = client.put(f"/scheduled-jobs/{job_id}", json=body)
    assert answer.status_code == 200, answer.get_json()
    shown: dict[str, Any] = answer.get_json()
    return shown


# Create


@pytest.mark.parametrize("root", ROOTS)
def test_a_new_job_is_answered_whole(root: str, admin_client: FlaskClient, services: Services) -> None:
    answer = admin_client.post(f"{root}/scheduled-jobs", json=wanted())

    job = services.jobs.get_by_id(1)
    assert answer.status_code == 200
    assert answer.get_json() == {
        "id": 1,
        "name": "Nightly",
        "createdBy": person(services),
        "startDate": NOON,
        "endDate": None,
        "scheduledHour": 23,
        "scheduledMinute": 0,
        "scheduledDayOfWeek": None,
        "scheduledDayOfMonth": None,
        "hourlyInterval": 1,
        "minutelyInterval": 1,
        "repeatSchedule": "DAILY",
        "schedule": "At 23:00, every day (Europe/Paris)",
        "nextRunOn": NOON + 10 * HOUR,
        "activityStatus": "Active",
        "type": "QUERY",
        "taskImplFqn": "SQL_EXPORT",
        "command": None,
        "fixedArgs": None,
        "savedQuery": {"id": 1, "title": "Nightly"},
        "runAs": None,
        "recipients": [],
        "sharedWith": [],
        "isActiveJob": True,
        "lastRunOn": None,
        "rtArgsProvided": True,
        "rtArgsHelpText": "region least",
        "jobParameters": job.parameters,
        "triggers": answer.get_json()["triggers"],
    }
    assert answer.get_json() == admin_client.get("/scheduled-jobs/1").get_json()
    assert (job.job_type, job.created_by, job.triggers[0].expression) == ("SQL_EXPORT", "ada", "0 0 23 * * ?")


def test_a_saved_query_is_that_of_another_job(admin_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    holder = make_job()

    made = posted(admin_client, jobParameters=None, savedQuery={"id": holder.id, "title": "ignored"})

    assert made["jobParameters"] == holder.parameters


def test_a_job_that_is_read_renamed_and_posted_is_a_working_copy(
    admin_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    weekdays = cron("0 0 8-17 ? * MON-FRI", ZONE)  # OpenSpecimen has no words for it
    for number, triggers in enumerate(([weekdays, every(90)], [cron("0 0 3 * * ?", "Asia/Tokyo")], [])):
        original = make_job(f"original {number}", triggers=triggers)
        read = admin_client.get(f"/scheduled-jobs/{original.id}").get_json()
        del read["id"]

        copied = admin_client.post("/scheduled-jobs", json=read | {"name": f"copy {number}"}).get_json()

        copy = services.jobs.get_by_id(copied["id"])
        assert copy.uid != original.uid
        assert copy.parameters == original.parameters
        assert [(row.expression, row.every_seconds, row.timezone) for row in copy.triggers] == [
            (spec.expression, spec.every_seconds, spec.timezone) for spec in triggers
        ]


def test_a_copy_with_another_repeat_schedule_follows_that(admin_client: FlaskClient, make_job: MakeJob) -> None:
    read = admin_client.get(f"/scheduled-jobs/{make_job().id}").get_json()

    copied = admin_client.post("/scheduled-jobs", json=read | NIGHTLY | {"name": "copy"}).get_json()

    assert (copied["scheduledHour"], copied["triggers"][0]["expression"]) == (23, "0 0 23 * * ?")


def test_triggers_alone_say_everything(admin_client: FlaskClient) -> None:
    rate = {"kind": "simple", "every_seconds": 90, "start_at": "2026-03-02T12:00:00Z"}

    made = posted(admin_client, repeatSchedule=None, triggers=[rate])

    assert (made["repeatSchedule"], made["triggers"][0]["every_seconds"]) == ("ONDEMAND", 90)


def test_numbers_and_dates_may_be_texts(admin_client: FlaskClient) -> None:
    made = posted(
        admin_client, scheduledHour="5", scheduledMinute="30", startDate="2026-03-10", endDate="20260401T0600"
    )

    assert (made["scheduledHour"], made["scheduledMinute"]) == (5, 30)
    assert made["startDate"] == NOON + (7 * 24 + 11) * HOUR  # midnight in Paris
    assert made["endDate"] == NOON + (29 * 24 + 16) * HOUR  # 06:00 in Paris, summer time


def test_a_disabled_job_has_no_next_run(admin_client: FlaskClient) -> None:
    made = posted(admin_client, activityStatus="Disabled")

    assert (made["isActiveJob"], made["nextRunOn"], made["repeatSchedule"]) == (False, None, "DAILY")


BAD: dict[str, tuple[dict[str, Any], list[tuple[str, str]]]] = {
    "no name": ({"name": None}, [("NAME_REQUIRED", "Job name is required.")]),
    "blank name": ({"name": " "}, [("NAME_REQUIRED", "Job name is required.")]),
    "name taken": ({"name": "nightly visits"}, [("DUP_JOB_NAME", "A job with same name already exists.")]),
    "no schedule": ({"repeatSchedule": None}, [("REPEAT_SCHEDULE_REQUIRED", "Job repeat scheduled is required.")]),
    "empty schedule": ({"repeatSchedule": ""}, [("REPEAT_SCHEDULE_REQUIRED", "Job repeat scheduled is required.")]),
    "other case": ({"repeatSchedule": "daily"}, [("INVALID_REPEAT_SCHEDULE", "Repeat schedule is invalid.")]),
    "no hour": ({"scheduledHour": None}, [("INVALID_SCHEDULED_TIME", "Scheduled time is invalid.")]),
    "hour 24": ({"scheduledHour": 24}, [("INVALID_SCHEDULED_TIME", "Scheduled time is invalid.")]),
    "minute -1": ({"scheduledMinute": -1}, [("INVALID_SCHEDULED_TIME", "Scheduled time is invalid.")]),
    "no day of the week": ({"repeatSchedule": "WEEKLY"}, [("INVALID_SCHEDULED_TIME", "Scheduled time is invalid.")]),
    "no such day": (
        {"repeatSchedule": "WEEKLY", "scheduledDayOfWeek": "Monday"},
        [("INVALID_SCHEDULED_TIME", "Scheduled time is invalid.")],
    ),
    "day 32": (
        {"repeatSchedule": "MONTHLY", "scheduledDayOfMonth": 32},
        [("INVALID_SCHEDULED_TIME", "Scheduled time is invalid.")],
    ),
    "no hours": (
        {"repeatSchedule": "HOURLY", "hourlyInterval": 0}, [("INVALID_SCHEDULED_TIME", "Scheduled time is invalid.")]
    ),
    "fewer than no minutes": (
        {"repeatSchedule": "MINUTELY", "minutelyInterval": -1},
        [("INVALID_SCHEDULED_TIME", "Scheduled time is invalid.")],
    ),
    "too many minutes": (
        {"repeatSchedule": "MINUTELY", "minutelyInterval": 10**30},
        [("INVALID_SCHEDULED_TIME", "Scheduled time is invalid.")],
    ),
    "ends before it starts": (
        {"startDate": NOON + HOUR, "endDate": NOON},
        [("END_DATE_BEFORE_START_DATE", "Job end-date is before start-date.")],
    ),
    "ended": ({"endDate": NOON - HOUR}, [("END_DATE_BEFORE_START_DATE", "Job end-date is before start-date.")]),
    "no type": ({"type": None}, [("INVALID_TYPE", "Job type is invalid.")]),
    "unknown type": ({"type": "NOPE"}, [("INVALID_TYPE", "Job type is invalid.")]),
    "a program": ({"type": "EXTERNAL"}, [("EXT_TASK_FORBIDDEN", "Jobs of type EXTERNAL are not allowed.")]),
    "no class": ({"type": "INTERNAL"}, [("TASK_IMPL_FQN_REQUIRED", "Job implementation class is required.")]),
    "unknown class": (
        {"type": "INTERNAL", "taskImplFqn": "com.krishagni.Nope"},
        [("INVALID_TASK_IMPL_FQN", "Job implementation class is invalid.")],
    ),
    "no query": ({"jobParameters": None}, [("QUERY_REQ", "Saved query ID is required.")]),
    "unknown query": (
        {"jobParameters": None, "savedQuery": {"id": 77}}, [("QUERY_REQ", "There is no query job with id 77.")]
    ),
    "half of the parameters": (
        {"jobParameters": {"connection": "clinic"}}, [("INVALID_REQUEST", "parameters.query: Query is required")]
    ),
    "a trigger that cannot be": (
        {"repeatSchedule": None, "triggers": [{"kind": "cron", "expression": "0 0 25 * * ?"}]},
        [("INVALID_REQUEST", "triggers.0.expression: hour: 25 is not between 0 and 23")],
    ),
    "everything": (
        {"name": "", "type": "NOPE", "repeatSchedule": "WEEKLY"},
        [
            ("INVALID_TYPE", "Job type is invalid."),
            ("INVALID_SCHEDULED_TIME", "Scheduled time is invalid."),
            ("NAME_REQUIRED", "Job name is required."),
        ],
    ),
    "a fraction": ({"scheduledHour": 5.5}, [("INVALID_REQUEST", "scheduledHour: Not a valid integer.")]),
    "no date": ({"startDate": "soon"}, [("INVALID_REQUEST", "startDate: Not a valid date.")]),
    "true for a date": ({"startDate": True}, [("INVALID_REQUEST", "startDate: Not a valid date.")]),
    "a date in another age": ({"endDate": 10**15}, [("INVALID_REQUEST", "endDate: Not a valid date.")]),
    "unknown status": (
        {"activityStatus": "Closed"}, [("INVALID_REQUEST", "activityStatus: Must be one of: Active, Disabled.")]
    ),
}  # fmt: skip


@pytest.mark.parametrize(("members", "expected"), BAD.values(), ids=BAD.keys())
def test_all_that_is_wrong_is_said(
    members: dict[str, Any],
    expected: list[tuple[str, str]],
    admin_client: FlaskClient,
    make_job: MakeJob,
    services: Services,
) -> None:
    make_job()

    answer = admin_client.post("/scheduled-jobs", json=wanted(**members))

    found = problems(answer)
    assert [code for code, _ in found] == [code for code, _ in expected]
    assert found == expected
    assert services.jobs.count() == 1


def test_what_a_client_sent_is_no_markup_in_an_answer(admin_client: FlaskClient) -> None:
    text = admin_client.get("/scheduled-jobs/<script>").get_data(as_text=True)

    assert "&lt;script&gt;" in text
    assert "<" not in text


# Update


def test_a_job_is_replaced(admin_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    job = make_job(timeout_seconds=60, description="mine", group="reports")

    shown = put(admin_client, job.id, wanted(id=77, jobParameters=sql(query="SELECT 1", parameters={})))

    assert (shown["id"], shown["name"], shown["scheduledHour"]) == (job.id, "Nightly", 23)
    assert shown["jobParameters"]["query"] == "SELECT 1"
    changed = services.jobs.get(job.uid)
    assert (changed.timeout_seconds, changed.description, changed.group) == (60, "mine", "reports")
    assert shown == admin_client.get(f"/scheduled-jobs/{job.id}").get_json()


@pytest.mark.parametrize(
    "triggers",
    [
        [cron("0 0 8-17 ? * MON-FRI", ZONE), every(90)],
        [cron("0 0 3 ? * MON", "Asia/Tokyo")],
        [TriggerSpec(TriggerKind.FIXED_DELAY, ZONE, delay_seconds=60)],
        [],
    ],
    ids=["no words", "weekly", "minutely", "on demand"],
)
@pytest.mark.parametrize("knows_triggers", [True, False])
def test_what_was_read_and_renamed_keeps_its_place_in_time(
    triggers: list[TriggerSpec],
    knows_triggers: bool,
    admin_client: FlaskClient,
    services: Services,
    make_job: MakeJob,
    clock: FakeClock,
) -> None:
    job = make_job(triggers=triggers)
    read = admin_client.get(f"/scheduled-jobs/{job.id}").get_json()
    if not knows_triggers:
        del read["triggers"]
    clock.advance(minutes=10)

    put(admin_client, job.id, read | {"name": "other"})

    after = services.jobs.get(job.uid)
    assert [(row.id, row.next_fire_at) for row in after.triggers] == [
        (row.id, row.next_fire_at) for row in job.triggers
    ]
    assert after.name == "other"


def test_another_time_keeps_what_openspecimen_has_no_words_for(
    admin_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    late = TriggerSpec(
        TriggerKind.CRON, "Asia/Tokyo", "0 0 3 * * ?", "quartz", misfire="do_nothing", misfire_threshold_seconds=5
    )
    job = make_job(triggers=[late])
    read = admin_client.get(f"/scheduled-jobs/{job.id}").get_json()

    put(admin_client, job.id, read | {"scheduledHour": 4})

    [row] = services.jobs.get(job.uid).triggers
    assert (row.expression, row.timezone, row.misfire, row.misfire_threshold_seconds) == (
        "0 0 4 * * ?", "Asia/Tokyo", "do_nothing", 5,
    )  # fmt: skip


def test_changed_triggers_count_beside_the_old_schedule(admin_client: FlaskClient, make_job: MakeJob) -> None:
    job = make_job()
    read = admin_client.get(f"/scheduled-jobs/{job.id}").get_json()

    shown = put(admin_client, job.id, read | {"triggers": [{"kind": "fixed_delay", "delay_seconds": 300}]})

    assert (shown["repeatSchedule"], shown["minutelyInterval"]) == ("MINUTELY", 5)


def test_two_schedules_that_disagree_are_refused(admin_client: FlaskClient, make_job: MakeJob) -> None:
    job = make_job()
    read = admin_client.get(f"/scheduled-jobs/{job.id}").get_json()
    both = read | NIGHTLY | {"triggers": [{"kind": "fixed_delay", "delay_seconds": 300}]}

    answer = admin_client.put(f"/scheduled-jobs/{job.id}", json=both)

    assert problems(answer) == [("INVALID_REPEAT_SCHEDULE", "triggers and repeatSchedule say different things.")]


def test_status_and_parameters_stay_unless_they_are_said(
    admin_client: FlaskClient, services: Services, make_job: MakeJob
) -> None:
    job = make_job(enabled=False)

    shown = put(admin_client, job.id, wanted(jobParameters=None))

    assert (shown["activityStatus"], shown["jobParameters"]) == ("Disabled", job.parameters)
    assert put(admin_client, job.id, wanted(activityStatus="Active"))["nextRunOn"] == NOON + 10 * HOUR


def test_another_saved_query_is_taken_over(admin_client: FlaskClient, make_job: MakeJob) -> None:
    job, other = make_job(), make_job("other")
    put(admin_client, other.id, wanted(name="other", jobParameters=sql(query="SELECT 2", parameters={})))
    read = admin_client.get(f"/scheduled-jobs/{job.id}").get_json()

    shown = put(admin_client, job.id, read | {"savedQuery": {"id": other.id}})

    assert shown["jobParameters"]["query"] == "SELECT 2"


@pytest.mark.parametrize("kind", ["INTERNAL", "EXTERNAL", None])
def test_the_type_of_a_job_stays(kind: str | None, admin_client: FlaskClient, make_job: MakeJob) -> None:
    answer = admin_client.put(f"/scheduled-jobs/{make_job().id}", json=wanted(type=kind))

    assert problems(answer) == [("INVALID_TYPE", "Job type is invalid.")]


# Delete


def test_a_deleted_job_is_answered_as_it_was(
    admin_client: FlaskClient, services: Services, make_job: MakeJob, play: Play
) -> None:
    job = make_job()
    run_id = play.begin(job).run_id
    before = admin_client.get(f"/scheduled-jobs/{job.id}").get_json()

    answer = admin_client.delete(f"/scheduled-jobs/{job.id}")

    assert answer.status_code == 200
    assert answer.get_json() == before | {"activityStatus": "Disabled", "isActiveJob": False, "nextRunOn": None}
    with pytest.raises(NotFoundError):
        services.jobs.get(job.uid)
    assert services.runs.get(run_id).status == "cancelling"
    assert posted(admin_client, name=job.name)["id"] == job.id + 1


@pytest.mark.parametrize(("method", "body"), [("PUT", wanted()), ("DELETE", None)])
def test_an_unknown_job(method: str, body: dict[str, Any] | None, admin_client: FlaskClient) -> None:
    answer = admin_client.open("/scheduled-jobs/77", method=method, json=body)

    assert problems(answer) == [("NOT_FOUND", "Job does not exist.")]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_a_user_changes_nothing(method: str, user_client: FlaskClient, services: Services, make_job: MakeJob) -> None:
    job: Job = make_job()
    path = "/scheduled-jobs" if method == "POST" else f"/scheduled-jobs/{job.id}"

    answer = user_client.open(path, method=method, json=wanted())

    words = "your role does not allow this; an administrator can do it"
    assert problems(answer) == [("RBAC_ACCESS_DENIED", words)]
    assert [one.version for one in services.jobs.list()] == [job.version]
