"""/day: the fires of the day before and after now, by hour."""

from datetime import UTC, timedelta

import pytest

from app.bootstrap import Services
from app.core.day_ledger import outcomes_by_hour
from app.core.models import Fire
from app.core.statuses import FireOutcome, FireReason
from tests.fakes import FakeClock
from tests.web.conftest import MakeJob, Play, every
from tests.web.pages.conftest import Reader


def test_nothing_comes_and_nothing_was(user: Reader) -> None:
    text = user.page("/day").text

    assert "Nothing fires in the next 24 hours." in text
    assert "Nothing came due in the last 24 hours." in text


def test_the_hours_ahead(user: Reader, make_job: MakeJob, clock: FakeClock) -> None:
    """It is 13:00 in Paris: 25 hours, the first from now on, a new date where the day changes."""
    clock.advance(minutes=30)
    make_job(triggers=[every(600)])

    page = user.page("/day")

    bars = page.find("rect", _class="day-planned")
    assert len(bars) == 25
    assert (bars[0]["x"], bars[1]["width"]) == ("0.0%", "100.0%")
    assert "13:30" in page.text
    assert page.text.index("Monday 2 March") < page.text.index("Tuesday 3 March") < page.text.index("00:00")
    assert "145 in all" in page.text  # both ends included


def test_the_hours_behind(user: Reader, services: Services, make_job: MakeJob, play: Play, clock: FakeClock) -> None:
    job = make_job(triggers=[every(600)])
    services.engine.tick()
    clock.advance(minutes=10)
    services.engine.tick()  # the first still runs
    clock.advance(hours=2)

    page = user.page("/day")

    assert "2 in all" in page.text
    assert "1 started, 1 skipped" in page.text
    assert [len(page.find("rect", _class=f"day-{kind}")) for kind in ("started", "skipped", "missed")] == [1, 1, 0]
    assert job.enabled


@pytest.mark.parametrize("rows", [0, 1, 7, 50])
def test_only_the_stretch_is_counted(rows: int, services: Services, make_job: MakeJob, clock: FakeClock) -> None:
    job, began = make_job(), clock()
    with services.db.transaction() as session:
        for number in range(rows):
            moment = began + timedelta(hours=number)
            late = FireOutcome.MISSED, FireReason.LATE
            session.add(
                Fire(job_id=job.id, trigger_id=number, scheduled_for=moment, decided_at=moment,
                     outcome=late[0], reason=late[1], count=2)
            )  # fmt: skip

    with services.db.reading() as session:
        edges = [began.astimezone(UTC) + timedelta(hours=hour) for hour in (20, 22, 25)]
        counts = outcomes_by_hour(session, edges)

    expected = [4, 6] if rows == 50 else [0, 0]
    assert [each[FireOutcome.MISSED] for each in counts] == expected


def test_the_list_of_jobs_leads_there(user: Reader, make_job: MakeJob) -> None:
    make_job()

    assert user.page("/jobs").find("a", href="/day")
