"""The form for a new queue and for one that exists. Its steps are put in order by plain buttons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.models import Job
from app.core.queues import MAX_NAME, MOST_STEPS, QueueSpec, StepSpec
from app.core.statuses import OnFailure
from app.web.auth import Right, allow, current_actor, services
from app.web.pages import schedule_form
from app.web.pages.job_form import schedule_choices
from app.web.pages.problems import Problems, attempt
from app.web.pages.schedule_form import Schedule
from app.web.pages.schedule_preview import preview as preview_of
from app.web.pages.site import now, pages
from app.web.pages.words import RULES

STEP_BUTTONS = ("step_add", "step_up", "step_down", "step_drop")
MOST_OFFERED = 200
"""More jobs than this are no list to choose from: then the name is typed."""


@dataclass(frozen=True)
class Step:
    """A line of the form; ``name`` is empty for a job that is gone."""

    uid: str
    rule: str
    name: str = ""
    enabled: bool = True


@dataclass(frozen=True)
class QueueForm:
    values: Mapping[str, str]
    steps: Sequence[Step]
    schedule: Schedule
    queue: Job | None = None
    problems: Problems = field(default_factory=list)
    changed: str = ""  # the uid of the step that a button has just moved or added


@pages.get("/queues/new")
@allow(Right.EDIT)
def new_queue() -> str:
    values = {"name": "", "enabled": "on"}
    return _page(QueueForm(values, (), Schedule([schedule_form.blank(services().settings.timezone)])))


@pages.post("/queues/new")
@allow(Right.EDIT)
def create_queue() -> ResponseReturnValue:
    form = _sent(None)
    if _is_button():
        return _page(form)
    made: list[Job] = []
    problems = _save(form, lambda spec: made.append(services().queues.create(spec, by=current_actor().name)))
    if problems:
        return _page(replace(form, problems=problems)), 422
    flash(f"“{made[0].name}” was created.")
    return redirect(url_for("pages.queue", uid=made[0].uid), 303)


@pages.get("/queues/<uid>/edit")
@allow(Right.EDIT)
def edit_queue(uid: str) -> str:
    queue = services().queues.get(uid)
    values = {
        "name": queue.name, "description": queue.description, "enabled": "on" if queue.enabled else "",
        "version": str(queue.version),
    }  # fmt: skip
    steps = [Step(step.job.uid, step.on_failure, step.job.name, step.job.enabled) for step in queue.steps]
    return _page(QueueForm(values, steps, schedule_form.of_job(queue.triggers, services().settings.timezone), queue))


@pages.post("/queues/<uid>/edit")
@allow(Right.EDIT)
def save_queue(uid: str) -> ResponseReturnValue:
    queue = services().queues.get(uid)
    form = _sent(queue)
    if _is_button():
        return _page(form)
    if request.form.get("version") != str(queue.version):
        return _page(replace(form, problems=[("", _changed_meanwhile(queue))])), 409
    problems = _save(form, lambda spec: services().queues.update(uid, spec, by=current_actor().name))
    if problems:
        return _page(replace(form, problems=problems)), 422
    flash(f"“{form.values['name'].strip()}” was saved.")
    return redirect(url_for("pages.queue", uid=uid), 303)


def _changed_meanwhile(queue: Job) -> str:
    who = queue.updated_by or "Somebody"
    return f"{who} changed this queue while you were editing it. Saving again replaces those changes with yours."


@pages.post("/queues/steps")
@allow(Right.EDIT)
def change_steps() -> str:
    """The steps in their new order, for htmx; without it the form's own address answers with the whole page."""
    return render_template("queues/_steps.html", **_shown(_sent(None)))


def _is_button() -> bool:
    return schedule_form.is_button(request.form) or any(name in request.form for name in STEP_BUTTONS)


