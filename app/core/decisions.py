"""What becomes of the moments at which a trigger came due. Pure: the present is an argument."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from app.core.statuses import FireOutcome, FireReason, TriggerKind

FOLD_OVER = 100
"""More misses in a row with the same reason than this become one range row with the exact count."""


@dataclass(frozen=True)
class Decision:
    """One row of the ledger. ``range_to`` is the last moment, inclusive, of a row that stands for ``count`` of them."""

    scheduled_for: datetime
    outcome: FireOutcome
    reason: FireReason | None = None
    blocked_by_earlier: bool = False  # skipped because of a run that an earlier moment of this list starts
    range_to: datetime | None = None
    count: int = 1


def decide(
    kind: TriggerKind, moments: Sequence[datetime], now: datetime, threshold: timedelta, *, blocked: bool
) -> list[Decision]:
    """Say what becomes of each moment, in their order.

    ``blocked`` tells that a run of the job is active already. A trigger misfired when its oldest moment is later than
    ``threshold``; then Quartz's ``smart`` applies: a fixed rate leaves out what is late and goes on, everything else
    fires once now, on behalf of the newest moment.
    """
    missed, due = _split(kind, moments, now, threshold)
    decisions = [Decision(moment, FireOutcome.MISSED, reason) for moment, reason in missed]
    started = False
    for moment in due:
        if blocked or started:
            decisions.append(Decision(moment, FireOutcome.SKIPPED, FireReason.OVERLAP, blocked_by_earlier=not blocked))
        else:
            decisions.append(Decision(moment, FireOutcome.STARTED))
            started = True
    return fold(decisions)


def _split(
    kind: TriggerKind, moments: Sequence[datetime], now: datetime, threshold: timedelta
) -> tuple[list[tuple[datetime, FireReason]], Sequence[datetime]]:
    late = [moment for moment in moments if now - moment > threshold]
    if not late:
        return [], moments
    if kind is TriggerKind.SIMPLE:
        return [(moment, FireReason.LATE) for moment in late], moments[len(late) :]
    return [(moment, FireReason.COALESCED) for moment in moments[:-1]], moments[-1:]


def fold(decisions: Sequence[Decision]) -> list[Decision]:
    """Replace long rows of misses with the same reason by one range row each."""
    folded: list[Decision] = []
    for (outcome, reason), group in groupby(decisions, key=lambda decision: (decision.outcome, decision.reason)):
        rows = list(group)
        if outcome is FireOutcome.MISSED and len(rows) > FOLD_OVER:
            rows = [Decision(rows[0].scheduled_for, outcome, reason, False, rows[-1].scheduled_for, len(rows))]
        folded += rows
    return folded
