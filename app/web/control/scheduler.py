"""The scheduler as a whole: /api, /api/pause, /api/resume, /api/shutdown, /api/kill, /api/delete-orphans"""

from flask import Response, jsonify, request

from app.core.entries import Orphan
from app.core.errors import ConflictError, ForbiddenError
from app.core.statuses import PauseScope
from app.web.auth import services
from app.web.control.routes import BY, changes, shows


@shows("")
def alive() -> Response:
    return jsonify(status="alive")


@changes("/pause", "pause all jobs")
def pause() -> Response:
    """Nothing fires until somebody resumes, also after a restart. Entries keep their next times."""
    services().check_timekeeping()
    try:
        services().pauses.begin(PauseScope.ALL, by=BY)
    except ConflictError as error:
        if error.code != "already_paused":
            raise
    return jsonify(message="Scheduler: all jobs paused!")


@changes("/resume", "resume jobs")
def resume() -> Response:
    """End the pause of everything; those of single jobs and groups stay."""
    services().check_timekeeping()
    services().pauses.resume(PauseScope.ALL, by=BY)
    return jsonify(message="Scheduler: all jobs resumed!")


@changes("/shutdown", "shutdown")
def shutdown() -> Response:
    """Stop the timekeeping, and wait for the runs that are going on, as long as they would have at the server's end."""
    _stop("/api/shutdown", services().settings.shutdown_grace)
    return jsonify(message="Scheduler: scheduler shutdown!")


@changes("/kill", "kill")
def kill() -> Response:
    """The same without waiting."""
    _stop("/api/kill", 0)
    return jsonify(message="Scheduler: scheduler killed!")


def _stop(address: str, wait_seconds: float) -> None:
    if not services().settings.control_stop:
        raise ForbiddenError(f"{address} is switched off by CARILLON_CONTROL_STOP")
    services().stop_timekeeping(f"{BY} ({address})", wait_seconds)


@changes("/delete-orphans", "delete orphans")
def delete_orphans() -> Response:
    """Put the list of scheduled entries right. ``?dry_run=1`` only shows what is wrong with it."""
    if request.args.get("dry_run", "") not in ("", "0", "false"):
        found = services().entries.orphans()
        return jsonify(
            message="Scheduler: nothing deleted, dry run!",
            orphans=[_orphan(each) for each in found if each.is_gone],
            missing=[_orphan(each) for each in found if not each.is_gone],
        )
    services().entries.tidy()
    return jsonify(message="Scheduler: orphans deleted!")


def _orphan(orphan: Orphan) -> dict[str, object]:
    return {
        "id": orphan.job_id if orphan.job_id is None else str(orphan.job_id),
        "trigger": orphan.trigger_id,
        "next_run_time": orphan.next_fire_at,
        "reason": orphan.reason,
    }
