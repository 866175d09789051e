"""Statuses, reasons and schedules as people read them. A value that is new here prints its raw name."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from app.core.models import Run, Trigger
from app.core.statuses import (
    FailureReason,
    FireOutcome,
    FireReason,
    NotStarted,
    OnFailure,
    Origin,
    Role,
    RunStatus,
    TriggerKind,
)
from app.core.triggers import TriggerSpec, calculator, parsed
from app.schedule.describe import describe, describe_expression
from app.schedule.triggers import Unreadable
from app.web.pages.site import now, pages
from app.web.pages.times import counted, duration, exact
from app.web.pages.trigger_choices import COUNTED_MISFIRES, GAPS, MISFIRES, OVERLAPS

STATUSES: dict[str, str] = {
    RunStatus.QUEUED: "Waiting",
    RunStatus.RUNNING: "Running",
    RunStatus.CANCELLING: "Cancelling",
    RunStatus.SUCCEEDED: "Succeeded",
    RunStatus.FAILED: "Failed",
    RunStatus.CANCELLED: "Cancelled",
    RunStatus.INTERRUPTED: "Interrupted",
    FireOutcome.STARTED: "Started",
    FireOutcome.SKIPPED: "Skipped",
    FireOutcome.MISSED: "Missed",
    "held": "Held",
    "waiting": "To come",
    "not_started": "Not started",
}
FAILURES: dict[str, str] = {
    FailureReason.EXIT: "The program ended with an error.",
    FailureReason.EXCEPTION: "The job reported an error.",
    FailureReason.TIMEOUT: "It took longer than its time limit.",
    FailureReason.WORKER_LOST: "The worker process died while it was running.",
    FailureReason.SERVER_LOST: "The server stopped while it was running.",
    FailureReason.SHUTDOWN: "The server was stopped and the grace time was over.",
    FailureReason.DISK_FULL: "There was no room left on the disk.",
    FailureReason.OUTPUT_LIMIT: "It wrote more than it is allowed to.",
    FailureReason.START_DEADLINE: "It waited longer than its job allows.",
    FailureReason.CONFIG: "Something that the job needs is not set up.",
    FailureReason.STEP: "Not all of its steps succeeded.",
}
FIRE_REASONS: dict[str, str] = {
    FireReason.OVERLAP: "the run before was still going on",
    FireReason.COALESCED: "found late together with others; the newest of them stands for all",
    FireReason.LATE: "found too late; the schedule went on with its next moment",
    FireReason.QUEUE_FULL: "as many runs of the job were waiting already as may",
    FireReason.CALENDAR: "its exclusion calendar takes this time out",
    FireReason.DST_GAP: "the clocks were put forward over this time",
    FireReason.DISABLED: "the job was switched off before it could be decided",
    FireReason.EDITED: "the trigger was changed before it could be decided",
    FireReason.DELETED: "the job was deleted before it could be decided",
    FireReason.PAUSED: "it was paused; the schedule went on with its next moment",
    FireReason.DRAIN: "the server was drained; the schedule went on with its next moment",
    FireReason.DOWNTIME: "no server kept the time; the schedule went on with its next moment",
    FireReason.CLOCK_JUMP: "the clock was put forward; the schedule went on with its next moment",
    FireReason.ASLEEP: "a backup was restored, and Carillon was asleep; the schedule went on with its next moment",
    FireReason.CLOCK_BACK: "the clock was put back; what was decided before does not come again",
    FireReason.CATCH_UP_CAP: "more moments were late than are made up for",
    FireReason.ASK: "found too late; it waits for somebody to say whether to run",
    FireReason.DECLINED: "somebody said no",
    FireReason.UNREADABLE: "the trigger cannot be read; edit the job to put it right",
}
RULES: dict[str, str] = {
    OnFailure.STOP: "If it fails, the rest does not start",
    OnFailure.CONTINUE: "If it fails, the queue goes on",
    OnFailure.ALWAYS: "It starts also after a failure",
}
NOT_STARTED: dict[str, str] = {
    NotStarted.STOPPED: "an earlier step did not succeed",
    NotStarted.CANCELLED: "the queue was cancelled",
    NotStarted.DISABLED: "its job was switched off",
    NotStarted.DELETED: "its job was deleted",
}
LOCAL = (TriggerKind.SIMPLE, TriggerKind.FIXED_DELAY, TriggerKind.ONCE)
"""Kinds whose moments the calculator tells in UTC."""
ORIGINS: dict[str, str] = {Origin.TRIGGER: "Schedule", Origin.MANUAL: "By hand", Origin.QUEUE: "Queue"}
ROLES: dict[str, str] = {Role.ADMINISTRATOR: "Administrator", Role.USER: "User"}


@pages.app_template_filter()
def status_word(status: str) -> str:
    return STATUSES.get(status, str(status))


@pages.app_template_filter()
def origin_word(origin: str) -> str:
    return ORIGINS.get(origin, str(origin))


@pages.app_template_filter()
def rule_words(rule: str) -> str:
    """What follows when a step of a queue does not succeed."""
    return RULES.get(rule, str(rule))


@pages.app_template_filter()
def not_started_words(reason: str) -> str:
    return NOT_STARTED.get(reason, str(reason))


@pages.app_template_filter()
def role_word(role: str) -> str:
    return ROLES.get(role, str(role))


@pages.app_template_filter()
def fire_reason(reason: str | None) -> str:
    return FIRE_REASONS.get(reason, str(reason)) if reason else ""


@pages.app_template_filter()
def why(run: Run) -> str:
    """One sentence about the state of a run."""
    match run.status:
        case RunStatus.QUEUED:
            return "It starts as soon as a worker is free."
        case RunStatus.RUNNING:
            return "It is being carried out now."
        case RunStatus.CANCELLING:
            return f"{run.cancelled_by or 'Somebody'} asked for its end; its process is being stopped."
        case RunStatus.CANCELLED:
            return f"{run.cancelled_by or 'Somebody'} cancelled it."
        case RunStatus.SUCCEEDED:
            return f"It took {duration(run.duration_seconds)}." if run.duration_seconds is not None else ""
    return FAILURES.get(run.reason, str(run.reason)) if run.reason else ""


def _unreadable(trigger: Trigger | TriggerSpec, seed: str) -> str | None:
    """What a stored trigger that is wrong says instead."""
    pure = calculator(trigger, seed) if isinstance(trigger, Trigger) else None
    return describe(pure) if isinstance(pure, Unreadable) else None


@pages.app_template_filter()
def schedule_words(trigger: Trigger | TriggerSpec, seed: str = "") -> str:
    """``At 12:00, Monday to Friday``, ``Every 15 min``; short enough for a list. ``seed`` is the job's uid."""
    if wrong := _unreadable(trigger, seed):
        return wrong
    match trigger.kind:
        case TriggerKind.CRON:
            return _expression_words(*_spelled(trigger, seed))
        case TriggerKind.SIMPLE:
            return f"Every {duration(trigger.every_seconds)}"
        case TriggerKind.FIXED_DELAY if not trigger.delay_seconds:
            return "Continuously"
        case TriggerKind.FIXED_DELAY:
            return f"{duration(trigger.delay_seconds)} after each run"
        case TriggerKind.ONCE if trigger.start_at:
            return f"Once, {exact(trigger.start_at, trigger.timezone)}"
    row = trigger if isinstance(trigger, Trigger) else trigger.row(now())
    return describe(calculator(row, seed))


