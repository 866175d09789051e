"""/api/v1/preview"""

from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.calendars import CalendarSpec
from app.core.statuses import CalendarKind
from tests.web.conftest import ZONE

URL = "/api/v1/preview"
NIGHTLY = {"kind": "cron", "expression": "0 30 2 * * ?", "timezone": ZONE}


def previewed(client: FlaskClient, *triggers: Any, **members: Any) -> Any:
    answer = client.post(URL, json={"triggers": triggers, **members})
    assert answer.status_code == 200, answer.get_json()
    return answer.get_json()


def refused(client: FlaskClient, body: Any) -> list[tuple[str, str]]:
    answer = client.post(URL, json=body)
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    return [(error["field"], error["code"]) for error in answer.get_json()["errors"]]


def test_words_fires_and_warnings(user_client: FlaskClient) -> None:
    hourly = {"kind": "simple", "every_seconds": 7200, "start_at": "2026-03-29T00:00:00Z"}

    found = previewed(user_client, NIGHTLY, hourly, {**NIGHTLY, "gap": "skip"}, after="2026-03-29T00:00:00Z", count=3)

    assert found == {
        "words": [
            "At 02:30, every day (Europe/Paris)",
            "Every 2 hours, counted from 29 March 2026 00:00 UTC",
            "At 02:30, every day (Europe/Paris)",
        ],
        "fires": [
            {
                "trigger": 0,
                "at": "2026-03-29T01:00:00Z",
                "local": "2026-03-29T03:00:00+02:00",
                "zone": ZONE,
                "note": "02:30 does not exist on 29 March 2026: fires at 03:00",
                "excluded_by": None,
            },
            {
                "trigger": 1,
                "at": "2026-03-29T02:00:00Z",
                "local": "2026-03-29T04:00:00+02:00",
                "zone": ZONE,
                "note": None,
                "excluded_by": None,
            },
            {
                "trigger": 1,
                "at": "2026-03-29T04:00:00Z",
                "local": "2026-03-29T06:00:00+02:00",
                "zone": ZONE,
                "note": None,
                "excluded_by": None,
            },
        ],
        "warnings": [
            {
                "trigger": 2,
                "code": "clock_change",
                "message": "when the clocks change on 29 March 2026: does not fire at the times left out",
            }
        ],
    }


