"""From errors to Sunbird's envelope. Who is no administrator is not authorized, whoever that is."""

from flask import Response
from werkzeug.exceptions import HTTPException

from app.core.errors import CarillonError, ConflictError, ForbiddenError, NotFoundError
from app.web.auth import UnauthenticatedError
from app.web.bodies import refusal_headers
from app.web.errors import as_http, unexpected
from app.web.sunbird.envelope import failure
from app.web.sunbird.routes import blueprint

WORDS = {
    401: ("UNAUTHORIZED_USER", "You are not authorized."),
    404: ("RESOURCE_NOT_FOUND", "Requested resource not found"),
    500: ("INTERNAL_ERROR", "Process failed,please try again later."),
}
RUNNING = ("JOB_ALREADY_RUNNING", "Job currently in running state, pleas try after sometime")  # sic: a contract


@blueprint.errorhandler(CarillonError)
def refused(error: CarillonError) -> Response:
    http = as_http(error)
    match error:
        case UnauthenticatedError() | ForbiddenError():
            http.code = 401
        case ConflictError():
            http.code = 400
            words = RUNNING if error.code == "already_running" else (error.code.upper(), error.message)
            return failure(400, *words, refusal_headers(http))
        case NotFoundError():
            http.code = 404
    return answer(http)


@blueprint.errorhandler(HTTPException)
def answer(error: HTTPException) -> Response:
    """Answer for an unknown URL, a wrong method ..."""
    status = error.code or 500
    other = (error.name.upper().replace(" ", "_"), error.description or error.name)
    return failure(status, *WORDS.get(status, other), refusal_headers(error))


@blueprint.errorhandler(Exception)
def failed(error: Exception) -> Response:
    return answer(unexpected(error))
