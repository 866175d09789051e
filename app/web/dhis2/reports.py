"""From what the core finds wrong with a job to DHIS2's error codes."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from app.core.errors import FieldError, InvalidError
from app.core.job_types import Parameter
from app.core.jobs import MAX_NAME, JobSpec
from app.core.statuses import TriggerKind
from app.core.triggers import MAX_SECONDS, TriggerSpec, parsed
from app.core.uids import UID
from app.schedule.cron import CronSyntaxError
from app.web.auth import services
from app.web.dhis2.errors import RejectedError
from app.web.dhis2.messages import KLASS, Report, error_report

JAVA_MAX_INT = 2**31 - 1


@contextmanager
def reporting(uid: str, spec: JobSpec) -> Iterator[None]:
    """Turn an ``InvalidError`` into reports about what was sent."""
    try:
        yield
    except InvalidError as error:
        raise RejectedError(uid, [_report(uid, spec, problem) for problem in error.errors]) from None


def _report(uid: str, spec: JobSpec, problem: FieldError) -> Report:
    match re.sub(r"\.\d+", "", problem.field).split("."), problem.code:
        case ["name"], "required":
            return _missing("name", field="name")
        case ["name"], "too_long":
            message = f"Maximum length of property `name` is {MAX_NAME}, but given length was {len(spec.name)}."
            return error_report("E4001", message, "name", MAX_NAME, len(spec.name), field="name")
        case ["name"], "taken":
            return _taken(uid, spec.name.strip())
        case ["job_type"], _:
            return _missing("jobType", field="jobType")
        case ["uid"], _:
            return error_report("E4014", f"Invalid UID `{uid}` for property `id`", uid, "id", field="id")
        case ["triggers", "expression"], "required":
            message = f"Cron expression must be not null for job with scheduling type CRON: `{uid}`"
            return error_report("E7004", message, uid, field="cronExpression")
        case ["triggers", "expression"], "cron":
            return _bad_cron(spec)
        case ["triggers", "expression"], "shared":
            return _same_cron(spec, problem)
        case ["triggers", "delay_seconds"], "required":
            message = f"Delay must be not null for job with scheduling type FIXED_DELAY: `{uid}`"
            return error_report("E7007", message, uid, field="delay")
        case ["triggers", "delay_seconds"], _:
            return _out_of_range("delay", 0, MAX_SECONDS, _wrong_delay(spec), field="delay")
        case ["triggers", name], _:
            return _other(FieldError(problem.field, f"{name}: {problem.message}"))
        case ["parameters", name], "uid":
            return _bad_uid(spec, name)
        case ["parameters", name], _:
            return _bad_parameter(spec, name, problem)
    return _other(problem)


def _missing(name: str, field: str | None = None) -> Report:
    return error_report("E4000", f"Missing required property `{name}`.", name, field=field)


def _out_of_range(name: str, low: int, high: int, given: object, field: str | None = None) -> Report:
    message = f"Allowed range for numeric property `{name}` is [{low} to {high}], but number given was {given}."
    return error_report("E4008", message, name, low, high, given, field=field)


def _other(problem: FieldError) -> Report:
    return error_report("E7010", f"Failed to validate job runtime: `{problem.message}`", problem.message)


def _taken(uid: str, name: str) -> Report:
    holder = next((job.uid for job in services().jobs.list(text=name) if job.name == name), "")
    wanted = f"{name} [{uid}] ({KLASS.rpartition('.')[2]})"
    message = f"Property `name` with value `{name}` on object {wanted} already exists on object {holder}."
    return error_report("E5003", message, "name", name, wanted, holder, field="name")


def _bad_cron(spec: JobSpec) -> Report:
    expression, reason = next(filter(None, map(refusal, spec.triggers)), ("", "it cannot be read"))
    message = f"Cron expression is invalid: `{expression}`: {reason}"
    return error_report("E7005", message, expression, reason, field="cronExpression")


def _same_cron(spec: JobSpec, problem: FieldError) -> Report:
    """No ``errorProperty`` either: that is how DHIS2 writes this one."""
    expression = spec.triggers[int(problem.field.split(".")[1])].expression or ""
    message = f"Job of same type already scheduled with cron expression: `{expression}`"
    return error_report("E7000", message, expression)


def refusal(trigger: TriggerSpec) -> tuple[str, str] | None:
    """An expression that cannot be read, and why."""
    if trigger.kind is not TriggerKind.CRON or not trigger.expression:
        return None
    try:
        parsed(trigger.expression, trigger.dialect or "quartz", "any seed will do")
    except CronSyntaxError as error:
        return trigger.expression, f"{error} (at character {error.position + 1})"
    return None


def _wrong_delay(spec: JobSpec) -> int | None:
    delays = [trigger.delay_seconds for trigger in spec.triggers if trigger.delay_seconds is not None]
    return next((delay for delay in delays if not 0 <= delay <= MAX_SECONDS), None)


def _bad_parameter(spec: JobSpec, name: str, problem: FieldError) -> Report:
    """No ``errorProperty``: the app has no field of that name and would hide the report."""
    parameter = _parameter(spec, name)
    given = spec.parameters.get(name)
    if parameter and parameter.required and (given in (None, []) or not str(given).strip()):
        return _missing(name)
    number = _number(given)
    if parameter and parameter.kind == "integer" and number is not None:
        low = 0 if parameter.minimum is None else parameter.minimum
        return _out_of_range(name, low, JAVA_MAX_INT if parameter.maximum is None else parameter.maximum, number)
    return _other(problem)


def _bad_uid(spec: JobSpec, name: str) -> Report:
    uid = next((str(item) for item in spec.parameters[name] if not UID.fullmatch(str(item))), "")
    return error_report("E4014", f"Invalid UID `{uid}` for property `{name}`", uid, name)


def _parameter(spec: JobSpec, name: str) -> Parameter | None:
    declared = services().types.get(spec.job_type).parameters if spec.job_type in services().types else ()
    return next((parameter for parameter in declared if parameter.name == name), None)


def _number(given: object) -> int | None:
    return int(given) if isinstance(given, int | str) and re.fullmatch(r"-?\d{1,20}", str(given)) else None
