"""Exclusion calendars by name."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.bootstrap import Services
from app.core.calendars import CalendarSpec
from app.core.errors import ConflictError, InvalidError, NotFoundError
from app.core.statuses import CalendarKind
from app.core.triggers import cron
from tests.core.conftest import MakeJob

CHRISTMAS = datetime(2026, 12, 25, 12, tzinfo=UTC)  # a Friday


def spec(kind: CalendarKind, content: dict[str, Any], **fields: Any) -> CalendarSpec:
    return CalendarSpec(
        fields.pop("name", "holidays"), kind, fields.pop("timezone", "Europe/Berlin"), content, **fields
    )


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (CalendarKind.HOLIDAYS, {"dates": ["2026-12-25"]}),
        (CalendarKind.WEEKLY, {"weekdays": ["FRI", "sat"]}),
        (CalendarKind.MONTHLY, {"days": [25]}),
        (CalendarKind.ANNUAL, {"days": ["12-25"]}),
        (CalendarKind.DAILY, {"from": "12:30", "to": "13:30"}),
        (CalendarKind.DAILY, {"from": "20:00", "to": "06:00", "inverted": True}),
        (CalendarKind.CRON, {"expression": "* * 13 ? * FRI"}),
        (CalendarKind.PERIODS, {"periods": [["2026-12-24T12:00:00+01:00", "2026-12-27T00:00:00+01:00"]]}),
    ],
)
def test_each_kind_excludes_what_it_says(services: Services, kind: CalendarKind, content: dict[str, Any]) -> None:
    services.calendars.save(spec(kind, content))

    calendar = services.calendars.pure("holidays")

    assert calendar.excludes(CHRISTMAS)
    assert not calendar.excludes(datetime(2026, 12, 23, 22, 30, tzinfo=UTC))


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (CalendarKind.HOLIDAYS, {}),
        (CalendarKind.HOLIDAYS, {"dates": ["25 December"]}),
        (CalendarKind.HOLIDAYS, {"dates": 5}),
        (CalendarKind.WEEKLY, {"weekdays": ["MONDAY"]}),
        (CalendarKind.MONTHLY, {"days": [32]}),
        (CalendarKind.ANNUAL, {"days": ["02-30"]}),
        (CalendarKind.ANNUAL, {"days": [[2, 3]]}),
        (CalendarKind.DAILY, {"from": "25:00", "to": "06:00"}),
        (CalendarKind.CRON, {"expression": "nonsense"}),
        (CalendarKind.PERIODS, {"periods": [["2026-12-24", "2026-12-23"]]}),
        (CalendarKind.PERIODS, {"periods": [["2026-12-24T12:00:00Z"]]}),
    ],
)
def test_what_is_wrong_is_refused(services: Services, kind: CalendarKind, content: dict[str, Any]) -> None:
    with pytest.raises(InvalidError):
        services.calendars.save(spec(kind, content))
    assert services.calendars.list() == []


def test_a_calendar_builds_on_another(services: Services) -> None:
    services.calendars.save(spec(CalendarKind.WEEKLY, {"weekdays": ["SUN"]}, name="sundays"))
    services.calendars.save(spec(CalendarKind.HOLIDAYS, {"dates": ["2026-12-25"]}, base="sundays"))

    calendar = services.calendars.pure("holidays")

    assert calendar.excludes(CHRISTMAS)
    assert calendar.excludes(datetime(2026, 12, 27, 12, tzinfo=UTC))
    with pytest.raises(InvalidError, match="builds on"):
        services.calendars.save(spec(CalendarKind.WEEKLY, {"weekdays": ["SUN"]}, name="sundays", base="holidays"))
    with pytest.raises(ConflictError):
        services.calendars.remove("sundays")


def test_a_used_calendar_stays(services: Services, make_job: MakeJob) -> None:
    services.calendars.save(spec(CalendarKind.WEEKLY, {"weekdays": ["SUN"]}))
    job = make_job(replace(cron("0 0 3 * * ?", "UTC"), calendar="holidays"))

    assert services.calendars.used_by("holidays") == ["nightly"]
    with pytest.raises(ConflictError, match="nightly"):
        services.calendars.remove("holidays")

    services.jobs.delete(job.uid, "ada")
    services.calendars.remove("holidays")
    with pytest.raises(NotFoundError):
        services.calendars.get("holidays")


def test_a_trigger_names_a_calendar_that_exists(services: Services, make_job: MakeJob) -> None:
    with pytest.raises(InvalidError, match="no calendar named 'nope'"):
        make_job(replace(cron("0 0 3 * * ?", "UTC"), calendar="nope"))
