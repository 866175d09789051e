"""Jobs in queues, as DHIS2 knows them: the first one stands for its queue, the others have no schedule at all.

Our core keeps a member's own triggers; this dialect hides them until the job has left its queue and is switched on.
"""

from datetime import datetime
from typing import Any

from app.core.jobs import next_fire
from app.core.members import Place
from app.core.models import Job, Run
from app.core.triggers import TriggerSpec
from app.web.auth import current_actor, services
from app.web.dhis2.errors import RejectedError
from app.web.dhis2.messages import error_report
from app.web.dhis2.schedules import CRON, schedule_of, scheduled
from app.web.dhis2.schemas import Asked
from app.web.dhis2.statuses import status_word
from app.web.dhis2.times import local
from app.web.trigger_schema import says_all

NO_SCHEDULE: dict[str, Any] = {**schedule_of(()), "schedulingType": CRON}


def place_of(job: Job) -> Place | None:
    return services().jobs.places([job]).get(job.id)


def is_enabled(job: Job, place: Place | None) -> bool:
    """The first job of a queue is switched on when both are."""
    return job.enabled and (place is None or place.position > 0 or place.queue.enabled)


def schedule(job: Job, place: Place | None) -> dict[str, Any]:
    """A job's schedule: that of its queue for the first one, none for the others and for who has left."""
    if place and place.position == 0:
        return schedule_of(place.queue.triggers)
    return NO_SCHEDULE if job.triggers_suspended else schedule_of(job.triggers)


def next_execution(job: Job, place: Place | None) -> datetime | None:
    if place and place.position > 0:
        return None
    following = next_fire(place.queue if place else job)
    return following.next_fire_at if following else None


def shown(job: Job, place: Place | None, newest: Run | None) -> dict[str, Any]:
    """What a job's document says otherwise because of its queue."""
    if not job.triggers_suspended:
        return {}
    enabled = is_enabled(job, place)
    return {
        **schedule(job, place),
        "nextExecutionTime": local(next_execution(job, place)),
        "enabled": enabled,
        "jobStatus": status_word(newest.status if newest else None, enabled=enabled),
        "queueName": place.queue.name if place else None,
        "queuePosition": place.position if place else None,
    }


# What is asked of them


def says_schedule(asked: Asked, job: Job, place: Place | None) -> bool:
    """Whether a client says something of the schedule, and does not only send back what it was shown."""
    if asked.triggers is not None and not says_all(asked.triggers, job.triggers):
        return True
    if asked.cron_expression is None and asked.delay is None:
        return bool(asked.continuous_execution)
    return bool(asked.cron_expression != schedule(job, place)["cronExpression"])


def triggers_for(asked: Asked, job: Job, place: Place | None, timezone: str) -> list[TriggerSpec]:
    """Say what a suspended job's own triggers become. Raises ``RejectedError``."""
    if not says_schedule(asked, job, place):
        return [TriggerSpec.of(row) for row in job.triggers]
    if place and place.position == 0 and asked.triggers is None:
        message = f"the schedule of this job is that of its queue `{place.queue.name}`: change it there"
        report = error_report("E7010", f"Failed to validate job runtime: `{message}`", message, field="cronExpression")
        raise RejectedError(job.uid, [report])
    return list(asked.triggers) if asked.triggers else scheduled(asked, job, timezone, enabled=False)


def execute(job: Job, place: Place | None) -> None:
    """Run a job; one in a queue with all that follow it."""
    by = current_actor().name
    if place:
        services().queues.start(place.queue.uid, by, first_step=place.position)
    else:
        services().runs.request(job.uid, by)


def switch(job: Job, place: Place | None, enabled: bool) -> None:
    """Switch a job on or off. The first one of a queue switches the queue."""
    by = current_actor().name
    if place and place.position == 0:
        (services().queues.enable if enabled else services().queues.disable)(place.queue.uid, by)
    if enabled or not place or place.position > 0:
        (services().jobs.enable if enabled else services().jobs.disable)(job.uid, by)
