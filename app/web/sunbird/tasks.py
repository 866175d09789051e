"""/backgroundtasks"""

from flask import Response

from app.web.auth import Right, allow, current_actor, services
from app.web.sunbird.envelope import success
from app.web.sunbird.routes import route


@route("GET", "")
@allow(Right.EDIT)
def tasks() -> Response:
    found = sorted(services().jobs.list(), key=lambda job: (job.group, job.name))
    return success(
        [{"taskGroup": job.group, "taskName": job.name, "description": job.description} for job in found]
    )  # fmt: skip


@route("POST", "/trigger/<path:name>")
@allow(Right.EDIT)
def trigger(name: str) -> Response:
    """Run now, whatever the schedule says. There is no body; one that is sent is not read."""
    services().runs.request(services().jobs.get_by_name(name).uid, current_actor().name)
    return success("SUCCESS")
