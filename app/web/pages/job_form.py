"""The form for a new job and for one that exists, with a preview of its schedule."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from zoneinfo import available_timezones

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.core.errors import NotFoundError
from app.core.job_types import JobType
from app.core.jobs import JobSpec
from app.core.models import Job
from app.core.triggers import TriggerSpec
from app.web.auth import Right, allow, current_actor, services
from app.web.pages import parameter_fields, schedule_form
from app.web.pages.problems import Problems, attempt
from app.web.pages.site import now, pages


@dataclass(frozen=True)
class Form:
    """What the form shows. ``values`` are texts by field name; ``parameters`` belong to the type's fields."""

    job_type: JobType
    values: Mapping[str, str]
    parameters: Mapping[str, Any]
    job: Job | None = None
    problems: Problems = field(default_factory=list)

    @property
    def triggers(self) -> Sequence[Any]:
        return self.job.triggers if self.job else ()

    def problem(self, name: str) -> str:
        return " ".join(message for field, message in self.problems if field == name)

    @property
    def more_is_open(self) -> bool:
        """Whether one of the type's minor fields says something of its own, or is wrong."""
        minor = [parameter for parameter in self.job_type.parameters if not parameter_fields.is_major(parameter)]
        defaults = parameter_fields.shown(self.job_type, {})
        return any(
            self.problem(f"parameters.{parameter.name}") or self.parameters[parameter.name] != defaults[parameter.name]
            for parameter in minor
        )


@pages.get("/jobs/new")
@allow(Right.EDIT)
def new_job() -> ResponseReturnValue:
    types = list(services().types)
    wanted = request.args.get("type") or (types[0].name if len(types) == 1 else "")
    if not wanted:
        return render_template("jobs/types.html", types=types)
    return _page(_blank(services().types.get(wanted)))


def _blank(job_type: JobType) -> Form:
    schedule = {**schedule_form.BLANK, "timezone": services().settings.timezone}
    parameters = parameter_fields.shown(job_type, {})
    return Form(job_type, {"name": "", "enabled": "on", **schedule, "stop_after_unit": "60"}, parameters)


@pages.post("/jobs/new")
@allow(Right.EDIT)
def create_job() -> ResponseReturnValue:
    form = _sent(services().types.get(request.form.get("job_type", "")), None)
    if "preview" in request.form:
        return _page(form)
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
    schedule = schedule_form.shown([TriggerSpec.of(row) for row in job.triggers], services().settings.timezone)
    number, unit = schedule_form.split_seconds(job.timeout_seconds or 0)
    values = {
        "name": job.name, "description": job.description, "enabled": "on" if job.enabled else "",
        "stop_after": str(number or ""), "stop_after_unit": str(unit), "version": str(job.version), **schedule,
    }  # fmt: skip
    return Form(job_type, values, parameter_fields.shown(job_type, job.parameters), job)


@pages.post("/jobs/<uid>/edit")
@allow(Right.EDIT)
def save_job(uid: str) -> ResponseReturnValue:
    job = services().jobs.get(uid)
    form = _sent(services().types.get(job.job_type), job)
    if "preview" in request.form:
        return _page(form)
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
    present = job.triggers if job else ()
    values = schedule_form.filled(request.form.to_dict(), present, services().settings.timezone)
    seen = schedule_form.preview(values, present, now(), job.uid if job else "")
    return render_template("jobs/_preview.html", preview=seen)


def _job_named(uid: str) -> Job | None:
    try:
        return services().jobs.get(uid) if uid else None
    except NotFoundError:
        return None


def _sent(job_type: JobType, job: Job | None) -> Form:
    present = job.triggers if job else ()
    values = schedule_form.filled(request.form.to_dict(), present, services().settings.timezone)
    return Form(job_type, values, parameter_fields.sent(job_type, request.form), job)


def _refused(form: Form, problems: Problems) -> Form:
    values = {**form.values, "version": str(form.job.version)} if form.job else form.values
    return Form(form.job_type, values, form.parameters, form.job, problems)


def _save(form: Form, store: Any) -> Problems:
    """Read the form and store it. What the form itself finds wrong the core finds wrong, too: one of them speaks."""
    parameters, wrong = parameter_fields.read(form.job_type, form.parameters)
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
        triggers=schedule_form.read(values, [TriggerSpec.of(row) for row in form.triggers]),
        enabled=bool(values.get("enabled")),
        description=values.get("description", "").replace("\r\n", "\n").strip(),
        group=form.job.group if form.job else "DEFAULT",
        timeout_seconds=(schedule_form.read_seconds(values, "stop_after") or 0) if stop_after else None,
    )


def _field_of(form: Form, name: str) -> str:
    if name.startswith("triggers."):
        return schedule_form.field_of(form.values, name)
    return {"timeout_seconds": "stop_after"}.get(name, name)


def _page(form: Form) -> str:
    connections = services().connections.list()
    seen = schedule_form.preview(form.values, form.triggers, now(), form.job.uid if form.job else "")
    return render_template(
        "jobs/form.html", form=form, values=form.values, preview=seen, connections=connections,
        presets=schedule_form.PRESETS, units=schedule_form.UNITS, zones=sorted(available_timezones()),
        major=[parameter for parameter in form.job_type.parameters if parameter_fields.is_major(parameter)],
        minor=[parameter for parameter in form.job_type.parameters if not parameter_fields.is_major(parameter)],
        kinds=parameter_fields.VALUE_KINDS,
    )  # fmt: skip
