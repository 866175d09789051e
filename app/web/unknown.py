"""Who answers for an unknown URL, and for an error outside of every dialect.

Flask never calls a blueprint's handler for an unmatched URL: this dispatcher does, by the longest known prefix.
"""

import re
from collections.abc import Callable

from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from app.core import tallies
from app.core.errors import CarillonError
from app.web import control, dhis2, latest, openspecimen, pages, sunbird, v1
from app.web.errors import as_http, unexpected

Answer = Callable[[HTTPException], ResponseReturnValue]


ANSWERS: list[tuple[re.Pattern[str], Answer]] = [
    (re.compile(r"^/api/(jobConfigurations?|scheduling|scheduler|system|\d+)(/|$)"), dhis2.answer),
    (re.compile(r"^(/api)?/v1/backgroundtasks(/|$)"), sunbird.answer),
    (re.compile(r"^/api/v1(/|$)"), v1.answer),
    (re.compile(r"^/api/docs/?$"), pages.answer),
    (re.compile(r"^/api(/|$)"), control.answer),
    (re.compile(r"^(/openspecimen)?/rest/ng/|^(/openspecimen)?/sessions$|/scheduled-jobs(/|$)"), openspecimen.answer),
    (re.compile(r"^/r/|^/metrics$"), latest.answer),
    (re.compile(r""), pages.answer),
]


def init_app(app: Flask) -> None:
    app.register_error_handler(HTTPException, _dispatch)
    app.register_error_handler(CarillonError, lambda error: _dispatch(as_http(error)))
    app.register_error_handler(Exception, lambda error: _dispatch(unexpected(error)))


def _dispatch(error: HTTPException) -> ResponseReturnValue:
    if isinstance(error, CSRFError):
        tallies.security.add("csrf")
    answer = next(answer for pattern, answer in ANSWERS if pattern.search(request.path))
    return answer(error)
