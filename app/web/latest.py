"""GET /r/JOB/latest: a job's newest result under an address that stays, for the programs that fetch it.

Answers are files, and errors are one sentence of plain text: who reads them reads a log of cron, or a terminal.
"""

import re
from datetime import timedelta

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from app.core.errors import CarillonError, InvalidError, NotFoundError, UnavailableError
from app.core.models import Job
from app.web import bodies
from app.web.auth import Right, allow, services
from app.web.downloads import send
from app.web.errors import as_http, unexpected

blueprint = Blueprint("latest", __name__)

AGE = re.compile(r"(\d{1,9})([smhdw]?)", re.ASCII)
UNITS = {"": "seconds", "s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
LONGEST = timedelta(days=36_500)


@blueprint.get("/r/<path:job>/latest")
@allow(Right.SEE)
def latest(job: str) -> Response:
    found, asked = _job(job), _max_age(request.args.get("max_age"))
    max_age = services().contracts.freshness(found.id) if asked is None else asked
    file = services().results.latest(found, max_age=max_age)
    response = send(file)
    response.headers["X-Run-Id"] = str(file.run_id)
    return response


def _job(named: str) -> Job:
    """By its uid, else by its name. Raises ``NotFoundError``."""
    try:
        return services().jobs.get(named)
    except NotFoundError:
        pass
    try:
        return services().jobs.get_by_name(named)
    except NotFoundError:
        raise NotFoundError(f"no job has the uid or the name {named!r}") from None


def _max_age(text: str | None) -> timedelta | None:
    """``3600``, ``24h``, ``7d``. Raises ``InvalidError``."""
    if text is None:
        return None
    found = AGE.fullmatch(text)
    if found is None:
        raise InvalidError.of("max_age", f"{text!r} is no age: write seconds, or a number with m, h, d or w, as 24h")
    try:
        return min(timedelta(**{UNITS[found[2]]: int(found[1])}), LONGEST)
    except OverflowError:
        return LONGEST


@blueprint.errorhandler(HTTPException)
def answer(error: HTTPException) -> Response:
    response = Response(f"{error.description or error.name}\n", error.code or 500, mimetype="text/plain")
    response.headers.extend(bodies.refusal_headers(error))
    return response


@blueprint.errorhandler(CarillonError)
def refused(error: CarillonError) -> Response:
    response = answer(as_http(error))
    if isinstance(error, UnavailableError) and error.code == "stale":
        del response.headers["Retry-After"]  # a new result comes when it comes
    return response


@blueprint.errorhandler(Exception)
def failed(error: Exception) -> Response:
    return answer(unexpected(error))
