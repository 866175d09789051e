"""From what a client wants to a job, with everything that is wrong with it in OpenSpecimen's codes."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.core.errors import FieldError, InvalidError, NotFoundError
from app.core.jobs import JobSpec
from app.core.models import Job, Trigger
from app.core.triggers import TriggerSpec, problems
from app.web.auth import services
from app.web.openspecimen import errors
from app.web.openspecimen.documents import QUERY_TYPE, type_of
from app.web.openspecimen.errors import Problem, RejectedError, problem
from app.web.openspecimen.repeats import RANGES, is_complete, same, trigger_for
from app.web.openspecimen.schedules import ON_DEMAND, schedule_of
from app.web.openspecimen.schemas import DISABLED, Asked, ScheduledJob
from app.web.trigger_schema import says_all

ABOUT_TYPE = {errors.INVALID_TYPE, errors.EXTERNAL_FORBIDDEN, errors.TASK_REQUIRED, errors.INVALID_TASK}


@contextmanager
def refusing(found: list[Problem]) -> Iterator[None]:
    """Refuse with what was found before and with what the core finds wrong."""
    try:
        yield
    except InvalidError as error:
        found += [told for told in [_told(wrong, found) for wrong in error.errors] if told]
    if found:
        raise RejectedError(found)


def spec_for(asked: Asked, job: Job | None) -> tuple[JobSpec, list[Problem]]:
    """``job`` is the one that is replaced. What is wrong is left out of the spec."""
    found = [*_type_problems(asked, job), *_schedule_problems(asked)]
    base = JobSpec.of(job) if job else JobSpec("", "")
    spec = replace(
        base,
        name=asked.name,
        job_type=QUERY_TYPE if asked.type == "QUERY" else asked.task or "",
        parameters=_parameters(asked, job, found),
        triggers=() if found else _triggers(asked, job, found),
        enabled=asked.status != DISABLED if asked.status else base.enabled,
    )
    return spec, found


def _type_problems(asked: Asked, job: Job | None) -> list[Problem]:
    if job and asked.type != type_of(job):
        return [problem(errors.INVALID_TYPE)]  # the type of a job never changes
    match asked.type:
        case "QUERY":
            return []
        case "EXTERNAL":
            return [problem(errors.EXTERNAL_FORBIDDEN)]
        case "INTERNAL":
            return _task_problems(asked, job)
    return [problem(errors.INVALID_TYPE)]


def _task_problems(asked: Asked, job: Job | None) -> list[Problem]:
    if not asked.task:
        return [problem(errors.TASK_REQUIRED)]
    is_other = job is not None and asked.task != job.job_type
    return [problem(errors.INVALID_TASK)] if is_other or asked.task not in services().types else []


def _schedule_problems(asked: Asked) -> list[Problem]:
    if asked.repeat_schedule is None:
        return [] if asked.triggers is not None else [problem(errors.REPEAT_REQUIRED)]
    if not asked.repeat_schedule.strip():
        return [problem(errors.REPEAT_REQUIRED)]
    if asked.repeat_schedule not in RANGES:
        return [problem(errors.INVALID_REPEAT)]
    return [] if is_complete(asked) else [problem(errors.INVALID_TIME)]


def _parameters(asked: Asked, job: Job | None, found: list[Problem]) -> Mapping[str, Any]:
    """The parameters that are given, else those of the job that has the query, else those that are there."""
    there = job.parameters if job else None
    is_given = asked.parameters is not None and asked.parameters != there
    if asked.type == "QUERY" and not is_given and asked.saved_query not in (None, job.id if job else None):
        return _query_of(asked.saved_query or 0, found)
    parameters = there if asked.parameters is None else asked.parameters
    if parameters is None and asked.type == "QUERY":
        found.append(problem(errors.QUERY_REQUIRED))
    return parameters or {}


def _query_of(job_id: int, found: list[Problem]) -> Mapping[str, Any]:
    try:
        holder = services().jobs.get_by_id(job_id)
    except NotFoundError:
        holder = None
    if holder is None or holder.job_type != QUERY_TYPE:
        found.append(problem(errors.QUERY_REQUIRED, f"There is no query job with id {job_id}."))
        return {}
    return holder.parameters


def _triggers(asked: Asked, job: Job | None, found: list[Problem]) -> Sequence[TriggerSpec]:
    """A client that knows only OpenSpecimen sends ``triggers`` back as it got them, beside another schedule.

    One that knows ours may leave the old schedule there. Only who changes both has to say the same.
    """
    now, rows, seed = services().clock(), job.triggers if job else [], job.uid if job else ""
    there = [TriggerSpec.of(row) for row in rows]
    is_as_before = job is not None and _agrees(asked, rows, seed, now)
    if asked.triggers is not None and not (job and says_all(asked.triggers, rows)):
        if is_as_before or problems(asked.triggers, now):
            return asked.triggers  # the core says what is wrong with them
        if _agrees(asked, [spec.row(now) for spec in asked.triggers], seed, now):
            return asked.triggers
        if job:
            found.append(problem(errors.INVALID_REPEAT, "triggers and repeatSchedule say different things."))
            return there
    return there if is_as_before else _repeating(asked, rows, now, found)


def _agrees(asked: Asked, rows: Sequence[Trigger], seed: str, now: datetime) -> bool:
    """Whether the schedule is the one that such triggers are shown with, or is not said at all."""
    return asked.repeat_schedule is None or same(asked, ScheduledJob().load(schedule_of(rows, seed, now)), now)


def _repeating(asked: Asked, rows: Sequence[Trigger], now: datetime, found: list[Problem]) -> Sequence[TriggerSpec]:
    if asked.repeat_schedule != ON_DEMAND and asked.end_at and asked.end_at < (asked.start_at or now):
        found.append(problem(errors.END_BEFORE_START))
        return ()
    made = trigger_for(asked, now, services().settings.zone)
    return [_inheriting(made, rows)] if made else []


def _inheriting(made: TriggerSpec, rows: Sequence[Trigger]) -> TriggerSpec:
    """A changed trigger keeps what OpenSpecimen has no words for."""
    if len(rows) != 1:
        return made
    old = TriggerSpec.of(rows[0])
    if old.kind is not made.kind:
        return replace(made, calendar=old.calendar)
    kept = ("timezone", "gap", "overlap", "misfire", "misfire_threshold_seconds", "catch_up_cap", "calendar")
    return replace(made, **{name: getattr(old, name) for name in kept})


def _told(wrong: FieldError, found: Sequence[Problem]) -> Problem | None:
    """What the core finds wrong, unless it follows from what was found before."""
    codes = {one.code for one in found}
    match wrong.field.split("."), wrong.code:
        case ["name"], "required":
            return problem(errors.NAME_REQUIRED)
        case ["name"], "taken":
            return problem(errors.NAME_TAKEN)
        case ["job_type"], _:
            return None if codes & ABOUT_TYPE else problem(errors.INVALID_TASK)
        case ["parameters", *_], _ if errors.QUERY_REQUIRED in codes:
            return None
        case ["triggers", _, "end_at"], _ if errors.END_BEFORE_START not in codes:
            return problem(errors.END_BEFORE_START)
    return problem(errors.INVALID_REQUEST, f"{wrong.field}: {wrong.message}")
