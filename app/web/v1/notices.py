"""/api/v1/notices: who is told about what, and what became of each message."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, fields

from app.core.models.notices import Delivery
from app.core.notice_rules import USUAL, Rule
from app.core.statuses import Channel, DeliveryStatus, NoticeKind, NoticeScope
from app.web.auth import Right, current_actor, services
from app.web.v1.fields import TEXT, Cursor, Limit, Moment, Next, Truth
from app.web.v1.routes import operation

EXAMPLE = {"kinds": ["failure", "recovery"], "mail": ["ops@clinic.example"], "webhook": "https://hooks.example/T0/B0"}


class NoticeRuleBodySchema(Schema):
    kinds = fields.List(
        fields.Enum(NoticeKind, by_value=True, metadata=TEXT), load_default=lambda: list(USUAL),
        metadata={"description": "What is told."},
    )  # fmt: skip
    each_failure = Truth(load_default=False, metadata={"description": "Not only the first failure in a row."})
    missed_from = fields.Integer(
        strict=True, load_default=1, metadata={"description": "So many missed starts of a job are told, not fewer."}
    )
    mail = fields.List(fields.String(), load_default=list, metadata={"description": "Addresses."})
    webhook = fields.String(
        load_default=None, allow_none=True,
        metadata={"description": "A URL. Shown without its path; sent back so, it stays what it is."},
    )  # fmt: skip


class NoticeRuleSchema(NoticeRuleBodySchema):
    """Who is told about what. The rule of a job hides that of its group, and this one that of the site."""

    scope = fields.Enum(NoticeScope, by_value=True, required=True, metadata=TEXT)
    name = fields.String(required=True, metadata={"description": "Of the group or the job; empty for the site."})
    uid = fields.String(required=True, allow_none=True, metadata={"description": "Of the job."})


class NoticeRulesSchema(Schema):
    rules = fields.List(fields.Nested(NoticeRuleSchema), required=True)
    sends_mail = fields.Boolean(required=True, metadata={"description": "Whether a mail server is set."})


class NoticeTestSchema(Schema):
    scope = fields.Enum(NoticeScope, by_value=True, required=True, metadata=TEXT)
    name = fields.String(load_default="", metadata={"description": "Of the group, or the uid of the job."})


class NoticeTestSentSchema(Schema):
    messages = fields.Integer(required=True, metadata={"description": "How many are on their way."})


class DeliverySchema(Schema):
    """A message for one recipient, and what became of it."""

    id = fields.Integer(required=True)
    channel = fields.Enum(Channel, by_value=True, required=True, metadata=TEXT)
    recipient = fields.String(required=True, attribute="shown")
    subject = fields.String(required=True)
    status = fields.Enum(DeliveryStatus, by_value=True, required=True, metadata=TEXT)
    tries = fields.Integer(required=True)
    made_at = Moment(required=True)
    next_try_at = Moment(required=True, allow_none=True)
    ended_at = Moment(required=True, allow_none=True)
    error = fields.String(required=True, allow_none=True, metadata={"description": "Of the last try."})


class DeliveriesSchema(Schema):
    items = fields.List(fields.Nested(DeliverySchema), required=True)
    next = Next()


class DeliveriesQuerySchema(Schema):
    status = fields.Enum(DeliveryStatus, by_value=True, load_default=None, metadata=TEXT)
    limit = Limit()
    cursor = Cursor()


@operation("GET", "/notices/rules", Right.EDIT, gives=NoticeRulesSchema)
def list_notice_rules() -> dict[str, Any]:
    """List who is told about what"""
    rules = [_document(view.rule, view.scope, view.name, view.uid) for view in services().notice_rules.list()]
    return {"rules": rules, "sends_mail": bool(services().settings.smtp_url)}


@operation("PUT", "/notices/rules/site", Right.EDIT, takes=NoticeRuleBodySchema, gives=NoticeRuleSchema,
           example=EXAMPLE)  # fmt: skip
def save_site_notice_rule(asked: dict[str, Any]) -> dict[str, Any]:
    """Say who is told about all jobs for which nothing else is said"""
    return _save(NoticeScope.SITE, "", asked)


@operation("DELETE", "/notices/rules/site", Right.EDIT, statuses=(204,), errors=(404,))
def remove_site_notice_rule() -> None:
    """Remove the rule of the site"""
    services().notice_rules.remove(NoticeScope.SITE)


@operation("PUT", "/notices/rules/groups/<name>", Right.EDIT, takes=NoticeRuleBodySchema, gives=NoticeRuleSchema,
           example=EXAMPLE)  # fmt: skip
def save_group_notice_rule(name: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Say who is told about the jobs of a group"""
    return _save(NoticeScope.GROUP, name, asked)


