"""What can be wrong with a queue: DHIS2 looks for one thing after another and tells the first that it finds."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from flask import Response

from app.core.errors import CarillonError, FieldError, InvalidError, NotFoundError
from app.core.models import Job
from app.core.queues import MAX_NAME, QueueSpec
from app.web.auth import services
from app.web.bodies import MalformedBodyError
from app.web.dhis2.messages import web_message
from app.web.dhis2.reports import refusal
from app.web.dhis2.routes import blueprint

ORDER = (
    ("name", "taken"), ("name", ""), ("triggers.expression", ""), ("triggers", ""), ("steps", "too_few"),
    ("steps.job", "in_queue"), ("steps.job", "system"), ("steps", "too_many"), ("steps.job", "twice"),
    ("steps.job", "unknown"),
)  # fmt: skip
"""(field without numbers, code), the first to be told first; an empty code stands for all others."""


class QueueError(CarillonError):
    """A queue, or what was asked of one, is refused."""

    def __init__(self, status: int, code: str | None, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = code


@blueprint.errorhandler(QueueError)
def queue_refused(error: QueueError) -> Response:
    return web_message(error.status, error.message, error_code=error.error_code)


def queue_named(name: str) -> Job:
    """Raises ``QueueError`` when there is none."""
    try:
        return services().queues.named(name.strip())
    except NotFoundError:
        raise QueueError(404, "E7020", f"Job queue does not exist: `{name}`") from None


@contextmanager
def unreadable() -> Iterator[None]:
    """A body that cannot be read is 400 here, not 409 as for job configurations."""
    try:
        yield
    except (MalformedBodyError, InvalidError) as error:
        raise QueueError(400, None, error.message) from None


@contextmanager
def refusing(spec: QueueSpec) -> Iterator[None]:
    """Tell the first of the things that the core finds wrong."""
    try:
        yield
    except InvalidError as error:
        raise _refused(spec, error.errors) from None


def _refused(spec: QueueSpec, problems: Sequence[FieldError]) -> QueueError:
    problem = min(problems, key=_rank)
    uid = spec.steps[number].job if (number := _number(problem.field)) is not None and number < len(spec.steps) else ""
    match _plain(problem.field), problem.code:
        case "name", "taken":
            return QueueError(409, "E7021", f"Job queue already exist: `{spec.name}`")
        case "name", _:
            given = f"Maximum length of property `name` is {MAX_NAME}, but given length was {len(spec.name)}."
            return QueueError(409, "E4001", given)
        case "triggers.expression", _:
            return QueueError(409, "E7005", f"Cron expression is invalid: {_bad_cron(spec)}")
        case "steps", "too_few":
            return QueueError(409, "E7024", "Job queue must have at least two jobs.")
        case "steps.job", "in_queue":
            return QueueError(409, "E7022", f"Job `{uid}` is already used in another queue: `{_queue_of(uid)}`")
        case "steps.job", "system":
            # the last back quote is DHIS2's own
            return QueueError(409, "E7023", f"Job `{uid}` is a system job and as such cannot be added to a queue.`")
        case "steps.job", "unknown":
            return QueueError(404, "E1005", f"JobConfiguration with id {uid} could not be found.")
    return QueueError(409, None, problem.message)


def _rank(problem: FieldError) -> tuple[int, int]:
    field = _plain(problem.field)
    places = (
        place for place, (name, code) in enumerate(ORDER) if field.startswith(name) and code in ("", problem.code)
    )
    return next(places, len(ORDER)), _number(problem.field) or 0


def _plain(field: str) -> str:
    return re.sub(r"\.\d+", "", field)


def _number(field: str) -> int | None:
    found = re.search(r"\.(\d+)", field)
    return int(found[1]) if found else None


def _bad_cron(spec: QueueSpec) -> str:
    expression, reason = next(filter(None, map(refusal, spec.triggers)), ("", ""))
    return f"`{expression}`: {reason}" if expression else "`Expression string must not be empty`"


def _queue_of(uid: str) -> str:
    job = services().jobs.get(uid)
    return services().jobs.places([job])[job.id].queue.name
