"""What a job wants otherwise than usual, in words."""

from collections.abc import Iterator

from app.core.models import Job
from app.core.policies import Policies
from app.core.retries import RETRIABLE, RetryPolicy
from app.core.statuses import OverlapRule, Recovery
from app.web.pages.policy_fields import ON
from app.web.pages.site import pages
from app.web.pages.times import counted, duration


@pages.app_template_filter()
def policy_words(job: Job) -> list[tuple[str, str]]:
    """Title and words of each; none for a job as usual."""
    return list(_told(Policies.of(job)))


def _told(policies: Policies) -> Iterator[tuple[str, str]]:
    match policies.overlap:
        case OverlapRule.QUEUE:
            yield "When it is running", f"a new start waits; at most {counted(policies.overlap_limit, 'run')} may wait"
        case OverlapRule.PARALLEL:
            yield (
                "When it is running",
                f"a new start begins beside it; at most {counted(policies.overlap_limit, 'run')}",
            )
        case OverlapRule.CANCEL_PREVIOUS:
            yield "When it is running", "a new start cancels the run before"
    if policies.pool:
        yield "Pool", policies.pool
    if policies.priority:
        yield "Priority", str(policies.priority)
    if policies.start_deadline_seconds:
        yield "May wait for", duration(policies.start_deadline_seconds)
    if policies.attempt_timeout_seconds:
        yield "Each attempt stopped after", duration(policies.attempt_timeout_seconds)
    if policies.retry:
        yield "When it fails", _retry_words(policies.retry)
    match policies.recovery:
        case Recovery.RETRY:
            yield "When it is interrupted", "it is tried again"
        case Recovery.ASK:
            yield "When it is interrupted", "somebody is asked"


def _retry_words(retry: RetryPolicy) -> str:
    words = f"up to {counted(retry.count, 'further attempt')}, the first {duration(retry.delay_seconds)} later"
    if set(retry.on) == set(RETRIABLE):
        return words
    named = dict(ON)
    return f"{words}; only when: {', '.join(named[reason][:1].lower() + named[reason][1:] for reason in retry.on)}"
