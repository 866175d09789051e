"""What becomes of the moments at which a trigger came due: the calculator's verdict and the job's overlap rule."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby

from app.core.statuses import FireOutcome, FireReason, OverlapRule
from app.schedule.misfire import Judged, Outcome

FOLD_OVER = 100
"""More moments in a row that were left out with the same reason than this become one range row with the exact count."""

LEFT_OUT = {
    Outcome.LATE: (FireOutcome.MISSED, FireReason.LATE),
    Outcome.COALESCED: (FireOutcome.MISSED, FireReason.COALESCED),
    Outcome.EXCLUDED: (FireOutcome.SKIPPED, FireReason.CALENDAR),
    Outcome.ASK: (FireOutcome.HELD, FireReason.ASK),
}
STARTS = (Outcome.START, Outcome.START_LATE)
Explain = Callable[[datetime], tuple[FireReason, str] | None]
"""Says what made a moment late: a pause, a downtime, with words for people. ``None``: nothing that is known."""


@dataclass(frozen=True)
class Decision:
    """One row of the ledger. ``range_to`` is the last moment, inclusive, of a row that stands for ``count`` of them."""

    scheduled_for: datetime
    outcome: FireOutcome
    reason: FireReason | None = None
    detail: str | None = None
    range_to: datetime | None = None
    count: int = 1


@dataclass
class Occupied:
    """The active runs of a job, those included that are about to be queued."""

    rule: OverlapRule = OverlapRule.SKIP
    limit: int = 1
    active: int = 0
    newest: int | None = None  # the id of the newest active run that has one already

    def admit(self) -> FireReason | None:
        """Let one more run in, or say why not."""
        refused = self._refusal()
        if refused is None:
            self.active += 1
        return refused

    def _refusal(self) -> FireReason | None:
        match self.rule:
            case OverlapRule.QUEUE if self.active > self.limit:
                return FireReason.QUEUE_FULL
            case OverlapRule.PARALLEL if self.active >= self.limit:
                return FireReason.OVERLAP
            case OverlapRule.SKIP if self.active:
                return FireReason.OVERLAP
        return None


def decide(
    judged: Sequence[Judged], job: Occupied, cap: int | None = None, explain: Explain = lambda moment: None
) -> list[Decision]:
    """Say what becomes of each moment, in their order; ``job`` counts those that start.

    Of late moments that are to be made up for, the newest ``cap`` start.
    """
    if len(judged) == 1 and judged[0].outcome is Outcome.START:  # as nearly all are
        return [_decide(judged[0], job, frozenset(), judged[0].moment, explain)]
    too_many = _over_cap(judged, cap)
    last = max((fire.moment for fire in judged if fire.outcome in STARTS), default=None)
    return fold(_decide(fire, job, too_many, last, explain) for fire in judged)


def _over_cap(judged: Sequence[Judged], cap: int | None) -> frozenset[datetime]:
    late = [fire.moment for fire in judged if fire.outcome is Outcome.START_LATE] if cap is not None else []
    return frozenset(late[: max(0, len(late) - (cap or 0))])


def _decide(
    fire: Judged, job: Occupied, too_many: frozenset[datetime], last: datetime | None, explain: Explain
) -> Decision:
    if fire.outcome in LEFT_OUT:
        return _explained(Decision(fire.moment, *LEFT_OUT[fire.outcome]), explain)
    if fire.moment in too_many:
        return Decision(fire.moment, FireOutcome.MISSED, FireReason.CATCH_UP_CAP)
    replaced = job.rule is OverlapRule.CANCEL_PREVIOUS and fire.moment != last  # the last one would cancel it at once
    refused = FireReason.OVERLAP if replaced else job.admit()
    return Decision(fire.moment, FireOutcome.SKIPPED if refused else FireOutcome.STARTED, refused)


def _explained(decision: Decision, explain: Explain) -> Decision:
    """A known cause takes the place of a mere "late", and is told beside the other reasons."""
    cause = explain(decision.scheduled_for) if decision.reason is not FireReason.CALENDAR else None
    if cause is None:
        return decision
    reason, words = cause
    return replace(decision, reason=reason if decision.reason is FireReason.LATE else decision.reason, detail=words)


def fold(decisions: Iterable[Decision]) -> list[Decision]:
    """Replace long rows of moments that were left out for the same reason by one range row each."""
    folded: list[Decision] = []
    for (outcome, *_), group in groupby(decisions, key=lambda each: (each.outcome, each.reason, each.detail)):
        rows = list(group)
        if outcome in (FireOutcome.MISSED, FireOutcome.SKIPPED) and len(rows) > FOLD_OVER:
            rows = [replace(rows[0], range_to=rows[-1].scheduled_for, count=len(rows))]
        folded += rows
    return folded
