"""How long history is kept, of the site and of jobs that differ, with what that removes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import FieldError, InvalidError
from app.core.retention_plan import Preview
from app.core.retention_rules import DEFAULTS, OF_JOBS, Rules
from app.web.auth import Right, allow, current_actor, services
from app.web.pages.links import whole_number
from app.web.pages.problems import Problems, attempt
from app.web.pages.site import pages

MEGABYTE = 1_000_000
FOR_EVER = "all"
"""In the fields of a job, where nothing means: as the site."""


@dataclass(frozen=True)
class Field:
    name: str
    label: str
    unit: int = 1  # what is typed times this is what is stored
    help: str = ""


SITE = (
    ("Runs", "What ran, and how it ended. A run stays as long as one of its results, while it waits for an answer, and "
     "while its job shows it as the last.", (
        Field("run_days", "Days"),
        Field("run_count", "Newest of each job"),
    )),
    ("Moments without a run", "Moments at which a job was due and was skipped or missed. One with a run goes with its "
     "run; one that waits for an answer stays.", (
        Field("moment_days", "Days"),
        Field("moment_count", "Newest of each job", help="Those with a run counted."),
    )),
    ("Logs", "Logs and progress trees go before their runs. Of a long log the beginning and the end are kept.", (
        Field("log_days", "Days"),
        Field("log_lines", "Lines of one run"),
        Field("log_bytes", "Megabytes of one run", MEGABYTE),
    )),
    ("Results", "For jobs without a keep-rule of their own. Pinned results stay, and the newest of each job.", (
        Field("result_days", "Days"),
        Field("result_count", "Newest of each job"),
        Field("result_bytes", "Megabytes of each job", MEGABYTE),
    )),
    ("All results together", "Beyond this the oldest go, whatever the keep-rules say; never a pinned one, nor the "
     "newest of a job.", (
        Field("folder_bytes", "Megabytes", MEGABYTE),
        Field("folder_percent", "Percent of the disk"),
    )),
)  # fmt: skip
FIELDS = {field.name: field for _, _, group in SITE for field in group}
KIND_WORDS = {
    "run": ("run", "Runs, with their moments"),
    "moment": ("moment", "Moments without a run"),
    "log": ("line", "Lines of logs"),
    "tree": ("tree", "Progress trees"),
    "result": ("result", "Results"),
    "orphan": ("orphan", "Orphans"),
}
"""A word that is counted, and the head of a row."""


# The site


@pages.get("/retention")
@allow(Right.EDIT)
def retention() -> str:
    return _site_page(_texts(asdict(services().retention.rules())), services().retention.preview())


@pages.post("/retention")
@allow(Right.EDIT)
def save_retention() -> ResponseReturnValue:
    """What would be removed is shown first; the button under it confirms just that."""
    values, told = request.form.to_dict(), _told(request.form, FIELDS)
    found: list[tuple[Rules, Preview]] = []
    problems = attempt(lambda: found.append(_site_asked(values)))
    if problems:
        return _site_page(values, None, problems), 422
    rules, preview = found[0]
    if not preview.is_nothing and values.get("confirmed") != told:
        return _site_page(values, preview, asks=told)
    services().retention.save(rules, current_actor().name)
    flash("The rules were saved." + ("" if preview.is_nothing else " The upkeep begins to remove what they say."))
    return redirect(url_for("pages.retention"), 303)


def _site_asked(values: Mapping[str, str]) -> tuple[Rules, Preview]:
    """Raises ``InvalidError``."""
    rules = Rules(**_numbers(values, FIELDS, None))
    return rules, services().retention.preview(rules)


def _site_page(
    values: Mapping[str, str], preview: Preview | None, problems: Problems | None = None, *, asks: str = ""
) -> str:
    retention = services().retention
    return render_template(
        "retention/index.html", groups=SITE, values=values, defaults=_texts(asdict(DEFAULTS)), problems=problems or [],
        preview=preview, asks=asks, begins_at=retention.begins_at(), removals=retention.removals(),
        over=services().keeping.over_budget(), kinds=KIND_WORDS, is_sqlite=services().db.is_sqlite,
    )  # fmt: skip


# Jobs that differ


@pages.get("/jobs/<uid>/retention")
@allow(Right.EDIT)
def job_retention(uid: str) -> str:
    differing = services().retention.differing(uid)
    return _job_page(uid, _own_texts(differing), services().retention.preview_of(uid, differing))


@pages.post("/jobs/<uid>/retention")
@allow(Right.EDIT)
def save_job_retention(uid: str) -> ResponseReturnValue:
    values, told = request.form.to_dict(), _told(request.form, OF_JOBS)
    found: list[tuple[dict[str, int | None], Preview]] = []
    problems = attempt(lambda: found.append(_job_asked(uid, values)))
    if problems:
        return _job_page(uid, values, None, problems), 422
    differing, preview = found[0]
    if not preview.is_nothing and values.get("confirmed") != told:
        return _job_page(uid, values, preview, asks=told)
    services().retention.save_differing(uid, differing)
    flash("The rules were saved." + ("" if preview.is_nothing else " The upkeep begins to remove what they say."))
    return redirect(url_for("pages.job_retention", uid=uid), 303)


def _job_asked(uid: str, values: Mapping[str, str]) -> tuple[dict[str, int | None], Preview]:
    """Raises ``InvalidError``, ``NotFoundError``."""
    given = {name: values[name] for name in OF_JOBS if values.get(name, "").strip()}
    differing = _numbers(given, given, FOR_EVER)
    return differing, services().retention.preview_of(uid, differing)


def _job_page(
    uid: str, values: Mapping[str, str], preview: Preview | None, problems: Problems | None = None, *, asks: str = ""
) -> str:
    job = services().jobs.get_any(uid)
    of_site = _texts(asdict(services().retention.rules()))
    groups = [(title, words, _of_job(group)) for title, words, group in SITE[:3]]
    return render_template(
        "retention/job.html", job=job, groups=groups, values=values, of_site=of_site, problems=problems or [],
        preview=preview, asks=asks, kinds=KIND_WORDS,
    )  # fmt: skip


def _of_job(group: Sequence[Field]) -> list[Field]:
    return [replace(field, label=field.label.replace(" of each job", "")) for field in group if field.name in OF_JOBS]


# Texts and numbers


def _texts(rules: Mapping[str, int | None]) -> dict[str, str]:
    """As they are typed: nothing asks for nothing."""
    return {name: "" if rules[name] is None else f"{(rules[name] or 0) // FIELDS[name].unit}" for name in rules}


def _own_texts(differing: Mapping[str, int | None]) -> dict[str, str]:
    return {name: text or FOR_EVER for name, text in _texts(differing).items()}


def _numbers(values: Mapping[str, str], names: Any, for_ever: str | None) -> dict[str, Any]:
    """Raises ``InvalidError``."""
    numbers: dict[str, Any] = {}
    wrong = []
    for name in names:
        text = values.get(name, "").strip()
        number = whole_number(text)
        if text and text.lower() != for_ever and number is None:
            wrong.append(FieldError(name, f"a whole number, or {'nothing' if for_ever is None else repr(for_ever)}"))
        numbers[name] = None if number is None else number * FIELDS[name].unit
    if wrong:
        raise InvalidError(wrong)
    return numbers


def _told(values: Mapping[str, str], names: Any) -> str:
    """The rules of which it was shown what they remove: others have to be shown anew."""
    return "/".join(values.get(name, "").strip() for name in names)
