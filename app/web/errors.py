"""From the core's errors, and from those that nobody expected, to HTTP."""

import logging

from flask import request
from werkzeug.exceptions import HTTPException, InternalServerError

from app.core.errors import (
    CarillonError,
    ConflictError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    UnavailableError,
)
from app.web.auth import UnauthenticatedError

log = logging.getLogger(__name__)

RETRY_AFTER = "2"  # seconds


def unexpected(error: Exception) -> HTTPException:
    """Log what nobody expected; the answer tells nothing of it."""
    log.exception("%s %s failed", request.method, request.path, exc_info=error)
    return InternalServerError()


STATUS = {
    UnauthenticatedError: 401,
    ForbiddenError: 403,
    NotFoundError: 404,
    ConflictError: 409,
    InvalidError: 422,
    UnavailableError: 503,
}


def status_of(error: CarillonError) -> int:
    """The plain HTTP status of a core error; dialects with manners of their own have their own table."""
    return next((status for kind, status in STATUS.items() if isinstance(error, kind)), 400)


def as_http(error: CarillonError) -> HTTPException:
    http = HTTPException(error.message)
    http.code = status_of(error)
    return http
