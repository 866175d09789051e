"""What is scheduled: /api/jobs, /api/scheduled, /api/details, /api/schedule"""

from flask import Response, jsonify

from app.core.models import Trigger
from app.core.statuses import TriggerKind
from app.web.auth import services
from app.web.control.job_ids import job_id_of
from app.web.control.routes import shows

KINDS = {TriggerKind.CRON: "cron", TriggerKind.ONCE: "one off"}
INTERVAL = "inverval"  # as the real server spells it
DELAYED = "one off delay"


@shows("/jobs")
def jobs() -> Response:
    """The job of each entry: one with three triggers is there three times."""
    return jsonify([entry.job_id for entry in services().entries.list()])


@shows("/scheduled")
def scheduled() -> Response:
    return jsonify([entry.job_id for entry in services().entries.list() if entry.next_fire_at])


@shows("/details")
def details() -> Response:
    """``next_run_time`` is an HTTP date in GMT, or null."""
    return jsonify([_details(entry) for entry in services().entries.list()])


def _details(entry: Trigger) -> dict[str, object]:
    return {
        "id": str(entry.job_id),
        "job_id": job_id_of(entry),
        "name": f"({_kind(entry)}) {entry.job.group}: {entry.job.name}",
        "next_run_time": entry.next_fire_at,  # Flask writes it as an HTTP date
    }


def _kind(entry: Trigger) -> str:
    return DELAYED if entry.delayed else KINDS.get(entry.kind, INTERVAL)


@shows("/schedule")
def schedule() -> Response:
    """The chart of the next 24 hours: 25 numbers of fires, from the rest of this clock hour on."""
    zone = services().settings.zone
    hours = services().entries.plan(zone)
    cases = ["now", *(f"{hour.start.astimezone(zone).hour}:00" for hour in hours[1:])]
    return jsonify([{"case": case, "count": hour.count} for case, hour in zip(cases, hours, strict=True)])
