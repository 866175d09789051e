"""From errors to ``{"error": ...}``. Errors of the application are answered with 200, as the real server does."""

from flask import Response, jsonify, request
from werkzeug.exceptions import Forbidden, HTTPException, ServiceUnavailable

from app.core.errors import CarillonError, ForbiddenError, NotFoundError, UnavailableError
from app.web import bodies
from app.web.control.routes import ACTIONS, blueprint
from app.web.errors import unexpected


@blueprint.errorhandler(CarillonError)
def refused(error: CarillonError) -> Response:
    match error:
        case ForbiddenError():
            return _error(error.message, Forbidden())
        case UnavailableError():
            return _error(error.message, ServiceUnavailable())
        case NotFoundError():
            return _error("Invalid job.")
    return _error(f"{ACTIONS[request.endpoint or '']}:\n{error.message}")


@blueprint.errorhandler(HTTPException)
def answer(error: HTTPException) -> Response:
    """Answer for an unknown address or method (404, as the real server does), a large body, a crash ..."""
    return _error(str(error), error)


@blueprint.errorhandler(Exception)
def failed(error: Exception) -> Response:
    return answer(unexpected(error))


def _error(message: str, http: HTTPException | None = None) -> Response:
    response = jsonify({"error": message})
    if http is not None:
        response.status_code = 404 if http.code == 405 else http.code or 500
        response.headers.update(bodies.refusal_headers(http))
    return response
