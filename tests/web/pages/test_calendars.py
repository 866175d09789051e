"""Exclusion calendars: made by a form of every kind, shown as a year, removed when nothing uses them."""

import io
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from app.bootstrap import Services
from app.core.calendars import CalendarSpec
from app.core.statuses import CalendarKind
from app.core.triggers import cron
from app.web.pages.calendar_year import State, year_of
from tests.web.conftest import ZONE, MakeJob
from tests.web.pages.conftest import Markup, Reader
from tests.web.pages.test_job_form import sent_back

WEEKENDS = CalendarSpec("weekends", CalendarKind.WEEKLY, ZONE, {"weekdays": ["SAT", "SUN"]})
KINDS = [
    pytest.param(
        {"kind": "holidays", "dates": "2026-12-25\r\n\r\n 2026-01-01 "},
        {"dates": ["2026-01-01", "2026-12-25"]}, "2 days from 2026-01-01 to 2026-12-25", id="holidays",
    ),
    pytest.param(
        {"kind": "weekly", "weekdays": ["SAT", "SUN"]}, {"weekdays": ["SAT", "SUN"]}, "Saturdays and Sundays",
        id="weekly",
    ),
    pytest.param(
        {"kind": "monthly", "month_days": ["1", "31"]}, {"days": [1, 31]}, "The 1st and the 31st of every month",
        id="monthly",
    ),
    pytest.param(
        {"kind": "annual", "annual": "7-14\n02-29"}, {"days": ["02-29", "07-14"]},
        "29 February and 14 July, every year", id="annual",
    ),
    pytest.param(
        {"kind": "daily", "from": "22:00", "to": "06:00"}, {"from": "22:00", "to": "06:00", "inverted": False},
        "22:00 to 06:00 of the next day, every day", id="daily",
    ),
    pytest.param(
        {"kind": "daily", "from": "08:00", "to": "18:00", "inverted": "on"},
        {"from": "08:00", "to": "18:00", "inverted": True}, "All but 08:00 to 18:00, every day",
        id="the rest of the day",
    ),
    pytest.param(
        {"kind": "cron", "expression": "* * 8-17 ? * MON-FRI"},
        {"expression": "* * 8-17 ? * MON-FRI", "dialect": "quartz"},
        "Every second from 08:00:00 to 17:59:59, Monday to Friday", id="cron",
    ),
]  # fmt: skip
WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"name": " "}, "#name", "a name"),
    ({"name": "new"}, "#name", "cannot be the name"),
    ({"name": "a/b"}, "#name", "without /"),
    ({"name": "weekends"}, "#name", "already"),
    ({"kind": "none"}, "#kind", "Choose a kind"),
    ({"dates": ""}, "#dates", "at least one date"),
    ({"dates": "2026-12-25\n25.12.2026"}, "#dates", "Line 2: “25.12.2026” is no date"),
    ({"kind": "annual", "annual": "13-01"}, "#annual", "Line 1"),
    ({"kind": "weekly"}, "#weekdays", "at least one day"),
    ({"kind": "monthly"}, "#month_days", "at least one day"),
    ({"kind": "monthly", "month_days": ["32"]}, "#month_days", "from 1 to 31"),
    ({"kind": "daily", "from": "late"}, "#from", "no time of day"),
    ({"kind": "cron", "expression": ""}, "#expression", "needed"),
    ({"kind": "cron", "expression": "broken"}, "#expression", "field"),
    ({"timezone": "Mars"}, "#timezone", "no time zone"),
    ({"base": "none"}, "#base", "no calendar named"),
]


