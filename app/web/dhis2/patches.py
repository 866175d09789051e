"""PATCH of a job configuration: the patched document, read as one that was sent whole."""

from collections.abc import Mapping
from typing import Any

from app.core.models import Job
from app.web import bodies
from app.web.dhis2.documents import document
from app.web.dhis2.json_patch import PatchError, first_names, patched
from app.web.dhis2.schemas import Asked, JobConfiguration

MEDIA_TYPE = "application/json-patch+json"
SCHEDULE = ("cronExpression", "delay", "schedulingType", "continuousExecution")


def asked_by_patch(job: Job) -> Asked:
    """What the request's patch makes of the job. Raises ``PatchError`` and what reading a body raises."""
    operations = bodies.read_json(MEDIA_TYPE)
    whole = document(job)
    unknown = sorted(first_names(operations) - whole.keys())
    if unknown:
        raise PatchError(f"Property does not exist: {unknown[0][:100]}")
    before = {name: value for name, value in whole.items() if value is not None}
    after = patched(before, operations)
    if not isinstance(after, dict):
        raise PatchError("a job configuration is a JSON object")
    asked: Asked = bodies.load(JobConfiguration(), _with_one_schedule(before, after))
    return asked


def _with_one_schedule(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what the patched schedule contradicts: a document says it twice, and a patch changes one of them."""
    changed = {name for name in (*SCHEDULE, "triggers") if before.get(name) != after.get(name)}
    if "triggers" in changed or not changed:
        dropped = set(SCHEDULE) - changed
    else:
        dropped = {"triggers", *({"schedulingType", "continuousExecution"} - changed)}
    return {name: value for name, value in after.items() if name not in dropped}
