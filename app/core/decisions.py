"""What becomes of the moments at which a trigger came due: the calculator's verdict and the job's overlap rule."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from app.core.statuses import FireOutcome, FireReason
from app.schedule.misfire import Judged, Outcome

FOLD_OVER = 100
"""More misses in a row with the same reason than this become one range row with the exact count."""

LEFT_OUT = {
    Outcome.LATE: (FireOutcome.MISSED, FireReason.LATE),
    Outcome.COALESCED: (FireOutcome.MISSED, FireReason.COALESCED),
    Outcome.EXCLUDED: (FireOutcome.SKIPPED, FireReason.CALENDAR),
    Outcome.ASK: (FireOutcome.HELD, FireReason.ASK),
}


@dataclass(frozen=True)
class Decision:
    """One row of the ledger. ``range_to`` is the last moment, inclusive, of a row that stands for ``count`` of them."""

    scheduled_for: datetime
    outcome: FireOutcome
    reason: FireReason | None = None
    range_to: datetime | None = None
    count: int = 1


def decide(judged: Iterable[Judged], *, blocked: bool) -> list[Decision]:
    """Say what becomes of each moment, in their order; ``blocked`` tells that a run of the job is active already."""
    decisions = []
    for fire in judged:
        if fire.outcome in LEFT_OUT:
            decisions.append(Decision(fire.moment, *LEFT_OUT[fire.outcome]))
        elif blocked:
            decisions.append(Decision(fire.moment, FireOutcome.SKIPPED, FireReason.OVERLAP))
        else:
            decisions.append(Decision(fire.moment, FireOutcome.STARTED))
            blocked = True
    return fold(decisions)


def fold(decisions: Sequence[Decision]) -> list[Decision]:
    """Replace long rows of misses with the same reason by one range row each."""
    folded: list[Decision] = []
    for (outcome, reason), group in groupby(decisions, key=lambda decision: (decision.outcome, decision.reason)):
        rows = list(group)
        if outcome is FireOutcome.MISSED and len(rows) > FOLD_OVER:
            rows = [Decision(rows[0].scheduled_for, outcome, reason, rows[-1].scheduled_for, len(rows))]
        folded += rows
    return folded
