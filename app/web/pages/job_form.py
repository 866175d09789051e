"""The form for a new job and for one that exists, with a preview of its schedule."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any
from zoneinfo import available_timezones

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import NotFoundError
from app.core.job_types import JobType, Parameter
from app.core.jobs import JobSpec
from app.core.models import Job
from app.core.policies import Policies
from app.web.auth import Right, allow, current_actor, services
from app.web.pages import parameter_fields, policy_fields, schedule_form, trigger_choices
from app.web.pages.problems import Problems, attempt
from app.web.pages.rehearsal import Shown, can_be_rehearsed, rehearsed
from app.web.pages.schedule_form import Schedule
from app.web.pages.schedule_preview import preview as preview_of
from app.web.pages.site import now, pages
from app.web.pages.trigger_card import read_seconds, split_seconds


@dataclass(frozen=True)
class Form:
    """What the form shows. ``values`` are texts by field name; ``parameters`` belong to the type's fields."""

    job_type: JobType
    values: Mapping[str, str]
    parameters: Mapping[str, Any]
    schedule: Schedule
    policies: policy_fields.Fields
    job: Job | None = None
    problems: Problems = field(default_factory=list)
    rehearsal: Shown | None = None

    def problem(self, name: str) -> str:
        return " ".join(message for field, message in self.problems if field == name)

    def help_of(self, parameter: Parameter) -> str:
        return parameter_fields.help_of(self.job_type, parameter)

    @property
    def stored_policies(self) -> Policies:
        return Policies.of(self.job) if self.job else Policies()

    @property
    def policies_are_open(self) -> bool:
        """Whether one of them is not as usual, or wrong."""
        names = [name for name, _ in self.problems]
        wrong = any(name.startswith(policy_fields.PREFIX) or name == "stop_after" for name in names)
        return wrong or bool(self.values.get("stop_after")) or not policy_fields.is_usual(self.policies)

    @property
    def folds(self) -> list[tuple[str, list[Parameter], bool]]:
        """Title, fields, and whether it is open: one of them says something of its own, or is wrong."""
        found = parameter_fields.folds(self.job_type)
        return [(title, fields, any(map(self._says_something, fields))) for title, fields in found.items()]

    def _says_something(self, parameter: Parameter) -> bool:
        default = parameter_fields.shown(self.job_type, {})[parameter.name]
        return bool(self.problem(f"parameters.{parameter.name}")) or self.parameters[parameter.name] != default

    @property
    def can_be_rehearsed(self) -> bool:
        return can_be_rehearsed(self.job_type)

    @cached_property
    def examples(self) -> Mapping[str, str]:
        """What some fields will give, by the parameter's name."""
        parameters = parameter_fields.readable(self.job_type, self.parameters)
        return self.job_type.examples(parameters, self.values.get("name", "").strip() or "job", now())


MOST_WANTED = "SQL_EXPORT"  # offered before the others, which follow by name


@pages.get("/jobs/new")
@allow(Right.EDIT)
def new_job() -> ResponseReturnValue:
    types = services().types.for_people()
    wanted = request.args.get("type") or (types[0].name if len(types) == 1 else "")
    if not wanted:
        return render_template("jobs/types.html", types=sorted(types, key=lambda each: each.name != MOST_WANTED))
    return _page(_blank(services().types.get(wanted)))


def _blank(job_type: JobType) -> Form:
    values = {"name": "", "enabled": "on", "group": "DEFAULT", "stop_after_unit": "60"}
    schedule = Schedule([schedule_form.blank(services().settings.timezone)])
    return Form(job_type, values, parameter_fields.shown(job_type, {}), schedule, policy_fields.shown(Policies()))


@pages.post("/jobs/new")
@allow(Right.EDIT)
def create_job() -> ResponseReturnValue:
    form = _sent(services().types.get(request.form.get("job_type", "")), None)
    if schedule_form.is_button(request.form):
        return _page(_rehearsed(form))
    made: list[Job] = []
    problems = _save(form, lambda spec: made.append(services().jobs.create(spec, by=current_actor().name)))
    if problems:
        return _page(_refused(form, problems)), 422
    flash(f"“{made[0].name}” was created.")
    return redirect(url_for("pages.job", uid=made[0].uid), 303)


@pages.get("/jobs/<uid>/edit")
@allow(Right.EDIT)
def edit_job(uid: str) -> ResponseReturnValue:
    return _page(_of(services().jobs.get(uid)))


def _of(job: Job) -> Form:
    job_type = services().types.get(job.job_type)
    schedule = schedule_form.of_job(job.triggers, services().settings.timezone)
    number, unit = split_seconds(job.timeout_seconds or 0)
    values = {
        "name": job.name, "description": job.description, "group": job.group, "enabled": "on" if job.enabled else "",
        "stop_after": str(number or ""), "stop_after_unit": str(unit), "version": str(job.version),
    }  # fmt: skip
    parameters, policies = parameter_fields.shown(job_type, job.parameters), policy_fields.shown(Policies.of(job))
    return Form(job_type, values, parameters, schedule, policies, job)


@pages.post("/jobs/<uid>/edit")
@allow(Right.EDIT)
def save_job(uid: str) -> ResponseReturnValue:
    job = services().jobs.get(uid)
    form = _sent(services().types.get(job.job_type), job)
    if schedule_form.is_button(request.form):
        return _page(_rehearsed(form))
    if request.form.get("version") != str(job.version):
        return _page(_refused(form, [("", _changed_meanwhile(job))])), 409
    problems = _save(form, lambda spec: services().jobs.update(uid, spec, by=current_actor().name))
    if problems:
        return _page(_refused(form, problems)), 422
    flash(f"“{form.values['name'].strip()}” was saved.")
    return redirect(url_for("pages.job", uid=uid), 303)


