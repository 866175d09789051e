"""/api/v1/retention and /api/v1/jobs/UID/retention: how long history is kept."""

from dataclasses import asdict
from typing import Any

from marshmallow import Schema, fields

from app.core.retention_kinds import KINDS
from app.core.retention_plan import Preview
from app.core.retention_rules import ALWAYS, DEFAULTS, LARGEST, Rules
from app.web.auth import Right, current_actor, services
from app.web.v1.fields import Moment
from app.web.v1.routes import operation

KIND_WORDS = (
    "`run`: with its moment and what is left of its log; `moment`: one without a run; `log`: a line that is older than "
    "logs are kept; `tree`: progress, the same; `result`: a file."
)


def _rule(name: str, description: str) -> fields.Integer:
    said = {"description": description, "minimum": 1, "maximum": LARGEST[name.rpartition("_")[2]]}
    return fields.Integer(strict=True, allow_none=name not in ALWAYS, metadata=said)


class JobRetentionRulesSchema(Schema):
    """Members that are left out are as the site's; null keeps for ever."""

    run_days = _rule("run_days", "Since a run ended.")
    run_count = _rule("run_count", "The newest runs of a job.")
    moment_days = _rule("moment_days", "Moments without a run, since they were decided.")
    moment_count = _rule("moment_count", "The newest moments of a job, those with a run counted.")
    log_days = _rule("log_days", "Logs and progress trees, since the run ended.")


class RetentionRulesSchema(Schema):
    """Members that are left out are as by default; null keeps for ever, or sets no budget."""

    run_days = _rule("run_days", "Since a run ended.")
    run_count = _rule("run_count", "The newest runs of each job.")
    moment_days = _rule("moment_days", "Moments without a run, since they were decided.")
    moment_count = _rule("moment_count", "The newest moments of each job, those with a run counted.")
    log_days = _rule("log_days", "Logs and progress trees, since the run ended.")
    log_lines = _rule("log_lines", "Of one run: half of them its first, half its last.")
    log_bytes = _rule("log_bytes", "The same in characters.")
    result_days = _rule("result_days", "Results of jobs without a keep-rule of their own.")
    result_count = _rule("result_count", "The same: so many of the newest.")
    result_bytes = _rule("result_bytes", "The same: so many bytes of each job.")
    folder_bytes = _rule("folder_bytes", "All results together; beyond that the oldest go.")
    folder_percent = _rule("folder_percent", "The same, of the disk on which they lie.")


class FreedSchema(Schema):
    kind = fields.String(required=True, metadata={"description": KIND_WORDS, "enum": list(KINDS)})
    count = fields.Integer(required=True)
    bytes = fields.Integer(required=True, metadata={"description": "About; exact for results."})
    oldest = Moment(required=True, allow_none=True)
    newest = Moment(required=True, allow_none=True)
    more = fields.Boolean(required=True, metadata={"description": "There are more than these."})


class FreedOfJobSchema(Schema):
    job = fields.String(required=True, attribute="uid")
    name = fields.String(required=True)
    count = fields.Integer(required=True, metadata={"description": "Rows and files of all kinds."})
    bytes = fields.Integer(required=True)


class RemovesSchema(Schema):
    """What the rules remove now."""

    kinds = fields.List(fields.Nested(FreedSchema), required=True)
    jobs = fields.List(
        fields.Nested(FreedOfJobSchema), required=True, metadata={"description": "Those of which most is removed."}
    )


class RemovalSchema(Schema):
    """What was removed by one look over everything."""

    kind = fields.String(required=True)
    began_at = Moment(required=True)
    ended_at = Moment(required=True)
    count = fields.Integer(required=True)
    bytes = fields.Integer(required=True)
    detail = fields.String(required=True)


class RetentionSchema(RetentionRulesSchema):
    """How long history is kept, and what that removes."""

    defaults = fields.Nested(RetentionRulesSchema, required=True)
    begins_at = Moment(
        required=True, allow_none=True, description="Nothing is removed before; null: the rules are in force."
    )
    over_budget_bytes = fields.Integer(
        required=True, metadata={"description": "What is left is pinned or the newest of its job."}
    )
    removes = fields.Nested(RemovesSchema, required=True)
    removed = fields.List(fields.Nested(RemovalSchema), required=True, metadata={"description": "The newest first."})


class JobRetentionSchema(Schema):
    """How long the history of a job or queue is kept. ``own`` are the rules in which it differs from the site."""

    own = fields.Nested(JobRetentionRulesSchema, required=True)
    rules = fields.Nested(JobRetentionRulesSchema, required=True, metadata={"description": "Those that hold."})
    removes = fields.Nested(RemovesSchema, required=True)


class RetentionQuerySchema(Schema):
    dry_run = fields.Boolean(load_default=False, metadata={"description": "Say what it would remove; store nothing."})


@operation("GET", "/retention", Right.EDIT, gives=RetentionSchema)
def show_retention() -> dict[str, Any]:
    """Show how long history is kept, and what that removes"""
    return _document(services().retention.rules())


@operation("PUT", "/retention", Right.EDIT, query=RetentionQuerySchema, takes=RetentionRulesSchema,
           gives=RetentionSchema, example={"run_days": 730, "log_days": 60})  # fmt: skip
def save_retention(query: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """Replace how long history is kept

    With `?dry_run=true` it says what these rules would remove and changes nothing. Without, they hold at once.
    """
    rules = Rules(**asked)
    document = _document(rules)
    if not query["dry_run"]:
        services().retention.save(rules, current_actor().name)
        document["begins_at"] = None
    return document


def _document(rules: Rules) -> dict[str, Any]:
    retention = services().retention
    removes = retention.preview(rules)
    return asdict(rules) | {
        "defaults": asdict(DEFAULTS),
        "begins_at": retention.begins_at(),
        "over_budget_bytes": services().keeping.over_budget(),
        "removes": removes,
        "removed": retention.removals(),
    }


@operation("GET", "/jobs/<uid>/retention", Right.SEE, gives=JobRetentionSchema, errors=(404,))
def show_job_retention(uid: str) -> dict[str, Any]:
    """Show how long the history of a job is kept"""
    return _job_document(uid, services().retention.differing(uid))


@operation("PUT", "/jobs/<uid>/retention", Right.EDIT, query=RetentionQuerySchema, takes=JobRetentionRulesSchema,
           gives=JobRetentionSchema, errors=(404,), example={"run_days": 3650})  # fmt: skip
def save_job_retention(uid: str, query: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """Replace the rules in which a job differs from the site

    An empty object: it differs in none.
    """
    document = _job_document(uid, asked)
    if not query["dry_run"]:
        services().retention.save_differing(uid, asked)
    return document


def _job_document(uid: str, own: Any) -> dict[str, Any]:
    retention = services().retention
    removes: Preview = retention.preview_of(uid, own)
    return {"own": own, "rules": retention.rules().of_job(own), "removes": removes}
