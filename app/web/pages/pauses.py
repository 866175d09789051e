"""Pauses: what holds now, what held, and how to begin and end one."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import CarillonError, NotFoundError
from app.core.models import Job, Pause
from app.core.statuses import PauseScope
from app.web.auth import Right, allow, current_actor, services
from app.web.pages.links import local_path, whole_number
from app.web.pages.problems import Problems, attempt
from app.web.pages.site import pages
from app.web.pages.trigger_card import read_moment

MOST_ENDED = 20


@dataclass(frozen=True)
class Subject:
    """What is paused, or is to be; with the job that it is about, or whose trigger."""

    scope: PauseScope
    name: str
    job: Job | None = None

    @property
    def key(self) -> str:
        """As ``_subject`` reads it."""
        return f"{self.scope.value}:{self.name}" if self.name else self.scope.value

    @property
    def words(self) -> str:
        about = f"“{self.job.name}”" if self.job else self.name
        match self.scope:
            case PauseScope.ALL:
                return "everything"
            case PauseScope.GROUP:
                return f"the group “{self.name}”"
            case PauseScope.JOB:
                return about
        return f"trigger {self.name} of {about}" if self.job else f"trigger {self.name}"


@pages.app_template_filter()
def capital(words: str) -> str:
    """The rest stays as it is: names keep their letters."""
    return words[:1].upper() + words[1:]


@pages.app_template_filter()
def paused_words(pause: Pause, jobs: Mapping[int, Job]) -> str:
    return Subject(pause.scope, pause.name, jobs.get(pause.id)).words


@pages.app_context_processor
def pause_of_everything() -> dict[str, object]:
    return {"paused_all": paused_all}


def paused_all() -> Pause | None:
    """The pause of everything; also for the error page of a database that is away, which knows none."""
    try:
        return next((pause for pause in services().pauses.current() if pause.scope is PauseScope.ALL), None)
    except CarillonError:
        return None


@pages.get("/pauses")
@allow(Right.SEE)
def pauses() -> str:
    current, ended = services().pauses.current(), services().pauses.ended(MOST_ENDED)
    return render_template(
        "pauses/index.html", current=current, ended=ended, jobs=services().pauses.jobs([*current, *ended])
    )  # fmt: skip


@pages.get("/pauses/new")
@allow(Right.EDIT)
def new_pause() -> str:
    """The form; ``?what=`` says what is meant, as ``_subject`` reads it, else it asks."""
    return _form(request.args, [])


@pages.post("/pauses/new")
@allow(Right.EDIT)
def begin_pause() -> ResponseReturnValue:
    form, made = request.form, list[Pause]()
    what, (until, problems) = _subject(form.get("what", "")), _until(form.get("until", ""))
    reason = form.get("reason", "").strip()
    if not problems:
        begin, by = services().pauses.begin, current_actor().name
        problems = attempt(lambda: made.append(begin(what.scope, what.name, by, until=until, reason=reason)))
    if problems:
        return _form(form, problems), 422
    flash(f"Paused: {what.words}. What runs now goes on.")
    return redirect(local_path(form.get("next") or url_for("pages.pauses")), 303)


def _form(values: Mapping[str, str], problems: Problems) -> str:
    what = _subject(values["what"]) if values.get("what") else None
    leads_on = local_path(values["next"]) if values.get("next") else ""
    shown = {"until": values.get("until", ""), "reason": values.get("reason", ""), "next": leads_on}
    return render_template(
        "pauses/form.html", what=what, values=shown, problems=problems, groups=services().jobs.groups()
    )  # fmt: skip


def _subject(text: str) -> Subject:
    """``all``, ``group:<name>``, ``job:<uid>`` or ``trigger:<id>``. Raises ``NotFoundError``."""
    scope, _, name = text.partition(":")
    match scope:
        case PauseScope.ALL:
            return Subject(PauseScope.ALL, "")
        case PauseScope.GROUP:
            return Subject(PauseScope.GROUP, name)
        case PauseScope.JOB:
            return Subject(PauseScope.JOB, name, services().jobs.get_any(name))
        case PauseScope.TRIGGER if whole_number(name) is not None:
            return Subject(PauseScope.TRIGGER, name, services().jobs.of_trigger(int(name)))
    raise NotFoundError("there is nothing of this kind to pause")


def _until(text: str) -> tuple[datetime | None, Problems]:
    """The moment on the server's clock, ``None`` when left empty, and what is wrong with it."""
    text = text.strip()
    moment = read_moment(text, services().settings.timezone) if text else None
    wrong = bool(text) and moment is None
    return moment, [("until", f"“{text}” is no date and time; an example: 2026-12-24T18:00.")] if wrong else []


@pages.post("/pauses/<int:pause_id>/end")
@allow(Right.EDIT)
def end_pause(pause_id: int) -> ResponseReturnValue:
    if pause_id >= 2**63:
        raise NotFoundError(f"no pause {pause_id}")
    pause = services().pauses.end(pause_id, current_actor().name)
    flash(f"Resumed: {paused_words(pause, services().pauses.jobs([pause]))}. What came due is decided now.")
    return redirect(local_path(request.form.get("next") or url_for("pages.pauses")), 303)