@operation("DELETE", "/notices/rules/groups/<name>", Right.EDIT, statuses=(204,), errors=(404, 422))
def remove_group_notice_rule(name: str) -> None:
    """Remove the rule of a group"""
    services().notice_rules.remove(NoticeScope.GROUP, name)


@operation("GET", "/jobs/<uid>/notices", Right.EDIT, gives=NoticeRuleSchema, errors=(404,))
def show_notice_rule(uid: str) -> dict[str, Any]:
    """Show who is told about a job or a queue

    The rule that counts: its own, else that of its group, else that of the site; `scope` says which. With none at all
    nobody is told.
    """
    job = services().jobs.get_any(uid)
    scope, rule = services().notice_rules.of_job(job) or (NoticeScope.SITE, Rule(kinds=()))
    names = {NoticeScope.JOB: job.name, NoticeScope.GROUP: job.group, NoticeScope.SITE: ""}
    return _document(rule, scope, names[scope], job.uid if scope is NoticeScope.JOB else None)


@operation("PUT", "/jobs/<uid>/notices", Right.EDIT, takes=NoticeRuleBodySchema, gives=NoticeRuleSchema,
           errors=(404,), example=EXAMPLE)  # fmt: skip
def save_notice_rule(uid: str, asked: dict[str, Any]) -> dict[str, Any]:
    """Say who is told about a job or a queue

    A rule that names nobody keeps the job out of what its group and the site are told.
    """
    return _save(NoticeScope.JOB, uid, asked, services().jobs.get_any(uid).name, uid)


@operation("DELETE", "/jobs/<uid>/notices", Right.EDIT, statuses=(204,), errors=(404,))
def remove_notice_rule(uid: str) -> None:
    """Remove a job's own rule"""
    services().notice_rules.remove(NoticeScope.JOB, uid)


@operation("POST", "/notices/test", Right.EDIT, takes=NoticeTestSchema, gives=NoticeTestSentSchema, statuses=(202,),
           errors=(404,), example={"scope": "site"})  # fmt: skip
def test_notices(asked: dict[str, Any]) -> dict[str, Any]:
    """Send a test to all whom a rule names

    What becomes of each message is at `/notices/deliveries`.
    """
    postroom, rules = services().postroom, services().notice_rules
    return {"messages": postroom.test(rules, asked["scope"], asked["name"], current_actor().name)}


@operation("GET", "/notices/deliveries", Right.EDIT, query=DeliveriesQuerySchema, gives=DeliveriesSchema)
def list_deliveries(query: dict[str, Any]) -> dict[str, Any]:
    """List messages and what became of them, newest first"""
    found = services().postroom.list(status=query["status"], before=query.get("cursor"), limit=query["limit"])
    return {"items": found, "next": str(found[-1].id) if len(found) == query["limit"] else None}


@operation("POST", "/notices/deliveries/<int:delivery_id>/retry", Right.EDIT, gives=DeliverySchema, errors=(404, 409))
def send_again(delivery_id: int) -> Delivery:
    """Send a message now that was given up, or that waits for its next try"""
    return services().postroom.send_again(delivery_id)


def _save(
    scope: NoticeScope, name: str, asked: Mapping[str, Any], shown: str | None = None, uid: str | None = None
) -> dict[str, Any]:
    saved = services().notice_rules.save(scope, name, Rule(**asked), current_actor().name)
    return _document(saved, scope, name if shown is None else shown, uid)


def _document(rule: Rule, scope: NoticeScope, name: str, uid: str | None) -> dict[str, Any]:
    return vars(rule) | {"scope": scope, "name": name, "uid": uid}
