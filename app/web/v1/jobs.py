"""/api/v1/jobs"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import request
from marshmallow import INCLUDE, Schema, fields, validate

from app.core.errors import FieldError, InvalidError
from app.core.jobs import MAX_NAME, JobSpec, next_fire
from app.core.models import Job, Run
from app.core.policies import Policies
from app.core.statuses import RunStatus
from app.core.triggers import MAX_SECONDS
from app.core.uids import UID
from app.web.auth import Right, current_actor, services
from app.web.trigger_schema import Triggers
from app.web.v1.fields import TEXT, Cursor, Limit, Moment, Next, Truth
from app.web.v1.policies import PoliciesSchema
from app.web.v1.routes import PREFIX, Answer, operation, read_as
from app.web.v1.schemas import SentBack
from app.web.v1.versions import TELLS, MatchSchema, asked_version, etag, required_version

CREATED = {**TELLS, "Location": "The address of the job."}
LINKS = {
    "runs": "runs?job={uid}",
    "results": "results?job={uid}",
    "latest_result": "jobs/{uid}/results/latest",
    "contract": "jobs/{uid}/contract",
    "keep": "jobs/{uid}/keep",
}
EXAMPLE = {
    "name": "Late flights",
    "job_type": "SQL_EXPORT",
    "parameters": {"connection": "flights", "query": "SELECT * FROM flights WHERE dep_delay > 300"},
    "triggers": [{"kind": "cron", "expression": "0 30 6 ? * MON-FRI", "timezone": "Europe/Paris"}],
}


class LastRunSchema(Schema):
    """The newest run of a job, in short."""

    id = fields.Integer(required=True)
    status = fields.Enum(RunStatus, by_value=True, required=True, metadata=TEXT)
    queued_at = Moment(required=True)
    started_at = Moment(required=True, allow_none=True)
    finished_at = Moment(required=True, allow_none=True)


class JobSchema(SentBack):
    """What to run, with which parameters, when. What is read only may be sent back and is ignored."""

    uid = fields.String(
        validate=validate.Regexp(f"^{UID.pattern}$"),
        metadata={
            "description": "11 letters and digits; one is made if left out.",
            "example": "KBcP6Qw37gT",
        },
    )
    name = fields.String(
        required=True, validate=validate.Length(1, MAX_NAME), metadata={"description": "No other job has it."}
    )
    job_type = fields.String(
        required=True, metadata={"description": "See `/job-types`. It never changes.", "example": "SQL_EXPORT"}
    )
    parameters = fields.Dict(load_default=dict, metadata={"description": "What the job type asks for; defaults else."})
    triggers = Triggers(load_default=list, metadata={"description": "When it fires. None: only by hand."})
    enabled = Truth(load_default=True, metadata={"description": "A disabled job runs only by hand."})
    description = fields.String(load_default="")
    group = fields.String(load_default="DEFAULT", validate=validate.Length(1, MAX_NAME))
    timeout_seconds = fields.Integer(
        strict=True, load_default=None, allow_none=True, validate=validate.Range(1, MAX_SECONDS),
        metadata={"description": "A run that takes longer is ended and has failed."},
    )  # fmt: skip
    policies = fields.Nested(
        PoliciesSchema, load_default=Policies, metadata={"description": "When runs overlap or go wrong."}
    )
    id = fields.Integer(required=True, dump_only=True)
    is_system = Truth(
        required=True, dump_only=True, metadata={"description": "One of Carillon's own: only its schedule changes."}
    )
    version = fields.Integer(
        required=True, dump_only=True, metadata={"description": "Counts the changes; also in the ETag."}
    )
    created_at = Moment(required=True, dump_only=True)
    created_by = fields.String(required=True, dump_only=True, allow_none=True)
    updated_at = Moment(required=True, dump_only=True)
    updated_by = fields.String(required=True, dump_only=True, allow_none=True)
    next_fire_at = Moment("The next of all triggers.", required=True, dump_only=True, allow_none=True)
    last_run = fields.Nested(LastRunSchema, required=True, dump_only=True, allow_none=True)
    links = fields.Dict(
        keys=fields.String(), values=fields.String(), required=True, dump_only=True,
        metadata={"description": "Where its runs, results, result contract and keep-rule are."},
    )  # fmt: skip


class JobPatchSchema(Schema):
    """A JSON merge patch (RFC 7396): the members of a Job to change; null gives one its default."""

    class Meta:
        unknown = INCLUDE


class JobsSchema(Schema):
    items = fields.List(fields.Nested(JobSchema), required=True)
    next = Next()


class JobsQuerySchema(Schema):
    search = fields.String(load_default="", metadata={"description": "A part of the name, in any case."})
    job_type = fields.String(load_default="")
    group = fields.String(load_default="")
    enabled = fields.Boolean()
    system = fields.Boolean(metadata={"description": "Only Carillon's own jobs, or only the others."})
    limit = Limit()
    cursor = Cursor()


@operation("GET", "/jobs", Right.SEE, query=JobsQuerySchema, gives=JobsSchema)
def list_jobs(query: dict[str, Any]) -> dict[str, Any]:
    """List jobs, in the order in which they were made"""
    found = services().jobs.page(
        text=query["search"], job_type=query["job_type"], group=query["group"], enabled=query.get("enabled"),
        system=query.get("system"), after=query.get("cursor", 0), limit=query["limit"],
    )  # fmt: skip
    following = str(found[-1].id) if len(found) == query["limit"] else None
    return {"items": documents(found), "next": following}


@operation("POST", "/jobs", Right.EDIT, takes=JobSchema, gives=JobSchema, statuses=(201,), errors=(409,),
           tells=CREATED, example=EXAMPLE)  # fmt: skip
def create_job(asked: dict[str, Any]) -> Answer:
    """Create a job"""
    check_parameters(asked["job_type"], asked["parameters"])
    job = services().jobs.create(JobSpec(**asked), current_actor().name)
    return _answer(job, 201, {"Location": f"{request.host_url.rstrip('/')}{PREFIX}/jobs/{job.uid}"})


@operation("GET", "/jobs/<uid>", Right.SEE, gives=JobSchema, errors=(404,), tells=TELLS)
def show_job(uid: str) -> Answer:
    """Show a job"""
    return _answer(services().jobs.get(uid))


@operation("PUT", "/jobs/<uid>", Right.EDIT, headers=MatchSchema, takes=JobSchema, gives=JobSchema,
           errors=(404, 409, 412, 428), tells=TELLS, example=EXAMPLE)  # fmt: skip
def replace_job(uid: str, headers: dict[str, str], asked: dict[str, Any]) -> Answer:
    """Replace a job

    What is left out gets its default. Triggers that are sent back unchanged keep their place in time. `If-Match` is
    required, so that nobody overwrites what somebody else has just changed.
    """
    return _replaced(services().jobs.get(uid), asked, required_version(headers))


@operation("PATCH", "/jobs/<uid>", Right.EDIT, headers=MatchSchema, takes=JobPatchSchema, gives=JobSchema,
           media="application/merge-patch+json", errors=(404, 409, 412), tells=TELLS,
           example={"enabled": False, "parameters": {"maxRows": 1000}})  # fmt: skip
def change_job(uid: str, headers: dict[str, str], asked: dict[str, Any]) -> Answer:
    """Change some members of a job

    Objects are merged, lists are replaced: `triggers` is always the whole list.
    """
    job = services().jobs.get(uid)
    there = JobSchema().dump(documents([job])[0])
    version = asked_version(headers)
    return _replaced(job, read_as(JobSchema(), merged(there, asked)), job.version if version is None else version)


@operation("DELETE", "/jobs/<uid>", Right.EDIT, headers=MatchSchema, statuses=(204,), errors=(404, 412))
def delete_job(uid: str, headers: dict[str, str]) -> None:
    """Delete a job

    What runs is cancelled. Its runs and files stay; its name is free again.
    """
    services().jobs.delete(uid, current_actor().name, asked_version(headers))


@operation("POST", "/jobs/<uid>/enable", Right.EDIT, gives=JobSchema, errors=(404,), tells=TELLS)
def enable_job(uid: str) -> Answer:
    """Enable a job: its triggers fire from now on"""
    return _answer(services().jobs.enable(uid, current_actor().name))


@operation("POST", "/jobs/<uid>/disable", Right.EDIT, gives=JobSchema, errors=(404,), tells=TELLS)
def disable_job(uid: str) -> Answer:
    """Disable a job: its triggers do not fire, what runs goes on"""
    return _answer(services().jobs.disable(uid, current_actor().name))


def _replaced(job: Job, asked: dict[str, Any], version: int | None) -> Answer:
    if asked["job_type"] != job.job_type:
        raise InvalidError.of("job_type", f"the type of a job never changes; it is {job.job_type}", "read_only")
    check_parameters(asked["job_type"], asked["parameters"])
    spec = replace(JobSpec.of(job), **{name: value for name, value in asked.items() if name != "uid"})
    return _answer(services().jobs.update(job.uid, spec, current_actor().name, version))


def check_parameters(name: str, given: Mapping[str, Any]) -> None:
    """The core drops what a job type does not know; here nothing is dropped silently. Raises ``InvalidError``."""
    if name not in services().types:
        return  # the core will say so
    known = {alias for one in services().types.get(name).parameters for alias in (one.name, *one.aliases)}
    unknown = [parameter for parameter in given if parameter not in known]
    if unknown:
        message = f"jobs of type {name} have no such parameter"
        raise InvalidError([FieldError(f"parameters.{parameter}", message, "unknown_field") for parameter in unknown])


def merged(there: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, Mapping):
        return patch
    result = dict(there) if isinstance(there, Mapping) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def _answer(job: Job, status: int = 200, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(documents([job])[0], status, etag(job) | dict(headers or {}))


def documents(jobs: Sequence[Job]) -> list[dict[str, Any]]:
    last_runs = services().jobs.last_runs(jobs)
    return [_document(job, last_runs.get(job.id)) for job in jobs]


def _document(job: Job, last_run: Run | None) -> dict[str, Any]:
    following = next_fire(job)
    own = ("next_fire_at", "last_run", "policies", "links")
    return {name: getattr(job, name) for name in JobSchema._declared_fields if name not in own} | {
        "next_fire_at": following.next_fire_at if following else None,
        "last_run": last_run,
        "policies": Policies.of(job),
        "links": {name: f"{PREFIX}/{path.format(uid=job.uid)}" for name, path in LINKS.items()},
    }