@pages.app_template_filter()
def trigger_words(trigger: Trigger | TriggerSpec, seed: str = "") -> str:
    """All that a trigger says, with its zone, bounds and calendar; moments are those of its own zone."""
    if wrong := _unreadable(trigger, seed):
        return wrong
    spec = TriggerSpec.of(trigger) if isinstance(trigger, Trigger) else trigger
    if spec.kind in LOCAL:
        return ", ".join([schedule_words(spec), *_bounds_in_words(spec)])
    return describe(replace(calculator(spec.row(now()), seed), calendar=spec.calendar))


def _bounds_in_words(spec: TriggerSpec) -> Iterator[str]:
    if spec.start_at and spec.kind is not TriggerKind.ONCE:
        counts = spec.kind is TriggerKind.SIMPLE
        yield f"{'counted from' if counts else 'starting'} {exact(spec.start_at, spec.timezone)}"
    if spec.repeat_count is not None:
        yield f"{spec.repeat_count + 1} times in all"
    if spec.end_at:
        yield f"until {exact(spec.end_at, spec.timezone)}"
    if spec.calendar:
        yield f"except in calendar “{spec.calendar}”"


@pages.app_template_filter()
def trigger_notes(trigger: Trigger) -> list[str]:
    """What is set otherwise than usual, for the page of a job."""
    told = [f"read as {trigger.dialect.capitalize()} does"] if trigger.dialect in ("spring", "unix") else []
    if trigger.gap != "next":
        told.append(f"a time that the clocks leave out: {_chosen(GAPS, trigger.gap)}")
    if trigger.overlap != "interval":
        told.append(f"a time that comes twice: {_chosen(OVERLAPS, trigger.overlap)}")
    if trigger.misfire != "smart":
        choices = COUNTED_MISFIRES if trigger.kind in (TriggerKind.SIMPLE, TriggerKind.ONCE) else MISFIRES
        told.append(f"when missed: {_chosen(choices, trigger.misfire)}")
    if trigger.misfire_threshold_seconds != 60:
        told.append(f"late after {duration(trigger.misfire_threshold_seconds)}")
    if trigger.catch_up_cap is not None:
        told.append(f"at most {counted(trigger.catch_up_cap, 'missed start')} made up for")
    return told


def _chosen(choices: Sequence[tuple[str, str]], value: str) -> str:
    words = dict(choices).get(value, value)
    return words[:1].lower() + words[1:]


def _spelled(trigger: Trigger | TriggerSpec, seed: str) -> tuple[str, str, str | None]:
    """A seed is asked for only where a time is picked for each job (``H``): so all others share what was read."""
    text = trigger.expression or ""
    return text, trigger.dialect or "quartz", seed if "H" in text.upper() else None


@lru_cache(maxsize=4096)
def _expression_words(text: str, dialect: str, seed: str | None) -> str:
    """Remembered by their spelling: equal expressions have the same times, but not always the same words."""
    return describe_expression(parsed(text, dialect, seed))