@pytest.mark.parametrize(("form", "content", "words"), KINDS)
def test_a_calendar_of_every_kind_is_stored_and_shown_again(
    admin: Reader, services: Services, form: dict[str, Any], content: dict[str, Any], words: str
) -> None:
    services.calendars.save(WEEKENDS)
    data = {"name": "my days", "timezone": "UTC", "base": "weekends", "description": "why", **form}

    assert admin.post("/calendars/new", data).location == "/calendars/my%20days"

    row = services.calendars.get("my days")
    assert (row.kind, row.content, row.timezone, row.description) == (form["kind"], content, "UTC", "why")
    assert words in admin.page("/calendars").text
    assert words in admin.page("/calendars/my%20days").text

    again = sent_back(admin.get("/calendars/my%20days/edit").text)
    again.pop("file")
    assert admin.post("/calendars/my%20days/edit", again).status_code == 303
    row = services.calendars.get("my days")
    assert (row.kind, row.content, row.timezone, row.description) == (form["kind"], content, "UTC", "why")
    assert services.calendars.by_id()[row.base_id or 0] == "weekends"


def test_what_is_wrong_is_told_at_its_field(admin: Reader, services: Services) -> None:
    services.calendars.save(WEEKENDS)
    good = {"name": "x", "kind": "holidays", "dates": "2026-12-25", "timezone": ZONE}
    for form, field, words in WRONG:
        answer = admin.post("/calendars/new", {**good, **form})
        page = Markup(answer.text)
        assert answer.status_code == 422, form
        assert field in page.links(), form
        assert words.lower() in page.text.lower(), form
        (target,) = [given for _, given in page.tags if given.get("id") == field[1:]]
        assert target.get("aria-invalid") == "true", form
    assert len(services.calendars.list()) == 1


def test_a_calendar_cannot_build_on_itself(admin: Reader, services: Services) -> None:
    services.calendars.save(WEEKENDS)
    services.calendars.save(replace(WEEKENDS, name="more", base="weekends"))
    form = sent_back(admin.get("/calendars/weekends/edit").text)
    form.pop("file")
    answer = admin.post("/calendars/weekends/edit", {**form, "base": "more"})
    assert answer.status_code == 422
    assert "itself builds on" in answer.text