def test_a_fire_that_a_calendar_takes_out_names_it(services: Services, user_client: FlaskClient) -> None:
    services.calendars.save(CalendarSpec("mondays", CalendarKind.WEEKLY, ZONE, {"weekdays": ["TUE"]}))

    found = previewed(user_client, {**NIGHTLY, "calendar": "mondays"}, count=1)

    assert [(fire["at"], fire["excluded_by"]) for fire in found["fires"]] == [
        ("2026-03-03T01:30:00Z", "mondays"), ("2026-03-04T01:30:00Z", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("trigger", "first"),
    [
        ({"kind": "cron", "expression": "0 0 3 * * *"}, "2026-03-03T02:00:00Z"),
        ({"kind": "cron", "expression": "0 3 * * *", "dialect": "unix", "timezone": "UTC"}, "2026-03-03T03:00:00Z"),
        ({"kind": "simple", "every_seconds": 60}, "2026-03-02T12:00:00Z"),
        ({"kind": "calendar_interval", "every_count": 1, "every_unit": "month"}, "2026-03-02T12:00:00Z"),
        (
            {"kind": "daily_interval", "every_seconds": 4320, "from_time": "08:00", "to_time": "17:30",
             "weekdays": ["TUE"]},
            "2026-03-03T07:00:00Z",
        ),
        ({"kind": "once", "start_at": "2026-03-02T20:00:00"}, "2026-03-02T19:00:00Z"),
        ({"kind": "once", "start_at": "2026-03-02T20:00:00", "timezone": "Asia/Tokyo"}, None),
        ({"kind": "once", "start_at": "2026-03-02T20:00:00+02:00"}, "2026-03-02T18:00:00Z"),
    ],
)  # fmt: skip
def test_every_kind_is_taken(user_client: FlaskClient, trigger: dict[str, Any], first: str | None) -> None:
    """Without a zone it is the server's, Paris; a time without an offset is on the clock of the trigger's zone."""
    if first is None:
        assert refused(user_client, {"triggers": [trigger]}) == [("triggers.0.start_at", "invalid")]
    else:
        assert previewed(user_client, trigger, count=1)["fires"][0]["at"] == first


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({}, [("triggers", "required")]),
        ({"triggers": []}, [("triggers", "invalid")]),
        ({"triggers": [NIGHTLY] * 101}, [("triggers", "invalid")]),
        ({"triggers": NIGHTLY}, [("triggers", "invalid")]),
        ({"triggers": [5, NIGHTLY]}, [("triggers.0", "invalid")]),
        ({"triggers": [{}]}, [("triggers.0.kind", "required")]),
        ({"triggers": [{"kind": "hourly"}]}, [("triggers.0.kind", "invalid")]),
        ({"triggers": [NIGHTLY, {"kind": "cron"}]}, [("triggers.1.expression", "required")]),
        ({"triggers": [{**NIGHTLY, "expression": "0 0 25 * * ?"}]}, [("triggers.0.expression", "cron")]),
        ({"triggers": [{**NIGHTLY, "expression": 5}]}, [("triggers.0.expression", "invalid")]),
        ({"triggers": [{**NIGHTLY, "every_seconds": 5}]}, [("triggers.0.every_seconds", "invalid")]),
        ({"triggers": [{**NIGHTLY, "calender": "x"}]}, [("triggers.0.calender", "unknown_field")]),
        ({"triggers": [{**NIGHTLY, "calendar": "x"}]}, [("triggers.0.calendar", "unknown")]),
        ({"triggers": [{**NIGHTLY, "timezone": "Mars/Base"}]}, [("triggers.0.timezone", "invalid")]),
        ({"triggers": [{**NIGHTLY, "end_at": "tomorrow"}]}, [("triggers.0.end_at", "invalid")]),
        ({"triggers": [{**NIGHTLY, "end_at": "0001-01-01T00:00:00+14:00"}]}, [("triggers.0.end_at", "invalid")]),
        ({"triggers": [{**NIGHTLY, "misfire": "maybe"}]}, [("triggers.0.misfire", "invalid")]),
        ({"triggers": [{"kind": "simple", "every_seconds": "5"}]}, [("triggers.0.every_seconds", "invalid")]),
        ({"triggers": [{"kind": "simple", "every_seconds": True}]}, [("triggers.0.every_seconds", "invalid")]),
        ({"triggers": [{"kind": "simple", "every_seconds": 10**400}]}, [("triggers.0.every_seconds", "invalid")]),
        ({"triggers": [NIGHTLY], "count": 101}, [("count", "invalid")]),
        ({"triggers": [NIGHTLY], "after": 5}, [("after", "invalid")]),
        ({"triggers": [NIGHTLY], "locale": "fr"}, [("locale", "invalid")]),
        ({"triggers": [NIGHTLY], "more": 1}, [("more", "unknown_field")]),
    ],
)
def test_everything_that_is_wrong_is_named(
    user_client: FlaskClient, body: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    assert refused(user_client, body) == errors


def test_the_reason_is_that_of_the_dialect_that_reads_further(user_client: FlaskClient) -> None:
    answer = user_client.post(URL, json={"triggers": [{**NIGHTLY, "expression": "0 0 25 * * *"}]})

    assert answer.get_json()["detail"] == "triggers.0.expression: hour: 25 is not between 0 and 23"


def test_a_trigger_that_was_read_can_be_sent_as_it_is(user_client: FlaskClient) -> None:
    read = {**NIGHTLY, "id": 7, "next_fire_at": "2026-03-03T01:30:00Z", "calendar": None}

    assert previewed(user_client, read)["words"] == ["At 02:30, every day (Europe/Paris)"]


def test_german(user_client: FlaskClient) -> None:
    assert previewed(user_client, NIGHTLY, locale="de")["words"] == ["Um 02:30 Uhr, jeden Tag (Europe/Paris)"]
