"""From errors to OpenSpecimen's array of codes and messages."""

from collections.abc import Iterable

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

MESSAGES = {
    JOB_NOT_FOUND: "Job does not exist.",
    RUN_NOT_FOUND: "Job run does not exist.",
    FILE_NOT_AVAILABLE: "Job run result data file is not generated.",
    FILE_NOT_FOUND: "Job run result data file is damaged or replaced.",
}


class UserError(CarillonError):
    """A mistake that OpenSpecimen has a code for."""

    def __init__(self, code: str) -> None:
        super().__init__(MESSAGES[code], code=code)


class LoginError(CarillonError):
    """Login name and password do not belong together."""

    code = "AUTH_INVALID_CREDENTIALS"


@blueprint.errorhandler(CarillonError)
def refused(error: CarillonError) -> Response:
    match error:
        case UserError():
            return _array(BadRequest(), [(error.code, error.message)])
        case InvalidError():
            return _array(BadRequest(), [(INVALID_REQUEST, problem.message) for problem in error.errors])
        case LoginError():
            return _array(Unauthorized(), [(error.code, error.message)])
        case UnauthenticatedError():
            message = "You must supply valid credentials to access the OpenSpecimen REST API"
            return _array(Unauthorized(), [("UNAUTHORIZED", message)])
        case ForbiddenError():
            return _array(BadRequest(), [("RBAC_ACCESS_DENIED", error.message)])
        case UnavailableError():
            return _array(ServiceUnavailable(), [("SERVICE_UNAVAILABLE", error.message)])
    return _array(BadRequest(), [(INVALID_REQUEST, error.message)])


@blueprint.errorhandler(HTTPException)
def answer(error: HTTPException) -> Response:
    """Answer for an unknown URL, a wrong method, an unsatisfiable range ..."""
    problem = (error.name.upper().replace(" ", "_"), error.description or error.name)
    return _array(BadRequest() if error.code == 404 else error, [problem])  # theirs is 400, whatever is not found


@blueprint.errorhandler(Exception)
def failed(error: Exception) -> Response:
    return answer(unexpected(error))


def _array(http: HTTPException, problems: Iterable[tuple[str, str]]) -> Response:
    body = [{"code": code, "message": message} for code, message in problems]
    return bodies.write(body, http.code or 500, bodies.refusal_headers(http))
