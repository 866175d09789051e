"""A job's result contract: what it says, and results that it holds."""

import re
from collections.abc import Mapping

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.contracts import Contract
from app.core.errors import FieldError, InvalidError
from app.core.models import Job
from app.core.terms import Terms
from app.web.auth import Right, allow, current_actor, services
from app.web.pages.links import local_path
from app.web.pages.problems import Problems, attempt
from app.web.pages.site import pages

NUMBERS = ("least_rows", "most_rows")
SAVED_OFF = "The result contract was saved. It is switched off: no result is held."
HOURS = re.compile(r"\d{1,7}(\.\d{1,9})?", re.ASCII)


@pages.get("/jobs/<uid>/contract")
@allow(Right.EDIT)
def contract(uid: str) -> str:
    job = services().jobs.get(uid)
    found = services().contracts.of_job(job.id)
    return _page(job, found, _values(found), [])


def _values(contract: Contract) -> dict[str, str]:
    terms = contract.terms or Terms()
    hours = None if terms.max_age_seconds is None else terms.max_age_seconds / 3600
    texts = {"least_rows": terms.least_rows, "most_rows": terms.most_rows, "max_age_hours": hours}
    shown = {name: "" if value is None else f"{value:.12g}" if name == "max_age_hours" else str(value)
             for name, value in texts.items()}  # fmt: skip
    types = "\n".join(f"{name} = {type_}" for name, type_ in (terms.types or {}).items())
    lists = {"columns": "\n".join(terms.columns or ()), "unique_key": "\n".join(terms.unique_key or ())}
    return shown | lists | {"on": "on" if contract.is_on else "", "types": types}


@pages.post("/jobs/<uid>/contract")
@allow(Right.EDIT)
def save_contract(uid: str) -> ResponseReturnValue:
    job, values = services().jobs.get(uid), request.form.to_dict()
    problems = attempt(lambda: _store(job, values), lambda name: name.replace("max_age_seconds", "max_age_hours"))
    if problems:
        return _page(job, services().contracts.of_job(job.id), values, problems), 422
    flash("The result contract was saved." if values.get("on") else SAVED_OFF)
    return redirect(url_for("pages.job", uid=uid), 303)


def _store(job: Job, values: Mapping[str, str]) -> None:
    """Raises ``InvalidError``. An empty form with the switch on learns."""
    wrong = [FieldError(name, "a whole number, or nothing") for name in NUMBERS if not _reads(values, name)]
    hours = values.get("max_age_hours", "").strip()
    if hours and not HOURS.fullmatch(hours):
        wrong.append(FieldError("max_age_hours", "a number of hours as 24 or 0.5, or nothing"))
    if wrong:
        raise InvalidError(wrong)
    columns, key = _lines(values, "columns"), _lines(values, "unique_key")
    least, most = (_number(values, name) for name in NUMBERS)
    max_age = round(float(hours) * 3600) if hours else None
    terms = Terms(columns or None, least, most, max_age, key or None, _types(values) or None)
    wanted = None if terms == Terms() or "learn" in values else terms
    services().contracts.save(job.id, wanted, is_on=bool(values.get("on")), by=current_actor().name)


def _lines(values: Mapping[str, str], name: str) -> list[str]:
    return [line.strip() for line in values.get(name, "").splitlines() if line.strip()]


def _types(values: Mapping[str, str]) -> dict[str, str]:
    """Lines of ``name = type``. Raises ``InvalidError``."""
    found = {}
    for line in _lines(values, "types"):
        name, equals, type_ = line.rpartition("=")
        if not equals:
            raise InvalidError.of("types", f"{line!r} is no column with its type: write name = type")
        found[name.strip()] = type_.strip()
    return found


def _reads(values: Mapping[str, str], name: str) -> bool:
    text = values.get(name, "").strip()
    return not text or (text.isascii() and text.isdigit() and len(text) <= 15)


def _number(values: Mapping[str, str], name: str) -> int | None:
    text = values.get(name, "").strip()
    return int(text) if text else None


def _page(job: Job, found: Contract, values: Mapping[str, str], problems: Problems) -> str:
    return render_template("jobs/contract.html", job=job, contract=found, values=values, problems=problems)


@pages.post("/jobs/<uid>/contract/switch")
@allow(Right.EDIT)
def switch_contract(uid: str) -> ResponseReturnValue:
    switched = services().contracts.switch(services().jobs.get(uid).id, current_actor().name)
    flash(f"The result contract is {'on: results that break it are held' if switched.is_on else 'off'}.")
    return redirect(url_for("pages.job", uid=uid), 303)


@pages.post("/results/<int:file_id>/accept")
@allow(Right.EDIT)
def accept_result(file_id: int) -> ResponseReturnValue:
    made = services().contracts.accept(file_id, current_actor().name)
    flash(f"“{made.name}” was accepted, and the contract of “{made.job_name}” takes results like it from now on.")
    return redirect(local_path(request.form.get("next")), 303)
