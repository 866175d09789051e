"""What becomes of the moments at which a trigger came due."""

from datetime import UTC, datetime, timedelta

import pytest

from app.core.decisions import Decision, decide, fold
from app.core.statuses import FireOutcome, FireReason
from app.schedule.misfire import Judged, Outcome

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
STARTED, MISSED, SKIPPED = FireOutcome.STARTED, FireOutcome.MISSED, FireOutcome.SKIPPED


def judged(*outcomes: Outcome) -> list[Judged]:
    return [Judged(NOON + timedelta(minutes=number), outcome) for number, outcome in enumerate(outcomes)]


def told(decisions: list[Decision]) -> list[tuple[FireOutcome, FireReason | None]]:
    return [(decision.outcome, decision.reason) for decision in decisions]


@pytest.mark.parametrize("outcome", [Outcome.START, Outcome.START_LATE])
def test_a_start_starts(outcome: Outcome) -> None:
    assert told(decide(judged(outcome), blocked=False)) == [(STARTED, None)]


def test_a_start_during_a_run_of_the_job_is_skipped() -> None:
    assert told(decide(judged(Outcome.START), blocked=True)) == [(SKIPPED, FireReason.OVERLAP)]


def test_the_second_of_two_starts_meets_the_run_of_the_first() -> None:
    assert told(decide(judged(Outcome.START, Outcome.START), blocked=False)) == [
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
@pytest.mark.parametrize("blocked", [False, True])
def test_what_is_left_out_says_why(outcome: Outcome, expected: tuple[FireOutcome, FireReason], blocked: bool) -> None:
    assert told(decide(judged(outcome), blocked=blocked)) == [expected]


def test_more_than_a_hundred_misses_in_a_row_are_one_range_with_the_exact_count() -> None:
    moments = judged(*[Outcome.COALESCED] * 399, Outcome.START_LATE)

    made = decide(moments, blocked=False)

    assert [(row.outcome, row.count, row.range_to) for row in made] == [
        (MISSED, 399, moments[398].moment),
        (STARTED, 1, None),
    ]


def test_a_hundred_misses_stay_a_hundred_rows() -> None:
    made = decide(judged(*[Outcome.LATE] * 100), blocked=False)

    assert len(made) == 100
    assert fold(made) == made