EVENT = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:test
BEGIN:VEVENT
UID:1
SUMMARY:Christmas
DTSTART;VALUE=DATE:20261224
DTEND;VALUE=DATE:20261226
END:VEVENT
END:VCALENDAR
""".replace("\n", "\r\n").encode()


def upload(admin: Reader, data: bytes | None, **fields: str) -> Any:
    file = {"file": (io.BytesIO(data), "days.ics")} if data is not None else {}
    form = {"name": "fr", "kind": "holidays", "timezone": ZONE, "timed": "days", "read_file": "1", **fields}
    return admin.post("/calendars/new", {**form, **file}, content_type="multipart/form-data")


def test_the_days_of_a_file_are_added_to_the_list_before_anything_is_stored(admin: Reader, services: Services) -> None:
    answer = upload(admin, EVENT, dates="2026-12-25\r\n2026-05-01")
    assert answer.status_code == 200
    assert "2 days were read, 1 of them new" in answer.text
    assert sent_back(answer.text)["dates"] == ["2026-05-01\n2026-12-24\n2026-12-25"]
    assert not services.calendars.list()


def test_a_file_that_is_none_is_refused_with_words(admin: Reader) -> None:
    for data in (b"nonsense", None):
        answer = upload(admin, data)
        assert answer.status_code == 422
        assert "#file" in Markup(answer.text).links()


def test_a_year_marks_what_is_taken_out(admin: Reader, services: Services) -> None:
    services.calendars.save(WEEKENDS)
    services.calendars.save(
        CalendarSpec("fr", CalendarKind.HOLIDAYS, ZONE, {"dates": ["2026-12-25", "2026-12-28"]}, "weekends")
    )
    page = admin.page("/calendars/fr?year=2026")
    assert len(page.find("table", class_="month")) == 12
    assert "106 whole days taken out" in page.text
    assert "Fri 25 December to Mon 28 December" in page.text
    assert "25 taken out" in page.text
    assert "/calendars/fr?year=2027" in page.links()
    for odd in ("0", "99999", "x", str(10**30)):
        assert admin.get(f"/calendars/fr?year={odd}").status_code == 200


@pytest.mark.parametrize(
    ("kind", "content", "state"),
    [
        (CalendarKind.DAILY, {"from": "22:00", "to": "06:00"}, State.PART),
        (CalendarKind.DAILY, {"from": "00:00", "to": "00:00"}, State.CLOSED),
        (CalendarKind.CRON, {"expression": "* * 8-17 ? * MON-FRI"}, State.OPEN),  # a Saturday
        (CalendarKind.CRON, {"expression": "0 0 8 ? * SAT"}, State.PART),
        (CalendarKind.CRON, {"expression": "* * * ? * SAT"}, State.CLOSED),
        (CalendarKind.WEEKLY, {"weekdays": ["SAT"]}, State.CLOSED),
        (CalendarKind.WEEKLY, {"weekdays": ["FRI"]}, State.OPEN),
    ],
)
def test_a_day_is_open_closed_or_taken_out_in_part(
    services: Services, kind: CalendarKind, content: dict[str, Any], state: State
) -> None:
    services.calendars.save(CalendarSpec("x", kind, ZONE, content))
    year = year_of(services.calendars.pure("x"), ZoneInfo(ZONE), 2026)
    saturday = date(2026, 3, 28)  # the night after it is an hour shorter
    (day,) = [day for month in year.months for week in month.weeks for day in week if day and day.date == saturday]
    assert day.state is state


def test_whole_days_of_another_zone_are_parts_of_ours(services: Services) -> None:
    services.calendars.save(CalendarSpec("x", CalendarKind.HOLIDAYS, "Asia/Tokyo", {"dates": ["2026-05-05"]}))
    year = year_of(services.calendars.pure("x"), ZoneInfo(ZONE), 2026)
    assert [(each.first.day, each.last.day, each.state) for each in year.stretches] == [(4, 5, State.PART)]


def test_one_that_ends_soon_is_pointed_out(admin: Reader, services: Services) -> None:
    for name, day, words in (("gone", "2026-01-01", "over"), ("near", "2026-04-01", "soon")):
        services.calendars.save(CalendarSpec(name, CalendarKind.HOLIDAYS, ZONE, {"dates": [day]}))
        assert f"{day}, {words}" in admin.page("/calendars").text
    assert "takes out nothing any more" in admin.page("/calendars/gone").text
    assert "time to add more" in admin.page("/calendars/near").text


def test_one_in_use_is_not_removed(admin: Reader, services: Services, make_job: MakeJob) -> None:
    services.calendars.save(WEEKENDS)
    services.calendars.save(replace(WEEKENDS, name="more", base="weekends"))
    make_job("nightly", triggers=[replace(cron("0 0 3 * * ?", ZONE), calendar="more")])
    for name, user in (("weekends", "calendar more"), ("more", "nightly")):
        page = admin.page(f"/calendars/{name}/remove")
        assert user in page.text
        assert not page.find("form", class_="confirm-actions")
        assert admin.post(f"/calendars/{name}/remove").status_code == 409


def test_one_that_nothing_uses_is_removed_after_a_question(admin: Reader, services: Services) -> None:
    services.calendars.save(WEEKENDS)
    assert "Nothing uses it" in admin.page("/calendars/weekends/remove").text
    assert admin.post("/calendars/weekends/remove").location == "/calendars"
    assert not services.calendars.list()


def test_a_job_shows_what_its_calendar_leaves(admin: Reader, services: Services, make_job: MakeJob) -> None:
    days = {"dates": ["2026-03-03", "2026-03-05"]}
    services.calendars.save(CalendarSpec("fr", CalendarKind.HOLIDAYS, ZONE, days))
    job = make_job(triggers=[replace(cron("0 0 3 * * ?", ZONE), calendar="fr")])
    assert job.triggers[0].next_fire_at == datetime(2026, 3, 3, 2, tzinfo=UTC)

    html = admin.get(f"/jobs/{job.uid}").text
    assert html.count("<s><time") == 2
    assert "Left out by calendar &#39;fr&#39;" in html
    assert "2026-03-09 03:00 CET" in html
    assert "/calendars/fr" in Markup(html).links()

    page = admin.page("/jobs")
    assert "except “fr”" in page.text
    assert "2026-03-04 03:00 CET" in page.text
    assert "2026-03-03 03:00 CET" not in page.text
