"""Stable offsets that spread jobs."""

from datetime import timedelta

from app.schedule.spread import stable_number, stable_offset

HOUR = timedelta(hours=1)


def test_an_offset_depends_on_the_job_only():
    assert stable_offset("job-1", HOUR) == stable_offset("job-1", HOUR) != stable_offset("job-2", HOUR)
    assert stable_number("job-1", "minute") == 8524312700970499671  # never changes: saved schedules depend on it


def test_offsets_spread_over_the_whole_range():
    offsets = [stable_offset(f"job-{number}", HOUR) for number in range(1000)]

    assert min(offsets) >= timedelta(0)
    assert max(offsets) < HOUR
    assert len({offset // timedelta(minutes=6) for offset in offsets}) == 10
    assert stable_offset("job", timedelta(0)) == timedelta(0)
