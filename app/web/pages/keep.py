"""How many of a job's results are kept, with what that deletes; and pins."""

import re
from collections.abc import Mapping, Sequence

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import FieldError, InvalidError
from app.core.keeping import Doomed, Rule
from app.core.models import Job
from app.web.auth import Right, allow, services
from app.web.pages.links import local_path
from app.web.pages.problems import Problems, attempt
from app.web.pages.site import pages

NUMBER = re.compile(r"\d{1,12}", re.ASCII)
MEGABYTE = 1_000_000
SHOWN = 100  # files of those that would be deleted


@pages.get("/jobs/<uid>/keep")
@allow(Right.EDIT)
def keep_rule(uid: str) -> str:
    job = services().jobs.get(uid)
    rule = services().keeping.rule(job.id)
    return _page(job, _values(rule), services().keeping.preview(job.id, rule))


def _values(rule: Rule) -> dict[str, str]:
    megabytes = None if rule.bytes is None else rule.bytes // MEGABYTE
    given = {"days": rule.days, "count": rule.count, "megabytes": megabytes}
    return {name: "" if value is None else str(value) for name, value in given.items()}


@pages.post("/jobs/<uid>/keep")
@allow(Right.EDIT)
def save_keep_rule(uid: str) -> ResponseReturnValue:
    """What would be deleted is shown first; the button under it confirms just that."""
    job, values = services().jobs.get(uid), request.form.to_dict()
    found: list[Doomed] = []
    problems = attempt(lambda: found.extend(services().keeping.preview(job.id, _rule(values))), _field_of)
    if problems:
        return _page(job, values, [], problems), 422
    if found and values.get("confirmed") != _told(values):
        return _page(job, values, found, asks=True)
    services().keeping.save(job.id, _rule(values))
    flash("The keep-rule was saved." + (" Within a minute it deletes what it said." if found else ""))
    return redirect(url_for("pages.job", uid=uid), 303)


def _told(values: Mapping[str, str]) -> str:
    """The rule of which it was shown what it deletes: another one has to be shown anew."""
    return "/".join(values.get(name, "").strip() for name in ("days", "count", "megabytes"))


def _field_of(name: str) -> str:
    return "megabytes" if name == "bytes" else name


def _rule(values: Mapping[str, str]) -> Rule:
    """Raises ``InvalidError``."""
    texts = {name: values.get(name, "").strip() for name in ("days", "count", "megabytes")}
    wrong = [
        name for name, text in texts.items() if text and not (text.isascii() and text.isdigit() and len(text) < 13)
    ]
    if wrong:
        raise InvalidError([FieldError(name, "a whole number, or nothing") for name in wrong])
    days, count, megabytes = (int(text) if text else None for text in texts.values())
    return Rule(days, count, None if megabytes is None else megabytes * MEGABYTE)


def _page(
    job: Job, values: Mapping[str, str], deletes: Sequence[Doomed], problems: Problems | None = None, *,
    asks: bool = False,
) -> str:  # fmt: skip
    return render_template(
        "jobs/keep.html", job=job, values=values, problems=problems or [], deletes=deletes[:SHOWN],
        total=len(deletes), size=sum(each.file.size for each in deletes), asks=_told(values) if asks else "",
    )  # fmt: skip


@pages.post("/results/<int:file_id>/pin")
@allow(Right.RUN)
def pin_result(file_id: int) -> ResponseReturnValue:
    return _pinned(file_id, True)


@pages.post("/results/<int:file_id>/unpin")
@allow(Right.RUN)
def unpin_result(file_id: int) -> ResponseReturnValue:
    return _pinned(file_id, False)


def _pinned(file_id: int, pinned: bool) -> ResponseReturnValue:
    made = services().keeping.pin(file_id, pinned=pinned)
    flash(f"“{made.name}” is kept for good." if pinned else f"“{made.name}” is kept as long as its job says.")
    return redirect(local_path(request.form.get("next")), 303)
