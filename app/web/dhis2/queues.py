"""/api/scheduler/queues"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Response
from marshmallow import EXCLUDE, Schema, fields, post_load, pre_load

from app.core.models import Job
from app.core.queues import QueueSpec, StepSpec
from app.core.statuses import TriggerKind
from app.core.triggers import TriggerSpec, dialect_of
from app.web import bodies
from app.web.auth import Right, allow, current_actor, services
from app.web.dhis2.queue_errors import queue_named, refusing, unreadable
from app.web.dhis2.routes import SCHEDULER, route
from app.web.dhis2.schedules import schedule_of, shown_trigger

QUEUES = [f"{prefix}/queues" for prefix in SCHEDULER]
NAME = "/<path:name>"  # clients send / in a name as it is, or as %2F
AS_IT_IS = {"merge_slashes": False}


@dataclass(frozen=True)
class AskedQueue:
    """A queue as a client wants it; ``None`` for what it did not say."""

    name: str | None = None
    cron_expression: str | None = None
    sequence: Sequence[str] | None = None  # uids of jobs


class QueueBody(Schema):
    class Meta:
        unknown = EXCLUDE

    name = fields.String()
    cron_expression = fields.String(data_key="cronExpression")
    sequence = fields.List(fields.String())

    @pre_load
    def forget_empty(self, data: dict[str, Any], **kwargs: Any) -> dict[str, Any]:
        """DHIS2 takes an empty text for nothing."""
        return {name: value for name, value in data.items() if value is not None and value != ""}

    @post_load
    def asked(self, data: dict[str, Any], **kwargs: Any) -> AskedQueue:
        return AskedQueue(**data)


@route("GET", resource=QUEUES)
@allow(Right.SEE)
def queue_names() -> Response:
    return bodies.write([queue.name for queue in services().queues.list()])


@route("GET", NAME, resource=QUEUES, **AS_IT_IS)
@allow(Right.SEE)
def show_queue(name: str) -> Response:
    return bodies.write(_document(queue_named(name)))


@route("POST", NAME, resource=QUEUES, **AS_IT_IS)
@allow(Right.EDIT)
def create_queue(name: str) -> Response:
    """The name in the address counts, whatever the body says."""
    spec = _new(name, _read())
    with refusing(spec):
        services().queues.create(spec, current_actor().name)
    return Response(status=201)


@route("PUT", NAME, resource=QUEUES, **AS_IT_IS)
@allow(Right.EDIT)
def update_queue(name: str) -> Response:
    asked, queue = _read(), queue_named(name)
    spec = _changed(queue, asked)
    with refusing(spec):
        services().queues.update(queue.uid, spec, current_actor().name)
    return Response(status=204)


@route("DELETE", NAME, resource=QUEUES, **AS_IT_IS)
@allow(Right.EDIT)
def delete_queue(name: str) -> Response:
    services().queues.delete(queue_named(name).uid, current_actor().name)
    return Response(status=204)


def _read() -> AskedQueue:
    with unreadable():
        asked: AskedQueue = bodies.read(QueueBody())
    return asked


def _new(name: str, asked: AskedQueue) -> QueueSpec:
    """As in DHIS2, a queue is switched on when its first job is."""
    steps = [StepSpec(uid) for uid in asked.sequence or ()]
    return QueueSpec(name, [_cron(asked.cron_expression, None)], steps, enabled=_is_on(asked.sequence or ()))


def _is_on(sequence: Sequence[str]) -> bool:
    first = services().jobs.with_uids(sequence[:1])
    return all(job.enabled for job in first)


def _changed(queue: Job, asked: AskedQueue) -> QueueSpec:
    """Who renames a queue need not say the rest again. The rules of steps and our other triggers stay."""
    spec, renames = QueueSpec.of(queue), asked.name is not None and asked.name != queue.name
    rules = {step.job: step for step in spec.steps}
    shown = shown_trigger(queue)
    others = [TriggerSpec.of(row) for row in queue.triggers if row is not shown]
    if asked.cron_expression is not None or not renames:
        spec = replace(spec, triggers=[_cron(asked.cron_expression, TriggerSpec.of(shown) if shown else None), *others])
    if asked.sequence is not None or not renames:
        spec = replace(spec, steps=[rules.get(uid) or StepSpec(uid) for uid in asked.sequence or ()])
    return replace(spec, name=asked.name or queue.name)


def _cron(expression: str | None, there: TriggerSpec | None) -> TriggerSpec:
    """The trigger that is there keeps its zone and its bounds."""
    dialect = dialect_of(expression or "")
    if there is None or there.kind is not TriggerKind.CRON:
        return TriggerSpec(TriggerKind.CRON, services().settings.timezone, expression, dialect)
    return there if there.expression == expression else replace(there, expression=expression, dialect=dialect)


def _document(queue: Job) -> dict[str, Any]:
    document = {
        "name": queue.name,
        "cronExpression": schedule_of(queue.triggers)["cronExpression"],
        "sequence": [step.job.uid for step in queue.steps],
    }
    return {name: value for name, value in document.items() if value is not None}
