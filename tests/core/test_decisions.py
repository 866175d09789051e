"""What becomes of the moments at which a trigger came due."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.decisions import Decision, Occupied, decide, fold
from app.core.statuses import FireOutcome, FireReason, OverlapRule
from app.schedule.misfire import Judged, Outcome

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
STARTED, MISSED, SKIPPED = FireOutcome.STARTED, FireOutcome.MISSED, FireOutcome.SKIPPED


def judged(*outcomes: Outcome) -> list[Judged]:
    return [Judged(NOON + timedelta(minutes=number), outcome) for number, outcome in enumerate(outcomes)]


def told(decisions: list[Decision]) -> list[tuple[FireOutcome, FireReason | None]]:
    return [(decision.outcome, decision.reason) for decision in decisions]


@pytest.mark.parametrize("outcome", [Outcome.START, Outcome.START_LATE])
def test_a_start_starts(outcome: Outcome) -> None:
    assert told(decide(judged(outcome), Occupied())) == [(STARTED, None)]


def test_a_start_during_a_run_of_the_job_is_skipped() -> None:
    assert told(decide(judged(Outcome.START), Occupied(active=1))) == [(SKIPPED, FireReason.OVERLAP)]


def test_the_second_of_two_starts_meets_the_run_of_the_first() -> None:
    assert told(decide(judged(Outcome.START, Outcome.START), Occupied())) == [
        (STARTED, None),
        (SKIPPED, FireReason.OVERLAP),
    ]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome.LATE, (MISSED, FireReason.LATE)),
        (Outcome.COALESCED, (MISSED, FireReason.COALESCED)),
        (Outcome.EXCLUDED, (SKIPPED, FireReason.CALENDAR)),
        (Outcome.ASK, (FireOutcome.HELD, FireReason.ASK)),
    ],
)
@pytest.mark.parametrize("active", [0, 1])
def test_what_is_left_out_says_why(outcome: Outcome, expected: tuple[FireOutcome, FireReason], active: int) -> None:
    assert told(decide(judged(outcome), Occupied(active=active))) == [expected]


def test_more_than_a_hundred_misses_in_a_row_are_one_range_with_the_exact_count() -> None:
    moments = judged(*[Outcome.COALESCED] * 399, Outcome.START_LATE)

    made = decide(moments, Occupied())

    assert [(row.outcome, row.count, row.range_to) for row in made] == [
        (MISSED, 399, moments[398].moment),
        (STARTED, 1, None),
    ]


def test_a_hundred_misses_stay_a_hundred_rows() -> None:
    made = decide(judged(*[Outcome.LATE] * 100), Occupied())

    assert len(made) == 100
    assert fold(made) == made


def test_a_queue_takes_as_many_as_may_wait() -> None:
    starts = judged(*[Outcome.START] * 4)

    made = decide(starts, Occupied(OverlapRule.QUEUE, limit=2))

    assert told(made) == [(STARTED, None)] * 3 + [(SKIPPED, FireReason.QUEUE_FULL)]


def test_parallel_runs_are_let_in_up_to_their_number() -> None:
    made = decide(judged(*[Outcome.START] * 3), Occupied(OverlapRule.PARALLEL, limit=3, active=1))

    assert told(made) == [(STARTED, None)] * 2 + [(SKIPPED, FireReason.OVERLAP)]


def test_of_starts_that_cancel_each_other_only_the_last_begins() -> None:
    made = decide(judged(Outcome.START_LATE, Outcome.START), Occupied(OverlapRule.CANCEL_PREVIOUS, active=1))

    assert told(made) == [(SKIPPED, FireReason.OVERLAP), (STARTED, None)]


def test_only_the_newest_late_moments_are_made_up_for() -> None:
    late = judged(*[Outcome.START_LATE] * 4, Outcome.START)

    made = decide(late, Occupied(OverlapRule.QUEUE, limit=9), cap=2)

    assert told(made) == [(MISSED, FireReason.CATCH_UP_CAP)] * 2 + [(STARTED, None)] * 3


def test_a_known_cause_takes_the_place_of_late_and_is_told_beside_the_others() -> None:
    moments = judged(Outcome.LATE, Outcome.COALESCED, Outcome.EXCLUDED, Outcome.START_LATE)

    made = decide(moments, Occupied(), explain=lambda moment: (FireReason.DOWNTIME, "from 1 to 2"))

    assert [(row.reason, row.detail) for row in made] == [
        (FireReason.DOWNTIME, "from 1 to 2"),
        (FireReason.COALESCED, "from 1 to 2"),
        (FireReason.CALENDAR, None),
        (None, None),
    ]


def test_long_rows_of_skips_are_one_range_too() -> None:
    [row] = decide(judged(*[Outcome.EXCLUDED] * 500), Occupied())

    assert (row.outcome, row.count) == (SKIPPED, 500)
