"""The fields of a job's policies: from values to what the form shows, and back. Their names are those of the core."""

from collections.abc import Mapping, Sequence
from typing import Any

from werkzeug.datastructures import MultiDict

from app.core.policies import Policies
from app.core.retries import RETRIABLE, RetryPolicy
from app.core.statuses import FailureReason, OverlapRule, Recovery
from app.web.pages.links import whole_number
from app.web.pages.trigger_card import read_seconds, split_seconds

Fields = Mapping[str, Any]
"""Texts by name, without ``policies.``; ``retry.on`` is a list."""

PREFIX = "policies."
OVERLAPS: Sequence[tuple[str, str]] = (
    (OverlapRule.SKIP, "Leave the new start out"),
    (OverlapRule.QUEUE, "Let it wait for its turn"),
    (OverlapRule.PARALLEL, "Start it beside the others"),
    (OverlapRule.CANCEL_PREVIOUS, "Cancel the run before, then start"),
)
RECOVERIES: Sequence[tuple[str, str]] = (
    (Recovery.FAIL, "Leave it at that"),
    (Recovery.RETRY, "Try again, up to three times in all"),
    (Recovery.ASK, "Ask somebody"),
)
FACTORS = (
    ("1", "As long as the one before"),
    ("1.5", "Half as long again"),
    ("2", "Twice as long"),
    ("3", "Three times as long"),
)
JITTERS = (
    ("0", "Not at all"),
    ("0.1", "By up to a tenth"),
    ("0.25", "By up to a quarter"),
    ("0.5", "By up to a half"),
    ("1", "Down to nothing"),
)
ON: Sequence[tuple[str, str]] = (
    (FailureReason.EXCEPTION, "The job reported an error"),
    (FailureReason.EXIT, "Its program ended with an error"),
    (FailureReason.TIMEOUT, "It took too long"),
    (FailureReason.CONFIG, "Something that it needs is not set up"),
    (FailureReason.DISK_FULL, "The disk was full"),
    (FailureReason.OUTPUT_LIMIT, "It wrote more than it may"),
)


def shown(policies: Policies) -> dict[str, Any]:
    retry = policies.retry or RetryPolicy(0)
    seconds = {
        "start_deadline_seconds": policies.start_deadline_seconds,
        "attempt_timeout_seconds": policies.attempt_timeout_seconds,
        "retry.delay_seconds": int(retry.delay_seconds),
        "retry.max_delay_seconds": int(retry.max_delay_seconds),
    }
    return {
        "overlap": policies.overlap.value,
        "overlap_limit": str(policies.overlap_limit),
        "priority": str(policies.priority),
        "pool": policies.pool or "",
        "recovery": policies.recovery.value,
        "retry.count": str(retry.count or ""),
        "retry.factor": f"{retry.factor:g}",
        "retry.jitter": f"{retry.jitter:g}",
        "retry.on": [reason.value for reason in retry.on],
    } | _with_units(seconds)


def _with_units(seconds: Mapping[str, int | None]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in seconds.items():
        number, unit = split_seconds(value or 0)
        found |= {name: "" if value is None else str(number), f"{name}_unit": str(unit)}
    return found


def sent(form: MultiDict[str, str], present: Policies) -> dict[str, Any]:
    """The fields as they came back; ``present`` speaks for a form that has none of them."""
    fields = shown(present)
    if f"{PREFIX}overlap" not in form:
        return fields
    texts = {name: form.get(PREFIX + name, "").strip() for name in fields}
    return texts | {"retry.on": form.getlist(f"{PREFIX}retry.on")}


def read(fields: Fields, present: Policies) -> Policies:
    """What the fields ask for. What they say wrongly is so that the core refuses it.

    What nobody has touched stays as it is stored: the form shows no parts of a second.
    """
    if fields == shown(present):
        return present
    return Policies(
        overlap=OverlapRule(_one_of(OVERLAPS, fields["overlap"])),
        overlap_limit=_whole(fields["overlap_limit"], 0),
        start_deadline_seconds=_seconds(fields, "start_deadline_seconds"),
        priority=_whole(fields["priority"], 0 if not fields["priority"] else 10**6),
        pool=fields["pool"] or None,
        retry=_retry(fields),
        attempt_timeout_seconds=_seconds(fields, "attempt_timeout_seconds"),
        recovery=Recovery(_one_of(RECOVERIES, fields["recovery"])),
    )


def _retry(fields: Fields) -> RetryPolicy | None:
    count = _whole(fields["retry.count"], -1) if fields["retry.count"] else 0
    if count == 0:
        return None
    return RetryPolicy(
        count=count,
        delay_seconds=_delay(fields, "retry.delay_seconds"),
        factor=_number(fields["retry.factor"]),
        max_delay_seconds=_delay(fields, "retry.max_delay_seconds"),
        jitter=_number(fields["retry.jitter"]),
        on=tuple(reason for reason in RETRIABLE if reason.value in fields["retry.on"]),
    )


def _delay(fields: Fields, name: str) -> int:
    seconds = read_seconds(fields, name)
    return -1 if seconds is None else seconds


def _seconds(fields: Fields, name: str) -> int | None:
    return (read_seconds(fields, name) or 0) if fields[name] else None


def _whole(text: str, otherwise: int) -> int:
    sign, digits = (-1, text[1:]) if text.startswith("-") else (1, text)
    number = whole_number(digits)
    return otherwise if number is None else sign * number


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1


def _one_of(choices: Sequence[tuple[str, str]], value: str) -> str:
    """A choice that nobody can make with the form counts as the first."""
    return value if value in dict(choices) else choices[0][0]


def is_usual(fields: Fields) -> bool:
    return fields == shown(Policies())


def choices(fields: Fields, pools: Sequence[str]) -> dict[str, Sequence[tuple[str, str]]]:
    """What each field offers; a value that is stored and not offered otherwise is among them."""
    return {
        "overlap": OVERLAPS,
        "recovery": RECOVERIES,
        "factor": _with(FACTORS, fields["retry.factor"]),
        "jitter": _with(JITTERS, fields["retry.jitter"]),
        "pool": _with((("", "None"), *((name, name) for name in pools)), fields["pool"]),
        "on": ON,
    }


def _with(offered: Sequence[tuple[str, str]], value: str) -> Sequence[tuple[str, str]]:
    return offered if value in dict(offered) else (*offered, (value, value))
