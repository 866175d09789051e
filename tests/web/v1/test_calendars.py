"""/api/v1/calendars"""

from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.bootstrap import Services
from app.core.triggers import cron
from tests.web.conftest import ZONE, MakeJob

URL = "/api/v1/calendars"
WEEKEND = {"kind": "weekly", "content": {"weekdays": ["SAT", "SUN"]}}
SHOWN = {**WEEKEND, "name": "weekend", "timezone": ZONE, "base": None, "description": "", "used_by": []}


def ics(*events: str, head: str = "") -> bytes:
    text = "".join(f"BEGIN:VEVENT\n{event}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{head}{text}END:VCALENDAR\n".replace("\n", "\r\n").encode()


CHRISTMAS = "UID:1\nSUMMARY:Christmas\nDTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227"
MEETING = "UID:2\nSUMMARY:Meeting\nDTSTART:20260402T100000Z\nDTEND:20260402T110000Z"


def test_a_calendar_is_added_shown_replaced_and_removed(admin_client: FlaskClient) -> None:
    added = admin_client.put(f"{URL}/weekend", json=WEEKEND)
    assert (added.status_code, added.get_json()) == (201, SHOWN)
    assert admin_client.get(URL).get_json() == {"calendars": [SHOWN]}

    on_sundays = {**WEEKEND, "content": {"weekdays": ["SUN"]}, "timezone": "UTC", "description": "rest"}
    replaced = admin_client.put(f"{URL}/weekend", json=on_sundays)
    assert (replaced.status_code, replaced.get_json()) == (200, {**SHOWN, **on_sundays})
    assert admin_client.get(f"{URL}/weekend").get_json() == {**SHOWN, **on_sundays}

    removed = admin_client.delete(f"{URL}/weekend")
    assert (removed.status_code, removed.data) == (204, b"")
    assert admin_client.get(f"{URL}/weekend").status_code == 404


def test_a_calendar_stands_on_another(admin_client: FlaskClient) -> None:
    admin_client.put(f"{URL}/weekend", json=WEEKEND)

    summer = {"kind": "holidays", "content": {"dates": ["2026-07-14"]}, "base": "weekend"}

    assert admin_client.put(f"{URL}/summer", json=summer).get_json()["base"] == "weekend"
    assert admin_client.delete(f"{URL}/weekend").get_json()["code"] == "in_use"


def test_a_calendar_that_jobs_use_stays(admin_client: FlaskClient, make_job: MakeJob) -> None:
    admin_client.put(f"{URL}/weekend", json=WEEKEND)
    make_job(triggers=[replace(cron("0 0 3 * * ?", ZONE), calendar="weekend")])

    answer = admin_client.delete(f"{URL}/weekend")

    assert (answer.status_code, answer.get_json()["code"]) == (409, "in_use")
    assert admin_client.get(f"{URL}/weekend").get_json()["used_by"] == ["nightly visits"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "kind"),
        ({"kind": "lunar", "content": {}}, "kind"),
        ({"kind": "weekly"}, "content"),
        ({"kind": "weekly", "content": []}, "content"),
        ({"kind": "weekly", "content": {}}, "content"),
        ({"kind": "weekly", "content": {"weekdays": ["FUNDAY"]}}, "content"),
        ({**WEEKEND, "timezone": "Mars/Base"}, "timezone"),
        ({**WEEKEND, "base": "none"}, "base"),
        ({**WEEKEND, "color": "red"}, "color"),
    ],
)
def test_what_is_wrong_is_named(admin_client: FlaskClient, body: dict[str, Any], field: str) -> None:
    answer = admin_client.put(f"{URL}/x", json=body)

    assert answer.status_code == 422
    assert field in {error["field"] for error in answer.get_json()["errors"]}


@pytest.mark.parametrize(("method", "path"), [("PUT", "x"), ("DELETE", "x"), ("POST", "x/ics")])
def test_only_administrators_change_calendars(user_client: FlaskClient, method: str, path: str) -> None:
    assert user_client.get(URL).status_code == 200
    assert user_client.open(f"{URL}/{path}", method=method).status_code == 403