def _changed_meanwhile(job: Job) -> str:
    who = job.updated_by or "Somebody"
    return f"{who} changed this job while you were editing it. Saving again replaces those changes with yours."


@pages.post("/preview")
@allow(Right.EDIT)
def preview() -> ResponseReturnValue:
    """The next fires of the schedule in the form, while somebody is typing."""
    job = _job_named(request.form.get("uid", ""))
    seen = preview_of(_schedule(job), now(), job.uid if job else "")
    return render_template("jobs/_preview.html", preview=seen)


@pages.post("/preview/example/<name>")
@allow(Right.EDIT)
def preview_example(name: str) -> ResponseReturnValue:
    """What a field of the type will give, while somebody is typing."""
    form = _sent(services().types.get(request.form.get("job_type", "")), _job_named(request.form.get("uid", "")))
    return render_template("jobs/_example.html", form=form, name=name)


@pages.post("/preview/cards")
@allow(Right.EDIT)
def change_cards() -> ResponseReturnValue:
    """The cards with one more or one less, for htmx; without it the form's own address answers with the whole page."""
    job = _job_named(request.form.get("uid", ""))
    schedule = _schedule(job)
    seen = preview_of(schedule, now(), job.uid if job else "")
    return render_template("jobs/_cards.html", schedule=schedule, problems=[], preview=seen, **schedule_choices())


@pages.post("/preview/rehearsal")
@allow(Right.EDIT)
def preview_rehearsal() -> ResponseReturnValue:
    """What the query in the form gives, for htmx; without it the form's own address answers with the whole page."""
    form = _sent(services().types.get(request.form.get("job_type", "")), _job_named(request.form.get("uid", "")))
    return render_template("jobs/_rehearsal.html", rehearsal=rehearsed(form.parameters, form.schedule, form.job))


def _rehearsed(form: Form) -> Form:
    if "rehearse" not in request.form or not form.can_be_rehearsed:
        return form
    return replace(form, rehearsal=rehearsed(form.parameters, form.schedule, form.job))


def _schedule(job: Job | None) -> Schedule:
    return schedule_form.sent(request.form, job.triggers if job else (), services().settings.timezone)


def _job_named(uid: str) -> Job | None:
    """A job, or a queue: its form shows its schedule in the same way."""
    for owners in (services().jobs, services().queues) if uid else ():
        try:
            return owners.get(uid)
        except NotFoundError:
            continue
    return None


def _sent(job_type: JobType, job: Job | None) -> Form:
    if job and job.is_system:
        return replace(_of(job), schedule=_schedule(job))
    parameters = parameter_fields.sent(job_type, request.form)
    form = Form(job_type, request.form.to_dict(), parameters, _schedule(job), {}, job)
    return replace(form, policies=policy_fields.sent(request.form, form.stored_policies))


def _refused(form: Form, problems: Problems) -> Form:
    values = {**form.values, "version": str(form.job.version)} if form.job else form.values
    return replace(form, values=values, problems=problems)


def _save(form: Form, store: Any) -> Problems:
    """Read the form and store it. What the form itself finds wrong the core finds wrong, too: one of them speaks."""
    parameters, wrong = parameter_fields.read(form.job_type, form.parameters)
    unread = form.schedule.wrong()
    if unread:  # the core would take such a text for one that was left empty
        return wrong + unread
    found = attempt(lambda: store(_spec(form, parameters)), lambda name: _field_of(form, name))
    known = {name for name, _ in wrong}
    return wrong + [(name, message) for name, message in found if name not in known]


def _spec(form: Form, parameters: Mapping[str, Any]) -> JobSpec:
    values = form.values
    stop_after = values.get("stop_after", "").strip()
    return JobSpec(
        name=values.get("name", ""),
        job_type=form.job_type.name,
        parameters=parameters,
        triggers=form.schedule.specs(),
        enabled=bool(values.get("enabled")),
        description=values.get("description", "").replace("\r\n", "\n").strip(),
        group=values.get("group", form.job.group if form.job else "").strip() or "DEFAULT",
        timeout_seconds=(read_seconds(values, "stop_after") or 0) if stop_after else None,
        policies=policy_fields.read(form.policies, form.stored_policies),
    )


def _field_of(form: Form, name: str) -> str:
    if name.startswith("triggers."):
        return form.schedule.field_of(name)
    return {"timeout_seconds": "stop_after"}.get(name, name)


def _page(form: Form) -> str:
    connections = services().connections.list()
    return render_template(
        "jobs/form.html", form=form, values=form.values, problems=form.problems, schedule=form.schedule,
        preview=preview_of(form.schedule, now(), form.job.uid if form.job else ""), connections=connections,
        major=parameter_fields.majors(form.job_type),
        kinds=parameter_fields.VALUE_KINDS, policies=form.policies, groups=services().jobs.groups(),
        policy_choices=policy_fields.choices(form.policies, [pool.name for pool in services().pools.list()]),
        **schedule_choices(),
    )  # fmt: skip


def schedule_choices() -> dict[str, Any]:
    """What the cards offer. Both the page and the part for htmx need it."""
    calendars = [("", "None"), *((row.name, row.name) for row in services().calendars.list())]
    return {**trigger_choices.FOR_TEMPLATES, "calendars": calendars, "zones": sorted(available_timezones())}