def _sent(queue: Job | None) -> QueueForm:
    triggers = queue.triggers if queue else ()
    schedule = schedule_form.sent(request.form, triggers, services().settings.timezone)
    values = request.form.to_dict() | ({"version": str(queue.version)} if queue else {})
    return _ordered(QueueForm(values, _sent_steps(), schedule, queue))


def _sent_steps() -> list[Step]:
    uids = list(dict.fromkeys(request.form.getlist("step")))[: MOST_STEPS + 1]
    jobs = {job.uid: job for job in services().jobs.with_uids(uids)}
    return [_step(uid, request.form.get(f"rule-{uid}", ""), jobs.get(uid)) for uid in uids]


def _step(uid: str, rule: str, job: Job | None) -> Step:
    """A rule that no form offers counts as none."""
    rule = rule if rule in list(OnFailure) else OnFailure.STOP
    return Step(uid, rule, job.name, job.enabled) if job else Step(uid, rule)


def _ordered(form: QueueForm) -> QueueForm:
    """The steps as the button that was used leaves them."""
    steps = list(form.steps)
    if "step_add" in request.form:
        return _with_one_more(form)
    for name, by in (("step_up", -1), ("step_down", 1)):
        place = _place(steps, request.form.get(name))
        if place is not None and 0 <= place + by < len(steps):
            steps[place], steps[place + by] = steps[place + by], steps[place]
            return replace(form, steps=steps, changed=request.form[name])
    return replace(form, steps=[step for step in steps if step.uid != request.form.get("step_drop")])


def _place(steps: Sequence[Step], uid: str | None) -> int | None:
    return next((number for number, step in enumerate(steps) if step.uid == uid), None)


def _with_one_more(form: QueueForm) -> QueueForm:
    name = request.form.get("step_name", "").strip()
    job = next((job for job in services().jobs.list(text=name) if job.name == name), None) if name else None
    if job is None:
        words = f"There is no job named “{name}”." if name else "Choose a job first."
        return replace(form, problems=[("step_name", words)])
    there = [step for step in form.steps if step.uid != job.uid]
    return replace(form, steps=[*there, _step(job.uid, OnFailure.STOP, job)], changed=job.uid)


def _save(form: QueueForm, store: Any) -> Problems:
    unread = form.schedule.wrong()  # the core would take such a text for one that was left empty
    return unread or attempt(lambda: store(_spec(form)), lambda name: _field_of(form, name))


def _spec(form: QueueForm) -> QueueSpec:
    return QueueSpec(
        name=form.values.get("name", ""),
        triggers=form.schedule.specs(),
        steps=[StepSpec(step.uid, OnFailure(step.rule)) for step in form.steps],
        enabled=bool(form.values.get("enabled")),
        description=form.values.get("description", "").replace("\r\n", "\n").strip(),
    )


def _field_of(form: QueueForm, name: str) -> str:
    if name.startswith("triggers."):
        return form.schedule.field_of(name)
    return "steps" if name.startswith("steps") else name


def _page(form: QueueForm) -> str:
    return render_template(
        "queues/form.html", preview=preview_of(form.schedule, now(), form.queue.uid if form.queue else ""),
        most=MAX_NAME, **_shown(form), **schedule_choices(),
    )  # fmt: skip


def _shown(form: QueueForm) -> dict[str, Any]:
    """What the steps need; page and part show the same."""
    return {
        "form": form, "values": form.values, "problems": form.problems, "schedule": form.schedule,
        "offered": _offered(form), "rules": RULES,
    }  # fmt: skip


def _offered(form: QueueForm) -> list[Job] | None:
    """Jobs that can be added, by name; ``None`` when there are too many to choose from a list."""
    jobs = services().jobs.list(system=False, limit=MOST_OFFERED + 1)
    if len(jobs) > MOST_OFFERED:
        return None
    taken = {step.uid for step in form.steps}
    places = services().jobs.places(jobs)
    own = form.queue.id if form.queue else None
    return [job for job in jobs if job.uid not in taken and (job.id not in places or places[job.id].queue.id == own)]