class TestIcs:
    @staticmethod
    def send(client: FlaskClient, data: bytes, query: str = "", content_type: str = "text/calendar") -> Any:
        return client.post(f"{URL}/holidays/ics{query}", data=data, content_type=content_type)

    def test_a_file_becomes_a_calendar_of_holidays(self, services: Services, admin_client: FlaskClient) -> None:
        answer = self.send(admin_client, ics(CHRISTMAS, head="X-WR-CALNAME:Public holidays\n"))

        assert (answer.status_code, answer.get_json()) == (
            201,
            {
                "calendar": {
                    "name": "holidays",
                    "kind": "holidays",
                    "timezone": ZONE,
                    "content": {"dates": ["2026-12-25", "2026-12-26"]},
                    "base": None,
                    "description": "Public holidays",
                    "used_by": [],
                },
                "skipped": [],
            },
        )
        assert services.calendars.get("holidays").content == {"dates": ["2026-12-25", "2026-12-26"]}

    def test_a_newer_file_replaces_the_days_and_nothing_else(self, admin_client: FlaskClient) -> None:
        admin_client.put(f"{URL}/weekend", json=WEEKEND)
        self.send(admin_client, ics(CHRISTMAS), "?base=weekend&timezone=UTC")

        answer = self.send(admin_client, ics("DTSTART;VALUE=DATE:20260501"), content_type="application/octet-stream")

        calendar = answer.get_json()["calendar"]
        assert (answer.status_code, calendar["content"]) == (200, {"dates": ["2026-05-01"]})
        assert (calendar["base"], calendar["timezone"]) == ("weekend", "UTC")

    def test_events_with_times_of_day_are_refused_unless_somebody_says_what_to_do(
        self, admin_client: FlaskClient
    ) -> None:
        data = ics(CHRISTMAS, MEETING)

        refused = self.send(admin_client, data)
        assert (refused.status_code, refused.get_json()["errors"][0]["field"]) == (422, "file")
        assert "'Meeting'" in refused.get_json()["detail"]

        days = self.send(admin_client, data, "?timed=days").get_json()
        assert days["calendar"]["content"]["dates"] == ["2026-04-02", "2026-12-25", "2026-12-26"]

        rest = self.send(admin_client, data, "?timed=skip").get_json()
        assert (rest["calendar"]["content"]["dates"], rest["skipped"]) == (["2026-12-25", "2026-12-26"], ["Meeting"])

    def test_a_calendar_of_another_kind_is_not_replaced(self, admin_client: FlaskClient) -> None:
        admin_client.put(f"{URL}/holidays", json=WEEKEND)

        assert self.send(admin_client, ics(CHRISTMAS)).status_code == 409

    @pytest.mark.parametrize(
        ("data", "query", "content_type", "expected"),
        [
            (ics(CHRISTMAS), "", "application/json", (415, None)),
            (b"", "", "text/calendar", (422, "file")),
            (b"<html>", "", "text/calendar", (422, "file")),
            (b"\xff\xfe\x00", "", "text/calendar", (422, "file")),
            (ics("SUMMARY:no start"), "", "text/calendar", (422, "file")),
            (ics(CHRISTMAS), "?timed=maybe", "text/calendar", (422, "?timed")),
            (ics(CHRISTMAS), "?tz=UTC", "text/calendar", (422, "?tz")),
            (ics(CHRISTMAS), "?timezone=Mars/Base", "text/calendar", (422, "timezone")),
            (b"x" * 2_000_000, "", "text/calendar", (413, None)),
        ],
    )
    def test_what_is_no_calendar_is_refused(
        self, admin_client: FlaskClient, data: bytes, query: str, content_type: str, expected: tuple[int, str | None]
    ) -> None:
        answer = self.send(admin_client, data, query, content_type)

        body = answer.get_json()
        assert (answer.status_code, body["errors"][0]["field"] if "errors" in body else None) == expected
