"""/api/jobs, /api/scheduled, /api/details, /api/schedule"""

import re
from datetime import timedelta

import pytest

from app.bootstrap import Services
from app.core.calendars import CalendarSpec
from app.core.statuses import CalendarKind, TriggerKind
from app.core.triggers import TriggerSpec, cron
from tests.fakes import FakeClock
from tests.web.conftest import ZONE, MakeJob, after, every
from tests.web.control.conftest import ENTRY_ID, Ask

HOURS_OF_PARIS = ["now", *(f"{hour % 24}:00" for hour in range(14, 38))]  # it is 13:00 there


def test_nothing_is_scheduled(ask: Ask) -> None:
    assert ask("/jobs") == ask("/scheduled") == ask("/details") == []


class TestDetails:
    def test_an_entry_has_exactly_these_members(self, ask: Ask, make_job: MakeJob) -> None:
        job = make_job(group="lab")

        [entry] = ask("/details")

        assert re.fullmatch(ENTRY_ID.format(job.id), entry.pop("job_id"))
        assert entry == {
            "id": str(job.id),
            "name": "(cron) lab: nightly visits",
            "next_run_time": "Tue, 03 Mar 2026 02:00:00 GMT",
        }

    @pytest.mark.parametrize(
        ("spec", "prefix"),
        [
            (cron("0 0 3 * * ?", ZONE), "(cron) "),
            (every(60), "(inverval) "),
            (after(60), "(inverval) "),
            (TriggerSpec(TriggerKind.CALENDAR_INTERVAL, ZONE, every_count=1, every_unit="month"), "(inverval) "),
            (
                TriggerSpec(TriggerKind.DAILY_INTERVAL, ZONE, every_seconds=60, from_time="08:00", to_time="17:00"),
                "(inverval) ",
            ),
        ],
        ids=lambda value: value.kind.value if isinstance(value, TriggerSpec) else None,
    )
    def test_each_kind_has_its_prefix(self, spec: TriggerSpec, prefix: str, ask: Ask, make_job: MakeJob) -> None:
        make_job(triggers=[spec])

        assert ask("/details")[0]["name"] == f"{prefix}DEFAULT: nightly visits"

    def test_one_off(self, ask: Ask, services: Services, make_job: MakeJob, clock: FakeClock) -> None:
        make_job(triggers=[TriggerSpec(TriggerKind.ONCE, ZONE, start_at=clock() + timedelta(minutes=1))])
        assert ask("/details")[0]["name"] == "(one off) DEFAULT: nightly visits"

        clock.advance(minutes=1)
        services.engine.tick()

        assert ask("/details") == ask("/jobs") == []

    def test_ids_last_and_differ(self, ask: Ask, make_job: MakeJob) -> None:
        make_job(triggers=[every(60), every(61)])

        first, second = (entry["job_id"] for entry in ask("/details"))

        assert first != second
        assert {first, second} == {entry["job_id"] for entry in ask("/details")}


def test_the_next_comes_first_and_what_never_comes_last(ask: Ask, make_job: MakeJob) -> None:
    over = make_job("over", triggers=[cron("0 0 3 * * ? 2020", ZONE)])
    late = make_job("late", triggers=[cron("0 0 3 * * ?", ZONE)])
    soon = make_job("soon", triggers=[cron("0 0 14 * * ?", ZONE)])

    assert ask("/jobs") == [soon.id, late.id, over.id]
    assert ask("/scheduled") == [soon.id, late.id]
    assert ask("/details")[2]["next_run_time"] is None


def test_a_disabled_task_has_no_entries(ask: Ask, make_job: MakeJob) -> None:
    make_job(enabled=False)

    assert ask("/jobs") == ask("/scheduled") == ask("/details") == []


class TestChart:
    def test_nothing(self, ask: Ask) -> None:
        assert ask("/schedule") == [{"case": case, "count": 0} for case in HOURS_OF_PARIS]

    def test_every_ten_minutes_from_a_moment_on(self, ask: Ask, make_job: MakeJob, clock: FakeClock) -> None:
        """As measured on the real server: 4 in the rest of this hour, 6 in each whole one, 2 in the last."""
        clock.advance(minutes=16, seconds=29)
        anchored = TriggerSpec(TriggerKind.SIMPLE, ZONE, every_seconds=600, start_at=clock() + timedelta(minutes=10))
        make_job(triggers=[anchored])

        assert [item["count"] for item in ask("/schedule")] == [4, *[6] * 23, 2]

    def test_all_entries_are_counted_together(self, ask: Ask, make_job: MakeJob, clock: FakeClock) -> None:
        """Six crons at three in the night, one of another shape, a delayed run, and what a fixed delay knows of."""
        for number in range(6):
            make_job(f"night {number}")
        job = make_job("other", triggers=[cron("0 0 3,15 * * ?", ZONE), after(60)])
        ask(f"/run/{job.id}/delay/59")

        counts = {item["case"]: item["count"] for item in ask("/schedule")}

        assert {case: count for case, count in counts.items() if count} == {"now": 2, "15:00": 1, "3:00": 7}

    def test_what_a_calendar_takes_out_is_not_counted(self, ask: Ask, services: Services, make_job: MakeJob) -> None:
        services.calendars.save(CalendarSpec("Tuesdays", CalendarKind.WEEKLY, ZONE, {"weekdays": ["TUE"]}))
        excluded = TriggerSpec(TriggerKind.CRON, ZONE, "0 0 * * * ?", "quartz", calendar="Tuesdays")
        make_job(triggers=[excluded])

        assert [item["count"] for item in ask("/schedule")] == [0, *[1] * 10, *[0] * 14]

    def test_clocks_that_go_back_show_an_hour_twice(self, ask: Ask, clock: FakeClock) -> None:
        clock.advance(days=236, hours=11)  # Saturday 24 October 2026, 23:00 UTC

        assert [item["case"] for item in ask("/schedule")][:5] == ["now", "2:00", "2:00", "3:00", "4:00"]
