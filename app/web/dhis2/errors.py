"""From errors to WebMessages."""

from flask import Response, request
from werkzeug.exceptions import HTTPException

from app.core.errors import CarillonError, ConflictError, ForbiddenError, InvalidError, NotFoundError, UnavailableError
from app.web.auth import UnauthenticatedError
from app.web.bodies import MalformedBodyError, refusal_headers
from app.web.dhis2.json_patch import PatchError
from app.web.dhis2.messages import Report, object_report, web_message
from app.web.dhis2.routes import blueprint
from app.web.errors import unexpected

REJECTED = "One or more errors occurred, please see full details in import report."


class QueryError(CarillonError):
    """The parameters of a list make no sense."""

    code = "query"


class RejectedError(CarillonError):
    """A job configuration was refused, for all the reasons in ``reports``."""

    code = "rejected"

    def __init__(self, uid: str, reports: list[Report]) -> None:
        super().__init__(REJECTED)
        self.uid = uid
        self.reports = reports


STATUS = {
    UnauthenticatedError: (401, None),
    ForbiddenError: (403, "E1006"),
    NotFoundError: (404, "E1005"),
    QueryError: (400, None),
    PatchError: (400, None),
    MalformedBodyError: (409, None),
    InvalidError: (409, None),
    ConflictError: (409, "E1004"),
    UnavailableError: (503, None),
}


@blueprint.errorhandler(RejectedError)
def rejected(error: RejectedError) -> Response:
    return object_report(409, error.uid, message=error.message, reports=error.reports)


@blueprint.errorhandler(CarillonError)
def refused(error: CarillonError) -> Response:
    status, code = next((STATUS[kind] for kind in STATUS if isinstance(error, kind)), (409, None))
    http = HTTPException()
    http.code = status
    return web_message(status, _words(error), error_code=code, headers=refusal_headers(http))


@blueprint.errorhandler(HTTPException)
def answer(error: HTTPException) -> Response:
    """Answer for an unknown URL, a wrong method, a body that is too long ..."""
    status = error.code or 500
    code = "E1005" if status == 404 else None
    return web_message(status, error.description or error.name, error_code=code, headers=refusal_headers(error))


@blueprint.errorhandler(Exception)
def failed(error: Exception) -> Response:
    return answer(unexpected(error))


def _words(error: CarillonError) -> str:
    uid = (request.view_args or {}).get("uid")
    if isinstance(error, NotFoundError) and uid:
        return f"JobConfiguration with id {uid} could not be found."
    if isinstance(error, InvalidError):
        return "; ".join(problem.message for problem in error.errors)
    return error.message
