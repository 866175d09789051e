"""What becomes of the moments at which a trigger came due."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.decisions import decide, fold
from app.core.statuses import FireOutcome, FireReason, TriggerKind

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STARTED, MISSED, SKIPPED = FireOutcome.STARTED, FireOutcome.MISSED, FireOutcome.SKIPPED


def ago(*minutes: float) -> list[datetime]:
    return [NOW - minute * MINUTE for minute in minutes]


def outcomes(kind: TriggerKind, moments: list[datetime], *, blocked: bool = False) -> list[tuple[str, str | None]]:
    made = decide(kind, moments, NOW, MINUTE, blocked=blocked)
    return [(decision.outcome, decision.reason) for decision in made]


@pytest.mark.parametrize("kind", TriggerKind)
def test_a_fire_on_time_starts(kind: TriggerKind) -> None:
    assert outcomes(kind, ago(0)) == [(STARTED, None)]


@pytest.mark.parametrize("kind", TriggerKind)
def test_a_fire_at_the_threshold_is_still_on_time(kind: TriggerKind) -> None:
    assert outcomes(kind, ago(1)) == [(STARTED, None)]


@pytest.mark.parametrize("kind", TriggerKind)
def test_a_fire_during_a_run_of_the_job_is_skipped(kind: TriggerKind) -> None:
    assert outcomes(kind, ago(0), blocked=True) == [(SKIPPED, FireReason.OVERLAP)]


@pytest.mark.parametrize("kind", [TriggerKind.CRON, TriggerKind.ONCE, TriggerKind.FIXED_DELAY])
def test_a_misfire_starts_once_for_the_newest_moment(kind: TriggerKind) -> None:
    assert outcomes(kind, ago(30, 20, 10)) == [
        (MISSED, FireReason.COALESCED),
        (MISSED, FireReason.COALESCED),
        (STARTED, None),
    ]


def test_a_misfire_of_a_fixed_rate_leaves_out_what_is_late() -> None:
    assert outcomes(TriggerKind.SIMPLE, ago(30, 20, 0.5)) == [
        (MISSED, FireReason.LATE),
        (MISSED, FireReason.LATE),
        (STARTED, None),
    ]


def test_the_second_of_two_moments_on_time_meets_the_run_of_the_first() -> None:
    assert outcomes(TriggerKind.CRON, ago(0.5, 0)) == [(STARTED, None), (SKIPPED, FireReason.OVERLAP)]


def test_more_than_a_hundred_misses_in_a_row_are_one_range_with_the_exact_count() -> None:
    moments = ago(*range(400, 0, -1))

    made = decide(TriggerKind.CRON, moments, NOW, MINUTE, blocked=False)

    assert [(row.outcome, row.count, row.range_to) for row in made] == [
        (MISSED, 399, moments[-2]),
        (STARTED, 1, None),
    ]


def test_a_hundred_misses_stay_a_hundred_rows() -> None:
    made = decide(TriggerKind.CRON, ago(*range(101, 0, -1)), NOW, MINUTE, blocked=False)

    assert len(made) == 101
    assert fold(made) == made
