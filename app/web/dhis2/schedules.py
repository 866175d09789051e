"""The one trigger of a job that DHIS2 knows: its first cron expression or fixed delay. The others stay as they are.

Our extra member ``triggers`` says them all, beside the members that say the one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from app.core.models import Job, Trigger
from app.core.statuses import TriggerKind
from app.core.triggers import TriggerSpec, dialect_of
from app.web.auth import services
from app.web.dhis2.errors import RejectedError
from app.web.dhis2.messages import error_report
from app.web.dhis2.schemas import Asked
from app.web.trigger_schema import says_all

CRON, FIXED_DELAY, ONCE_ASAP = "CRON", "FIXED_DELAY", "ONCE_ASAP"
SHOWN = {TriggerKind.CRON: CRON, TriggerKind.FIXED_DELAY: FIXED_DELAY}


def shown_trigger(job: Job) -> Trigger | None:
    return next((row for row in job.triggers if row.kind in SHOWN), None)


def schedule_of(triggers: Sequence[Trigger | TriggerSpec]) -> dict[str, Any]:
    shown = next((trigger for trigger in triggers if trigger.kind in SHOWN), None)
    return {
        "schedulingType": SHOWN[shown.kind] if shown else ONCE_ASAP,
        "cronExpression": shown.expression if shown else None,
        "delay": shown.delay_seconds if shown else None,
        "continuousExecution": shown is not None and shown.delay_seconds == 0,
    }


def triggers_for(asked: Asked, job: Job | None, timezone: str, *, enabled: bool) -> list[TriggerSpec]:
    """Say what a job's triggers become. One that is not complete is left for the core to refuse.

    A client that knows only DHIS2 sends ``triggers`` back as it got them, with another schedule beside them; one that
    knows ours may leave the old schedule there. Only who changes both has to say the same. Raises ``RejectedError``.
    """
    given, rows = asked.triggers, job.triggers if job else []
    if given is None:
        return scheduled(asked, job, timezone, enabled=enabled)
    is_unchanged = job is not None and says_all(given, rows)
    if not _agrees(asked, schedule_of(given)):
        if is_unchanged:
            return scheduled(asked, job, timezone, enabled=enabled)
        if job is None or not _agrees(asked, schedule_of(rows)):
            raise _contradiction(job.uid if job else asked.uid or "")
    if is_unchanged:
        return [TriggerSpec.of(row) for row in rows]
    return list(given) if given or not enabled else scheduled(asked, None, timezone, enabled=enabled)


def _agrees(asked: Asked, schedule: Mapping[str, Any]) -> bool:
    said = {
        "schedulingType": asked.scheduling_type,
        "cronExpression": asked.cron_expression,
        "delay": asked.delay,
        "continuousExecution": asked.continuous_execution,
    }
    return all(value is None or value == schedule[name] for name, value in said.items())


def _contradiction(uid: str) -> RejectedError:
    message = "triggers and cronExpression, delay or schedulingType say different things: leave one of them out"
    report = error_report("E7010", f"Failed to validate job runtime: `{message}`", message, field="triggers")
    return RejectedError(uid, [report])


def scheduled(asked: Asked, job: Job | None, timezone: str, *, enabled: bool) -> list[TriggerSpec]:
    rows = job.triggers if job else []
    shown = shown_trigger(job) if job else None
    others = [TriggerSpec.of(row) for row in rows if row is not shown]
    there = TriggerSpec.of(shown) if shown else None
    if _is_fixed_delay(asked):
        wanted = _spec(TriggerKind.FIXED_DELAY, there, timezone, delay_seconds=asked.delay or _zero(asked))
        is_given = wanted.delay_seconds is not None
    else:
        dialect = dialect_of(asked.cron_expression or "")
        wanted = _spec(TriggerKind.CRON, there, timezone, expression=asked.cron_expression, dialect=dialect)
        is_given = asked.cron_expression is not None
    is_needed = enabled and not others
    return [wanted, *others] if is_given or is_needed else others


def _is_fixed_delay(asked: Asked) -> bool:
    if asked.continuous_execution or asked.scheduling_type == FIXED_DELAY:
        return True
    if asked.scheduling_type == CRON or asked.cron_expression is not None:
        return False
    return asked.delay is not None or _usual(asked.job_type or "") is TriggerKind.FIXED_DELAY


def _usual(job_type: str) -> TriggerKind:
    """What is missing, where nothing was given."""
    return services().types.get(job_type).usual_trigger if job_type in services().types else TriggerKind.CRON


def _zero(asked: Asked) -> int | None:
    return 0 if asked.continuous_execution or asked.delay == 0 else None


def _spec(kind: TriggerKind, there: TriggerSpec | None, timezone: str, **values: Any) -> TriggerSpec:
    """Change the trigger that is there where it is of the same kind: it keeps its zone and its bounds."""
    if there is not None and there.kind is kind:
        same = all(getattr(there, name) == value for name, value in values.items() if name != "dialect")
        return there if same else replace(there, **values)
    return TriggerSpec(kind, timezone, **values)
