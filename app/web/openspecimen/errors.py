"""From errors to OpenSpecimen's array of codes and messages."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response
from werkzeug.exceptions import BadRequest, HTTPException, ServiceUnavailable, Unauthorized

from app.core.errors import CarillonError, ForbiddenError, InvalidError, UnavailableError
from app.web import bodies
from app.web.auth import UnauthenticatedError
from app.web.errors import unexpected
from app.web.openspecimen.routes import blueprint

INVALID_REQUEST = "INVALID_REQUEST"
JOB_NOT_FOUND = "SCHEDULED_JOB_NOT_FOUND"
RUN_NOT_FOUND = "SCHEDULED_JOB_JOB_RUN_NOT_FOUND"
FILE_NOT_AVAILABLE = "SCHEDULED_JOB_RESULT_DATA_FILE_NOT_AVAILABLE"
FILE_NOT_FOUND = "SCHEDULED_JOB_RESULT_DATA_FILE_NOT_FOUND"
NAME_REQUIRED = "SCHEDULED_JOB_NAME_REQUIRED"
NAME_TAKEN = "SCHEDULED_JOB_DUP_JOB_NAME"
REPEAT_REQUIRED = "SCHEDULED_JOB_REPEAT_SCHEDULE_REQUIRED"
INVALID_REPEAT = "SCHEDULED_JOB_INVALID_REPEAT_SCHEDULE"
INVALID_TIME = "SCHEDULED_JOB_INVALID_SCHEDULED_TIME"
END_BEFORE_START = "SCHEDULED_JOB_END_DATE_BEFORE_START_DATE"
INVALID_TYPE = "SCHEDULED_JOB_INVALID_TYPE"
EXTERNAL_FORBIDDEN = "SCHEDULED_JOB_EXT_TASK_FORBIDDEN"
TASK_REQUIRED = "SCHEDULED_JOB_TASK_IMPL_FQN_REQUIRED"
INVALID_TASK = "SCHEDULED_JOB_INVALID_TASK_IMPL_FQN"
QUERY_REQUIRED = "SCHEDULED_JOB_QUERY_REQ"
NOT_ALLOWED = "SCHEDULED_JOB_OP_NOT_ALLOWED"

MESSAGES = {
    JOB_NOT_FOUND: "Job does not exist.",
    RUN_NOT_FOUND: "Job run does not exist.",
    FILE_NOT_AVAILABLE: "Job run result data file is not generated.",
    FILE_NOT_FOUND: "Job run result data file is damaged or replaced.",
    NAME_REQUIRED: "Job name is required.",
    NAME_TAKEN: "A job with same name already exists.",
    REPEAT_REQUIRED: "Job repeat scheduled is required.",
    INVALID_REPEAT: "Repeat schedule is invalid.",
    INVALID_TIME: "Scheduled time is invalid.",
    END_BEFORE_START: "Job end-date is before start-date.",
    INVALID_TYPE: "Job type is invalid.",
    EXTERNAL_FORBIDDEN: "Jobs of type EXTERNAL are not allowed.",
    TASK_REQUIRED: "Job implementation class is required.",
    INVALID_TASK: "Job implementation class is invalid.",
    QUERY_REQUIRED: "Saved query ID is required.",
}


@dataclass(frozen=True)
class Problem:
    code: str
    message: str


def problem(code: str, message: str = "") -> Problem:
    """One that OpenSpecimen has a code for, in its words unless there are better ones."""
    return Problem(code, message or MESSAGES[code])


class RejectedError(CarillonError):
    """A request was refused, for all the reasons in ``problems``."""

    code = "rejected"

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("; ".join(problem.message for problem in problems))
        self.problems = problems


class UserError(RejectedError):
    """A mistake that OpenSpecimen has a code for."""

    def __init__(self, code: str) -> None:
        super().__init__([problem(code)])


class LoginError(CarillonError):
    """Login name and password do not belong together."""

    code = "AUTH_INVALID_CREDENTIALS"


@blueprint.errorhandler(CarillonError)
def refused(error: CarillonError) -> Response:
    match error:
        case RejectedError():
            return _array(BadRequest(), error.problems)
        case InvalidError():
            return _array(BadRequest(), [Problem(INVALID_REQUEST, wrong.message) for wrong in error.errors])
        case LoginError():
            return _array(Unauthorized(), [Problem(error.code, error.message)])
        case UnauthenticatedError():
            message = "You must supply valid credentials to access the OpenSpecimen REST API"
            return _array(Unauthorized(), [Problem("UNAUTHORIZED", message)])
        case ForbiddenError():
            return _array(BadRequest(), [Problem("RBAC_ACCESS_DENIED", error.message)])
        case UnavailableError():
            return _array(ServiceUnavailable(), [Problem("SERVICE_UNAVAILABLE", error.message)])
    code = NOT_ALLOWED if error.code == "system_job" else INVALID_REQUEST
    return _array(BadRequest(), [Problem(code, error.message)])


@blueprint.errorhandler(HTTPException)
def answer(error: HTTPException) -> Response:
    """Answer for an unknown URL, a wrong method, an unsatisfiable range ..."""
    found = Problem(error.name.upper().replace(" ", "_"), error.description or error.name)
    return _array(BadRequest() if error.code == 404 else error, [found])  # theirs is 400, whatever is not found


@blueprint.errorhandler(Exception)
def failed(error: Exception) -> Response:
    return answer(unexpected(error))


def _array(http: HTTPException, problems: Sequence[Problem]) -> Response:
    """Their page shows messages as HTML: what a client sent must not become a part of it."""
    body = [{"code": one.code, "message": html.escape(one.message, quote=False)} for one in problems]
    return bodies.write(body, http.code or 500, bodies.refusal_headers(http))
